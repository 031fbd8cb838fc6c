"""An independent meter and bill, from the samples that really were.

It walks over intervals, not states: each interval of a rental's log is judged by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chain.views import RentalView
from lab.rig.rfc6962 import tree
from protocol.records import Registers, Tariff
from protocol.sample import Sample

LONGEST_INTERVAL_MS = 200


@dataclass(frozen=True, slots=True)
class Interval:
    """Between two counted samples: what it adds; `size` samples of the log are needed for it."""

    size: int
    until: int
    level: int
    active_ms: int
    rpm_ms: int


class SimulatedBill:
    """What one rental comes to after each number of samples of its log."""

    def __init__(
        self,
        rental: RentalView,
        tariff: Tariff,
        samples: Sequence[tuple[Sample, bytes]],
        after: int = 0,
    ) -> None:
        """`samples` are all of the drill, sequences rising; up to `after` they are of another
        rental that had the number."""
        self.rental, self.tariff = rental, tariff
        self.log = [
            one for one in samples if one[0].rental == rental.rental and one[0].sequence > after
        ]
        self.intervals = [*self._intervals()]

    def _intervals(self) -> list[Interval]:
        found: list[Interval] = []
        highest = [one.max_rpm for one in self.tariff.levels]
        before: Sample | None = None
        for size, (sample, _) in enumerate(self.log, start=1):
            if before is None:
                if not sample.motor_on:
                    before = sample
                    found.append(Interval(size, sample.time_ms, 1, 0, 0))
                continue
            passed_ms = sample.time_ms - before.time_ms
            active_ms = rpm_ms = 0
            if before.motor_on and 0 <= passed_ms <= LONGEST_INTERVAL_MS:
                active_ms = passed_ms
                rpm_ms = min(before.rpm, highest[before.level - 1]) * passed_ms
            found.append(Interval(size, sample.time_ms, before.level, active_ms, rpm_ms))
            before = sample
        return found

    @cached_property
    def _by_size(self) -> dict[int, Registers]:
        """Registers after so many samples of the log."""
        active, rpm = [0, 0, 0], [0, 0, 0]
        table = {}
        place = 0
        for size in range(len(self.log) + 1):
            while place < len(self.intervals) and self.intervals[place].size == size:
                one = self.intervals[place]
                active[one.level - 1] += one.active_ms
                rpm[one.level - 1] += one.rpm_ms
                place += 1
            table[size] = Registers(*active, *[value // 60_000 for value in rpm])
        return table

    def registers(self, size: int) -> Registers | None:
        """After so many samples of the log; None when it has fewer."""
        return self._by_size.get(size)

    def until(self, time_ms: int) -> Registers:
        """Counting what is dated no later."""
        size = max((one.size for one in self.intervals if one.until <= time_ms), default=0)
        return self._by_size[size]

    def root(self, size: int) -> bytes:
        """Of the log's first samples."""
        return tree([raw for _, raw in self.log[:size]])


def cost(tariff: Tariff, registers: Registers, elapsed_ms: int) -> int:
    """As the README has it."""
    total = elapsed_ms * tariff.standing_price_per_second
    for level, rate in enumerate(tariff.levels):
        total += registers.active_ms[level] * rate.price_per_second
        total += registers.revolutions[level] * rate.price_per_1000_revolutions
    return total // 1000
