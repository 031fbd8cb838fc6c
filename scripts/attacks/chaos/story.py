"""Who is killed when: at a random moment, while drills drill and rentals settle."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from attacks.chaos.yard import FUNDS, Operators, Yard
from rig.errors import RigError
from rig.process import Daemon, wait_until

PATIENCE_SECONDS = 120.0
"""For a loaded machine; what is waited for takes a few seconds."""

PROBE_SECONDS = 0.1
CLOSED = 4


@dataclass
class Record:
    """What was done, and what it took."""

    kills: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    excused: dict[int, set[int]] = field(default_factory=dict)
    """By drill: what a controller may have had and not passed on when it was killed."""

    rentals: list[int] = field(default_factory=list)
    restarts_seconds: list[float] = field(default_factory=list)
    restarts_failing_seconds: list[float] = field(default_factory=list)
    strokes: int = 0


class Story:
    """One run."""

    def __init__(self, yard: Yard, seed: int, say: Callable[[str], None]) -> None:
        self._yard, self._dice, self._say = yard, random.Random(seed), say  # noqa: S311
        self.record = Record()

    def tell(self, kills: int, measured: int) -> Record:
        """Rentals under fire, then restarts by the clock, with good and with bad RPC."""
        yard, record = self._yard, self.record
        operators = Operators(yard)
        self._open()
        self._wait("a first lease", self._leased)
        operators.start()
        while record.kills.total() < kills:
            self._strike()
            if record.kills.total() % 20 == 0:
                self._say(f"{record.kills.total()} killed, {record.faults.total()} other faults")
        self._revive()
        for seconds, failing in (
            (record.restarts_seconds, 0.0),
            (record.restarts_failing_seconds, 0.3),
        ):
            yard.rpc.failing = failing
            seconds += [self._restart() for _ in range(measured)]
        yard.rpc.failing = 0.0
        operators.stopping.set()
        operators.join(30)
        record.strokes = operators.strokes
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        self._end()
        record.faults += yard.rpc.faults
        return record

    def _open(self) -> None:
        function = self._yard.contract.functions
        for drill in self._yard.numbers:
            call = function.open_rental(drill, 1, FUNDS)
            self._yard.send(call, self._yard.customer, FUNDS)
            self.record.rentals.append(int(function.rental_count().call()))

    def _leased(self) -> bool:
        try:
            states = [one.state()["state"] for one in self._yard.controllers.values()]
        except RigError:
            return False  # it is not up again yet
        return all(state in ("READY", "RUNNING", "COASTING") for state in states)

    def _wait(self, what: str, probe: Callable[[], bool]) -> None:
        wait_until(what, probe, PATIENCE_SECONDS, self._yard.oracle)

    # Faults ---------------------------------------------------------------------------------

    def _strike(self) -> None:
        """A pause that falls anywhere, perhaps another fault, and a SIGKILL."""
        dice, yard = self._dice, self._yard
        time.sleep(dice.choice((dice.uniform(0, 0.3), dice.uniform(0, 1.5), dice.uniform(1, 5))))
        self._other_fault()
        drill = dice.choice(yard.numbers)
        victim: Daemon = dice.choices(
            (yard.oracle, yard.bridges[drill], yard.controllers[drill], yard.broker),
            (6, 3, 2, 1),
        )[0]
        self._note_stage(victim)
        if victim is yard.controllers[drill]:
            self._excuse(drill)
        victim.kill()
        if victim.exit_code == -9:
            self.record.kills[victim.name.split()[0]] += 1
        time.sleep(dice.uniform(0, 0.8))
        victim.start()

    def _other_fault(self) -> None:
        dice, yard, faults = self._dice, self._yard, self.record.faults
        yard.rpc.failing = dice.choice((0, 0, 0.1, 0.3))
        yard.mqtt.delay_seconds = dice.choice((0, 0, 0.05))
        if dice.random() < 0.15:
            faults["mqtt connections cut"] += 1
            yard.mqtt.cut()
        if dice.random() < 0.1:
            depth = dice.randrange(1, 5)
            try:
                yard.anvil.rpc("anvil_reorg", depth, [])
            except RigError:
                faults["reorganisation refused by the node"] += 1
            else:
                faults["reorganisation"] += 1

    def _note_stage(self, victim: Daemon) -> None:
        """The newest line of its log says what it was doing."""
        name = victim.log.stem
        lines = self._yard.events(name)
        if lines and victim is self._yard.oracle:
            self.record.stages[f"oracle after: {lines[-1].get('event', '?')}"] += 1
        else:
            self.record.stages[name] += 1

    def _excuse(self, drill: int) -> None:
        """A controller that is killed loses what the bridge had not taken yet."""
        try:
            sequence = int(self._yard.controllers[drill].state()["sequence"])
        except (RigError, KeyError):
            return
        window = range(max(sequence - 40, 1), sequence + 40)
        self.record.excused.setdefault(drill, set()).update(window)

    def _revive(self) -> None:
        """Everything runs and nothing fails from here on."""
        yard = self._yard
        yard.rpc.failing = yard.mqtt.delay_seconds = 0
        for daemon in (yard.broker, *yard.controllers.values(), *yard.bridges.values()):
            if daemon.exit_code is not None:
                daemon.start()
        self._keep_running()
        self._wait("leases again", self._leased)

    def _keep_running(self) -> None:
        """As a service manager does: what ended by itself is started again."""
        if self._yard.oracle.exit_code is not None:
            self._yard.oracle.start()

    # By the clock ---------------------------------------------------------------------------

    def _restart(self) -> float:
        """Kill the oracle; how long from its start until a transaction of its is mined, s."""
        oracle = self._yard.oracle
        oracle.kill()
        self.record.kills["oracle"] += 1
        time.sleep(1.5)  # what was on its way is mined
        before = self._mined()
        oracle.start()
        begun = time.monotonic()
        while self._mined() == before:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                self._say(f"no settlement within {PATIENCE_SECONDS:g} s of a restart")
                break
            self._keep_running()  # the endpoint failed as it started, and it said so
            time.sleep(PROBE_SECONDS)
        return time.monotonic() - begun

    def _mined(self) -> int:
        return self._yard.web3.eth.get_transaction_count(self._yard.gas.address)

    # The end --------------------------------------------------------------------------------

    def _end(self) -> None:
        functions = self._yard.contract.functions
        for rental in self.record.rentals:
            self._yard.send(functions.end_rental(rental), self._yard.customer)
        self._wait("every rental closes", self._closed)
        time.sleep(4)  # the last samples on their way, and the block that confirms

    def _closed(self) -> bool:
        self._keep_running()
        return all(self.state(rental) == CLOSED for rental in self.record.rentals)

    def state(self, rental: int) -> int:
        """OPEN, ENDED or CLOSED as a number."""
        found: Any = self._yard.contract.functions.rental(rental).call()
        return int(found[4])
