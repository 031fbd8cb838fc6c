"""What stands for a drill with its bridge in the soak: it makes up samples, keeps them until they
are journalled as a spool does, and meters them in its own way.
"""

from __future__ import annotations

import random
import struct
from hashlib import sha256

from protocol.records import Registers
from protocol.sample import SAMPLE_PERIOD_MS, ControllerFault, Sample, encode_sample

NOTE = struct.Struct("<QQBBI")
"""What the drill's own meter notes of a sample: time in Unix ms, rental that it names, level, motor
on, rpm."""

REST, STROKE, COAST = "rest", "stroke", "coast"
NEXT = {REST: STROKE, STROKE: COAST, COAST: REST}
LENGTHS = {REST: (5, 20), STROKE: (10, 60), COAST: (2, 4)}
"""Samples of each, at least and at most."""

SCATTER_MS = 8
"""A sample is late by less than this, so that times are not round numbers."""


class Kept:
    """Samples that are not journalled yet, as `device.bridge.spool.Spool` keeps them, in memory:
    several hundred spools on one disk would be what is measured."""

    def __init__(self) -> None:
        self.oldest, self.journalled, self.newest = 1, 0, 0
        self._held: dict[int, bytes] = {}

    def put(self, sequence: int, encoded: bytes) -> None:
        """Keep a sample."""
        self._held[sequence] = encoded
        self.newest = sequence

    def pending(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` samples with a sequence over `after`, oldest first."""
        first = max(after, self.journalled) + 1
        last = min(self.newest, first + limit - 1)
        return [(number, self._held[number]) for number in range(first, last + 1)]

    def oldest_held(self, after: int) -> int | None:
        """The lowest sequence over `after` that is here; None when there is none."""
        first = max(after, self.journalled) + 1
        return first if first <= self.newest else None

    def forget(self, up_to: int) -> None:
        """All up to here are journalled."""
        for number in range(self.journalled + 1, min(up_to, self.newest) + 1):
            del self._held[number]
        self.journalled = max(self.journalled, min(up_to, self.newest))


class TurningDrill:
    """A drill at work: rest, a stroke at some level, coasting, rest; speeds vary, and some are
    higher than the tariff bills."""

    def __init__(
        self, drill: int, rental: int, seed: int, first_ms: int, highest: list[int]
    ) -> None:
        """`highest` are the speeds that its tariff bills at most, by level."""
        self.drill, self.rental, self._highest = drill, rental, highest
        self.kept, self.notes, self.digest = Kept(), bytearray(), sha256()
        self._dice = random.Random(f"{seed} {drill}")  # noqa: S311
        self._first_ms = first_ms + drill * 37 % (SAMPLE_PERIOD_MS - SCATTER_MS)
        self._phase, self._left, self._level, self._speed = REST, LENGTHS[REST][0], 1, 0
        self._before: Sample | None = None
        self._active, self._rpm_ms = [0, 0, 0], [0, 0, 0]

    def produce(self) -> None:
        """The next sample: noted, and kept for the bridge."""
        sample = self._sample(self.kept.newest + 1)
        encoded = encode_sample(sample)
        self.kept.put(sample.sequence, encoded)
        self.digest.update(encoded)
        self.notes += NOTE.pack(
            sample.time_ms, sample.rental, sample.level, sample.motor_on, sample.rpm
        )

    def _sample(self, sequence: int) -> Sample:
        dice = self._dice
        if not self._left:
            self._turn_over()
        self._left -= 1
        on = self._phase == STROKE
        rpm = 0 if self._phase == REST else self._speed + dice.randrange(-9, 10)
        if self._phase == COAST:
            self._speed //= 2
        time_ms = self._first_ms + sequence * SAMPLE_PERIOD_MS + dice.randrange(SCATTER_MS)
        self._count(time_ms)
        self._before = Sample(
            sequence=sequence,
            time_ms=time_ms,
            drill=self.drill,
            level=self._level,
            motor_on=on,
            trigger=on,
            inhibited=False,
            fault_flags=ControllerFault.NONE,
            rpm=max(rpm, 0),
            torque_mnm=800 * on,
            current_ma=2_000 * on,
            temperature_mc=30_000,
            rental=self.rental,
            odometer=Registers(*self._active, *(one // 60_000 for one in self._rpm_ms)),
        )
        return self._before

    def _turn_over(self) -> None:
        self._phase = NEXT[self._phase]
        self._left = self._dice.randint(*LENGTHS[self._phase])
        if self._phase == STROKE:
            self._level = self._dice.randint(1, 3)
            highest = self._highest[self._level - 1]
            self._speed = self._dice.randint(highest * 6 // 10, highest * 21 // 20)

    def _count(self, time_ms: int) -> None:
        """The odometer, which bills nobody and knows no highest speed."""
        before = self._before
        if before is not None and before.motor_on:
            self._active[before.level - 1] += time_ms - before.time_ms
            self._rpm_ms[before.level - 1] += before.rpm * (time_ms - before.time_ms)
