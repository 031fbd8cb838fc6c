"""Who is killed when: in every stage of a rental, again and again, while drills drill."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.chaos.stage import ChaosStage, stage_of
from lab.chaos.yard import FUNDS, ChaosYard, Operators
from lab.rig.errors import RigError
from lab.rig.plan import UNBOUND
from lab.rig.process import Daemon, wait_until

PATIENCE_SECONDS = 180.0
"""For a loaded machine; what is waited for takes a few seconds."""

PROBE_SECONDS = 0.1
CLOSED = 4

OPENING, DRILLING, CLOSING = 2, 5, 2
"""SIGKILLs of a round in each of its stages; some are followed by one more while the oracle
catches up."""

DEEPEST = 4
SAFE_BLOCKS = 2 * DEEPEST
"""Reorganisations leave the openings alone: what a vanished opening leads to is the simulation's,
which knows of each fork what the bill must be."""


@dataclass
class ChaosRecord:
    """What was done, and what it took."""

    kills: Counter[str] = field(default_factory=Counter)
    stages: dict[str, Counter[str]] = field(default_factory=dict)
    """By stage: how often which process was killed in it."""

    faults: Counter[str] = field(default_factory=Counter)
    excused: dict[int, set[int]] = field(default_factory=dict)
    """By drill: what a controller may have had and not passed on when it was killed."""

    rentals: list[tuple[int, int]] = field(default_factory=list)
    """Drill and rental."""

    restarts_seconds: list[float] = field(default_factory=list)
    restarts_failing_seconds: list[float] = field(default_factory=list)
    restarts_in_vain: int = 0
    """After these the box settled nothing, for as long as anybody waited."""

    strokes: int = 0


class Story:
    """One run."""

    def __init__(self, yard: ChaosYard, seed: int, say: Callable[[str], None]) -> None:
        self._yard, self._dice, self._say = yard, random.Random(seed), say  # noqa: S311
        self.record = ChaosRecord()
        self._running: list[int] = []
        self._opened_block = 0
        self._oracle_log = 0

    def tell(self, kills: int, measured: int) -> ChaosRecord:
        """Rentals under fire, then restarts by the clock, with good and with bad RPC."""
        yard, record = self._yard, self.record
        operators = Operators(yard)
        operators.start()
        while record.kills.total() < kills:
            self._round(kills)
            self._say(f"{record.kills.total()} killed, {len(record.rentals)} rentals closed")
        self._measure(measured)
        operators.stopping.set()
        operators.join(30)
        record.strokes = operators.strokes
        record.faults += yard.rpc.faults
        return record

    def _round(self, kills: int) -> None:
        """A rental of each drill, from its opening to its closing, under fire all the time."""
        self._open()
        self._fire(ChaosStage.OPENING, OPENING, kills)
        self._calm("leases", self._leased)
        self._fire(ChaosStage.DRILLING, DRILLING, kills)
        self._end()
        self._fire(ChaosStage.CLOSING, CLOSING, kills)
        self._calm("every rental closes", self._closed)

    def _measure(self, count: int) -> None:
        """Restarts by the clock, while drills drill."""
        yard, record = self._yard, self.record
        self._open()
        self._calm("leases again", self._leased)
        for seconds, failing in (
            (record.restarts_seconds, 0.0),
            (record.restarts_failing_seconds, 0.3),
        ):
            yard.rpc.failing = failing
            for _ in range(count):
                self._restart(seconds)
        self._end()
        self._calm("the last rentals close", self._closed)
        time.sleep(4)  # the last samples on their way, and the block that confirms

    # Rentals --------------------------------------------------------------------------------

    def _open(self) -> None:
        function = self._yard.contract.functions
        self._running = []
        for drill in self._yard.numbers:
            call = function.open_rental(drill, 1, FUNDS, *UNBOUND)
            self._yard.send(call, self._yard.customer, FUNDS)
            rental = int(function.rental_count().call())
            self._running.append(rental)
            self.record.rentals.append((drill, rental))
        self._opened_block = self._yard.web3.eth.block_number

    def _end(self) -> None:
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        for rental in self._running:
            function = self._yard.contract.functions.end_rental(rental)
            self._yard.send(function, self._yard.customer)

    def _leased(self) -> bool:
        try:
            states = [one.state()["state"] for one in self._yard.controllers.values()]
        except RigError:
            return False  # it is not up again yet
        return all(state in ("READY", "RUNNING", "COASTING") for state in states)

    def _closed(self) -> bool:
        return all(self.state(rental) == CLOSED for rental in self._running)

    def state(self, rental: int) -> int:
        """OPEN, ENDED or CLOSED as a number."""
        found: Any = self._yard.contract.functions.rental(rental).call()
        return int(found[4])

    def _calm(self, what: str, probe: Callable[[], bool]) -> None:
        """Nothing fails and everything runs until this has come true."""
        yard = self._yard
        yard.rpc.failing = yard.mqtt.delay_seconds = 0
        for daemon in (yard.broker, *yard.controllers.values(), *yard.bridges.values()):
            if daemon.exit_code is not None:
                daemon.start()

        def runs_and_holds() -> bool:
            self._keep_running()
            return probe()

        wait_until(what, runs_and_holds, PATIENCE_SECONDS)

    def _keep_running(self) -> None:
        """As a service manager does: what ended by itself is started again."""
        if self._yard.oracle.exit_code is not None:
            self._start(self._yard.oracle)

    # Faults ---------------------------------------------------------------------------------

    def _fire(self, stage: ChaosStage, count: int, kills: int) -> None:
        for _ in range(count):
            if self.record.kills.total() < kills:
                self._strike(stage)

    def _strike(self, stage: ChaosStage) -> None:
        """A pause that falls anywhere, perhaps another fault, and a SIGKILL."""
        dice, yard = self._dice, self._yard
        pauses = (dice.uniform(0, 0.3), dice.uniform(0, 1.5), dice.uniform(1, 5))
        time.sleep(dice.choice(pauses) if stage is ChaosStage.DRILLING else dice.uniform(0, 1))
        self._other_fault(stage)
        drill = dice.choice(yard.numbers)
        victim: Daemon = dice.choices(
            (yard.oracle, yard.bridges[drill], yard.controllers[drill], yard.broker),
            (6, 3, 2, 1),
        )[0]
        self._kill(victim, stage, drill)
        if victim is yard.oracle and dice.random() < 0.3:
            time.sleep(dice.uniform(0.5, 4))
            self._kill(victim, stage, drill)

    def _kill(self, victim: Daemon, stage: ChaosStage, drill: int) -> None:
        found = stage_of(stage, self._yard, self._yard.events("oracle", self._oracle_log))
        if victim is self._yard.controllers[drill]:
            self._excuse(drill)
        victim.kill()
        if victim.exit_code == -9:
            name = victim.name.split()[0]
            self.record.kills[name] += 1
            self.record.stages.setdefault(found, Counter())[name] += 1
        time.sleep(self._dice.uniform(0, 0.8))
        self._start(victim)

    def _start(self, daemon: Daemon) -> None:
        if daemon is self._yard.oracle:
            self._oracle_log = daemon.log.stat().st_size
        daemon.start()

    def _other_fault(self, stage: ChaosStage) -> None:
        dice, yard, faults = self._dice, self._yard, self.record.faults
        yard.rpc.failing = dice.choice((0, 0, 0.1, 0.3))
        yard.mqtt.delay_seconds = dice.choice((0, 0, 0.05))
        if dice.random() < 0.15:
            faults["mqtt connections cut"] += 1
            yard.mqtt.cut()
        old_enough = yard.web3.eth.block_number >= self._opened_block + SAFE_BLOCKS
        if stage is ChaosStage.DRILLING and old_enough and dice.random() < 0.3:
            try:
                yard.anvil.rpc("anvil_reorg", dice.randrange(1, DEEPEST + 1), [])
            except RigError:
                faults["reorganisation refused by the node"] += 1
            else:
                faults["reorganisation"] += 1
                self._catch_up_time()

    def _catch_up_time(self) -> None:
        """The node's clock goes back to the last block that both forks have, and would lag behind
        further with each reorganisation, until the oracle rightly takes the chain to stand."""
        head: Any = self._yard.web3.eth.get_block("latest")
        lag_seconds = int(time.time()) - int(head["timestamp"])
        if lag_seconds > 1:
            self._yard.anvil.rpc("evm_increaseTime", lag_seconds)

    def _excuse(self, drill: int) -> None:
        """A controller that is killed loses what the bridge had not taken yet."""
        try:
            sequence = int(self._yard.controllers[drill].state()["sequence"])
        except (RigError, KeyError):
            return
        window = range(max(sequence - 40, 1), sequence + 40)
        self.record.excused.setdefault(drill, set()).update(window)

    # By the clock ---------------------------------------------------------------------------

    def _restart(self, seconds: list[float]) -> None:
        """Kill the oracle; note how long from its start until a transaction of its is mined, s."""
        oracle = self._yard.oracle
        oracle.kill()
        self.record.kills["oracle"] += 1
        self.record.stages.setdefault("restarts by the clock", Counter())["oracle"] += 1
        time.sleep(1.5)  # what was on its way is mined
        before = self._mined()
        self._start(oracle)
        begun = time.monotonic()
        while self._mined() == before:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                self._say(f"no settlement within {PATIENCE_SECONDS:g} s of a restart")
                self.record.restarts_in_vain += 1
                return
            self._keep_running()  # the endpoint failed as it started, and it said so
            time.sleep(PROBE_SECONDS)
        seconds.append(time.monotonic() - begun)

    def _mined(self) -> int:
        return self._yard.web3.eth.get_transaction_count(self._yard.gas.address)
