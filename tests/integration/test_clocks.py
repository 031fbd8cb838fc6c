"""A chain whose time is behind the box's clock: who is billed for what.

Every part is real, the drill's controller and bridge too, and the clock rules are the defaults.
What was drilled is told by the controller's odometer alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from oracle_builders import MESSAGE_KEYS
from oracle_world import TARIFF, World

from lab.rig import plan
from lab.rig.audit import Audited, audit, wait_for_publication
from lab.rig.box_files import write_secret
from lab.rig.drill import BridgeProgram, ControllerProgram
from lab.rig.ledger import ContractLedger
from lab.rig.listener import TopicListener
from lab.rig.plan import UNBOUND
from lab.rig.process import wait_until
from protocol.records import Registers, RentalState
from protocol.tariff import charge as charge_of

pytestmark = pytest.mark.integration

DRILL = 2
"""The first one of the world is played by a thread, and stays at rest."""

FUNDS = 10**18
PATIENCE_SECONDS = 300.0
STROKE_MS = 2_500
OUT_OF_STEP = "clock differs from chain"
LONG_AGO_SECONDS = 1_000
BLOCKS = 4

STRAY_SECONDS = 2.5
"""What whole seconds and the way of a block make a chain seem further behind than it is."""

NOTHING = (0,) * 6

SPINNING_UP = 5
"""Revolutions. A meter takes the speed of a sample for the time up to the next one, the odometer
that of each moment: while the spindle speeds up, as many as in one such time at full speed."""


def drilled(controller: ControllerProgram) -> tuple[int, ...]:
    """What the odometer says, in the order of registers: it began with 0."""
    return tuple(controller.state()["odometer"].values())


class Clocks:
    """A world whose chain's time is `behind` seconds behind this machine's, with one real drill."""

    def __init__(self, folder: Path, behind: int) -> None:
        start = int(time.time()) - behind - LONG_AGO_SECONDS
        self.folder, self.behind = folder, behind
        self.published = folder / "samples"
        self._world = World(folder, drills=DRILL, anvil_options=("--timestamp", str(start)))
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.world = world = stack.enter_context(self._world)
            world.anvil.rpc("evm_setTime", int(time.time()) - self.behind)
            self.customers = [str(one) for one in world.web3.eth.accounts[1:3]]
            self.ledger = ContractLedger(world.anvil.url, world.contract.address)
            self.published.mkdir()
            sections = {"publication__folder": f'"{self.published}"'}
            sections |= {"publication__period_seconds": "1"}
            world.settings.write_text(world.settings_text(**sections))
            write_secret(plan.message_key_file(self.folder, DRILL), MESSAGE_KEYS[DRILL].hex())
            self.listener = stack.enter_context(TopicListener(world.broker.port, MESSAGE_KEYS))
            logs, port = self.folder / "logs", world.broker.port
            box = world.provisioning(DRILL)
            self.controller = stack.enter_context(ControllerProgram(box, self.folder, logs))
            wait_until("the controller", self.controller.up, PATIENCE_SECONDS)
            bridge = BridgeProgram(DRILL, self.controller.port, port, self.folder, logs)
            stack.enter_context(bridge)
            self.oracle = stack.enter_context(world.daemon())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wait(self, what: str, probe: Callable[[], bool]) -> None:
        wait_until(what, probe, PATIENCE_SECONDS, self.oracle)

    def blocks(self, count: int) -> None:
        """Let so many blocks come; each is behind by what was ordered, and the soonest hardly more:
        how long this machine takes to see one says nothing."""
        eth, leasts = self.world.web3.eth, list[float]()
        newest = last = eth.block_number

        def enough() -> bool:
            nonlocal newest
            block = eth.get_block("latest")
            if block["number"] > newest:
                newest = block["number"]
                leasts.append(time.time() - block["timestamp"])
            return newest >= last + count and min(leasts) < self.behind + STRAY_SECONDS

        self.wait(f"{count} blocks that are {self.behind} s behind", enough)
        assert min(leasts) >= self.behind

    def open(self, customer: str) -> int:
        """A rental of the drill; its number."""
        functions = self.world.contract.functions
        self.world.send(functions.open_rental(DRILL, 1, FUNDS, *UNBOUND), customer, FUNDS)
        return int(functions.rental_count().call())

    def end(self, rental: int) -> None:
        """Its customer ends the rental."""
        customer = self.world.rental(rental)["customer"]
        self.world.send(self.world.contract.functions.end_rental(rental), customer)

    def closed(self, rental: int) -> tuple[tuple[int, ...], int]:
        """Registers and charge of a rental, closed by the reading of its end."""
        found = self.world.rental
        self.wait("closed", lambda: found(rental)["state"] == RentalState.CLOSED)
        assert found(rental)["until"] == found(rental)["ended_at"] * 1000
        functions = self.world.contract.functions
        return tuple(functions.registers(rental).call()), functions.charge(rental).call()

    def audited(self, rentals: list[int]) -> Audited:
        """What an auditor says who has the chain and the published samples."""
        ledger, domain = self.ledger, self.world.domain
        wait_for_publication(ledger, domain, self.published, rentals, PATIENCE_SECONDS)
        files = (self.folder / "audit.json", self.folder / "audit.html")
        place = (self.world.anvil.url, self.world.contract.address, self.published)
        return audit(*place, *files, seconds=PATIENCE_SECONDS)

    def samples_name(self, rental: int) -> bool:
        """Whether the drill's newest samples name this rental."""
        samples = self.listener.samples(DRILL)
        return bool(samples) and samples[-1].rental == rental


