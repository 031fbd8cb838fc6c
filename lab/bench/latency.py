"""How long a drill takes to unlock and to lock: the demo's world with its programs, anvil with a
block a second, the finality policy `latest-1`, one endpoint.

**Unlocking** runs from the block with the deposit, of which the receipt tells at most LOOK_SECONDS
later, to the controller's state READY. That includes the block on top that the policy waits for.

**Locking**: a customer drills until the credit is used up, and lets go. `exhausted` is the sample
with which headroom was gone, by its own time, metered here from what the drill sent. `told` is when
the oracle's inhibit came over the broker. `locked` is when the controller was first seen LOCKED, to
be held against standstill: the first look that shows the spindle at rest.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.rig import plan
from lab.rig.errors import RigError
from lab.rig.ledger import ContractLedger, Customer
from lab.rig.plan import UNBOUND
from lab.rig.world import World
from oracle.meter.meter import highest_rpm
from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.records import RentalState
from protocol.sample import Sample, encode_sample
from protocol.tariff import charge, highest_charge

LOOK_SECONDS = 0.02
STEP_SECONDS = 60.0
TARIFF = 1
STROKE_SECONDS = 3
"""What the customer pays for above the reserve, at the most expensive level."""

UNLOCK_AIM_MS, LOCK_AIM_MS = 3_000, 1_000


@dataclass(frozen=True, slots=True)
class Round:
    """One rental; all in ms. `lock_after_standstill_ms` is what the aim is about."""

    drill: int
    unlock_ms: int
    told_after_exhausted_ms: int
    lock_after_standstill_ms: int


@dataclass(frozen=True, slots=True)
class LatencyFigure:
    """All rounds, and the median, the 95th percentile and the longest of each."""

    rounds: list[Round]
    unlock_ms: tuple[int, int, int]
    told_after_exhausted_ms: tuple[int, int, int]
    lock_after_standstill_ms: tuple[int, int, int]


class Tester:
    """One customer at one drill."""

    def __init__(self, world: World, drill: int) -> None:
        self._world, self._drill = world, drill
        self._controller, self._listener = world.controllers[drill], world.listener
        self._ledger: ContractLedger = world.ledger()
        self._customer = Customer(self._ledger, f"customer of drill {drill}")
        world.give_coins(self._customer.address)
        reserve = highest_charge(world.tariff, plan.RESERVE_MS)
        self._amount = reserve + world.tariff.levels[2].price_per_second * STROKE_SECONDS
        self._reserve = reserve

    def round(self) -> Round:
        """Rent, drill until nothing is left, let go, end."""
        opened_s = self._open()
        unlock_ms = self._until(lambda: self._state()["state"] == "READY", "unlocked") - opened_s
        rental = int(self._ledger.call("drill", self._drill)[2])
        self._controller.do("level", level=3)
        if "error" in self._controller.do("pull"):
            raise RigError(f"drill {self._drill}: pull refused when ready")
        told = self._until(
            lambda: self._listener.inhibit_reason(self._drill) == "credit exhausted", "told"
        )
        self._controller.do("release")
        rest = self._until(lambda: self._state()["rpm"] == 0, "standstill")
        locked = self._until(lambda: self._state()["state"] == "LOCKED", "locked")
        refused = self._controller.do("pull")
        self._controller.do("release")
        if "error" not in refused or refused["motor_on"]:
            raise RigError(f"drill {self._drill} starts without credit")
        exhausted_ms = self._exhausted_ms(rental)
        self._end(rental)
        return Round(
            self._drill,
            round(unlock_ms * 1000),
            round(told * 1000) - exhausted_ms,
            round((locked - rest) * 1000),
        )

    def _open(self) -> float:
        """Unix s of the receipt, less the longest pause since the block."""
        arguments = (self._drill, TARIFF, self._amount)
        self._customer.send("open_rental", *arguments, *UNBOUND, value=self._amount)
        return time.time() - 0.05  # the pause between two looks of `Customer.send`

    def _end(self, rental: int) -> None:
        self._customer.send("end_rental", rental)
        self._until(lambda: self._ledger.rental(rental).state is RentalState.CLOSED, "closed")
        self._until(lambda: self._listener.inhibit_reason(self._drill) == "no rental", "free again")

    def _state(self) -> dict[str, Any]:
        return self._controller.state()

    def _until(self, probe: Callable[[], bool], what: str) -> float:
        """When it was first seen, Unix s."""
        deadline = time.monotonic() + STEP_SECONDS
        while not probe():
            self._world.require_running()
            time.sleep(LOOK_SECONDS)
            if time.monotonic() > deadline:
                reason = self._listener.inhibit_reason(self._drill)
                raise RigError(f"drill {self._drill} is not {what} ({reason or 'no inhibit'})")
        return time.time()

    def _exhausted_ms(self, rental: int) -> int:
        facts = self._ledger.rental(rental)
        log = RentalLog(rental, highest_rpm(self._world.tariff))
        return exhausted_ms(
            log,
            facts.opened_at * 1000,
            self._listener.samples(self._drill),
            self._world,
            facts.funded - self._reserve,
        )


def exhausted_ms(
    log: RentalLog, opened_ms: int, samples: Sequence[Sample], world: World, limit: int
) -> int:
    """The time of the first sample with which the charge has reached `limit`, Unix ms."""
    for sample in samples:
        log, _ = log.append(LoggedSample(sample, encode_sample(sample)))
        if log.until is None:
            continue
        elapsed_ms = max(sample.time_ms - opened_ms, 0)
        if charge(world.tariff, log.meter.registers, elapsed_ms) >= limit:
            return sample.time_ms
    raise RigError("the samples do not show the credit used up")


def measure_latency(rounds: int, say: Callable[[str], None]) -> LatencyFigure:
    """So many rentals, half of them on either drill, side by side."""
    found: list[Round] = []
    failures: list[BaseException] = []

    def work(world: World, drill: int, times: int) -> None:
        try:
            tester = Tester(world, drill)
            for _ in range(times):
                found.append(tester.round())
                say(str(asdict(found[-1])))
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread
            failures.append(error)

    with (
        tempfile.TemporaryDirectory(prefix="sd-") as name,
        World(Path(name), None, say, embedded=False) as world,
    ):
        parts = [rounds // 2, rounds - rounds // 2]
        threads = [
            threading.Thread(target=work, args=(world, drill, times))
            for drill, times in zip(world.numbers, parts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return LatencyFigure(
        found,
        _spread([one.unlock_ms for one in found]),
        _spread([one.told_after_exhausted_ms for one in found]),
        _spread([one.lock_after_standstill_ms for one in found]),
    )


def _spread(values: Sequence[int]) -> tuple[int, int, int]:
    """Median, 95th percentile (nearest rank) and longest."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[-(-len(ordered) * 95 // 100) - 1], ordered[-1]


def latency_table(one: LatencyFigure) -> str:
    """For a terminal and for Markdown."""
    rows = [
        ("deposit mined to drill startable", one.unlock_ms, f"95 %: {UNLOCK_AIM_MS:,}"),
        ("credit used up to inhibit told", one.told_after_exhausted_ms, ""),
        ("standstill to locked", one.lock_after_standstill_ms, f"{LOCK_AIM_MS:,}"),
    ]
    lines = [f"| ms, {len(one.rounds)} rentals | median | 95 % | longest | aim |"]
    lines.append("|---|---|---|---|---|")
    lines += [f"| {name} | {a:,} | {b:,} | {c:,} | {aim} |" for name, (a, b, c), aim in rows]
    return "\n".join(lines)
