"""The stroke that is being drilled: its samples in bins of time, in bounded memory.

A stroke lasts from motor on to motor off. Samples come ten times a second or ten thousand times;
they are averaged over bins that begin 20 ms wide and double whenever there are too many of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

FIRST_BIN_MS = 20
MAX_BINS = 2048
"""41 s in the narrowest bins, 11 minutes in bins of 320 ms."""


@dataclass(slots=True)
class Bin:
    """Means over `count` samples that begin at `start_ms`."""

    start_ms: int
    count: int
    rpm: float
    torque: float
    level: int

    def add(self, rpm: float, torque: float, count: int = 1) -> None:
        """Take more samples into the means."""
        self.count += count
        share = count / self.count
        self.rpm += (rpm - self.rpm) * share
        self.torque += (torque - self.torque) * share


@dataclass(slots=True)
class StrokeBins:
    """What is kept of a stroke until it ends: `hole` and `job` as a recording names them."""

    start_ms: int
    rental: int = 0
    hole: str = ""
    job: str = ""
    width_ms: int = FIRST_BIN_MS
    samples: int = 0
    same: int = 0
    last_ms: int = 0
    last_torque: float = math.nan
    bins: list[Bin] = field(default_factory=list)

    def add(self, time_ms: int, rpm: float, torque: float, level: int) -> None:
        """Take the next sample."""
        self.same += torque == self.last_torque
        self.samples += 1
        self.last_ms, self.last_torque = time_ms, torque
        start = time_ms - (time_ms - self.start_ms) % self.width_ms
        if self.bins and self.bins[-1].start_ms == start:
            self.bins[-1].add(rpm, torque)
        else:
            self.bins.append(Bin(start, 1, rpm, torque, level))
        if len(self.bins) > MAX_BINS:
            self._halve()

    def _halve(self) -> None:
        self.width_ms *= 2
        kept: list[Bin] = []
        for one in self.bins:
            start = one.start_ms - (one.start_ms - self.start_ms) % self.width_ms
            if kept and kept[-1].start_ms == start:
                kept[-1].add(one.rpm, one.torque, one.count)
            else:
                kept.append(Bin(start, one.count, one.rpm, one.torque, one.level))
        self.bins = kept

    @property
    def stuck(self) -> bool:
        """Whether the torque said exactly the same all the time, as no cut does."""
        return self.samples >= 20 and self.same >= self.samples - 2

    @property
    def step_ms(self) -> float:
        """The usual time from a bin to the next."""
        steps = sorted(later.start_ms - earlier.start_ms for earlier, later in pairwise(self.bins))
        return float(steps[len(steps) // 2]) if steps else float(self.width_ms)

    def to_list(self) -> list[Any]:
        """For JSON."""
        named = (self.start_ms, self.rental, self.hole, self.job, self.width_ms, self.samples)
        last = None if math.isnan(self.last_torque) else self.last_torque
        bins = [[one.start_ms, one.count, one.rpm, one.torque, one.level] for one in self.bins]
        return [*named, self.same, self.last_ms, last, bins]

    @classmethod
    def from_list(cls, found: list[Any]) -> StrokeBins:
        """From JSON."""
        *plain, last, bins = found
        torque = math.nan if last is None else last
        stroke = cls(*plain)
        stroke.last_torque, stroke.bins = torque, [Bin(*row) for row in bins]
        return stroke