@pytest.mark.parametrize("behind", [0, 2])
def test_bill__chain_hardly_behind__each_customer_owes_what_was_drilled_under_her_leases(
    tmp_path: Path, behind: int
) -> None:
    with Clocks(tmp_path, behind) as clocks:
        clocks.blocks(BLOCKS)
        controller, (first_customer, second_customer) = clocks.controller, clocks.customers
        first = clocks.open(first_customer)
        clocks.wait("ready", lambda: controller.state()["state"] == "READY")
        clocks.wait("a start", lambda: bool(controller.do("pull")["motor_on"]))
        clocks.wait("a stroke", lambda: drilled(controller)[0] >= STROKE_MS)
        controller.do("release")
        clocks.wait("standstill", lambda: controller.state()["rpm"] == 0)
        clocks.end(first)
        registers, charge = clocks.closed(first)
        clocks.blocks(BLOCKS)
        leases = clocks.listener.leases[DRILL]
        second = clocks.open(second_customer)
        clocks.wait("her lease", lambda: clocks.listener.leases[DRILL] > leases)
        clocks.wait("her samples", lambda: clocks.samples_name(second))
        clocks.blocks(BLOCKS)
        clocks.end(second)
        *active_ms, turns, _, _ = drilled(controller)
        assert registers[:3] == tuple(active_ms)
        assert abs(registers[3] - turns) <= SPINNING_UP
        assert charge == charge_of(TARIFF, Registers(*registers), 0)
        assert clocks.closed(second) == (NOTHING, 0)
        found = clocks.audited([first, second])
        assert (found.findings, found.gaps, found.clean) == ((), 0, True)


@pytest.mark.parametrize("behind", [12, 45])
def test_bill__chain_far_behind__no_lease_goes_out_and_nobody_owes_anything(
    tmp_path: Path, behind: int
) -> None:
    with Clocks(tmp_path, behind) as clocks:
        rentals: list[int] = []
        for customer in clocks.customers:
            rentals.append(clocks.open(customer))
            clocks.wait("word", lambda: clocks.listener.inhibit_reason(DRILL) == OUT_OF_STEP)
            clocks.wait("her samples", lambda: clocks.samples_name(rentals[-1]))
            clocks.blocks(BLOCKS)
            refused = clocks.controller.do("pull")
            assert refused["error"] == f"inhibited: {OUT_OF_STEP}"
            assert not refused["motor_on"]
            clocks.end(rentals[-1])
            assert clocks.closed(rentals[-1]) == (NOTHING, 0)
        assert clocks.listener.inhibit_reason(DRILL) == OUT_OF_STEP
        assert clocks.listener.leases[DRILL] == 0
        assert drilled(clocks.controller) == NOTHING
        found = clocks.audited(rentals)
        assert (found.findings, found.clean) == ((), True)
