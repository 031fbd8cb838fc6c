"""A drill of a story: it turns by a plan, and reports as a controller does.

Sequence, clock and odometer are the machine's own and run through all its rentals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from oracle.meter.sample_log import LoggedSample
from protocol.records import Registers
from protocol.sample import SAMPLE_PERIOD_MS, ControllerFault, Sample, encode_sample

RPM_MS_PER_TURN = 60_000
CELSIUS_20 = 20_000
COASTING = (0.6, 0.25, 0.0)
"""Of the speed when the trigger goes, in the samples after it."""


@dataclass(slots=True)
class MeteredMachine:
    """One drill; `losing` samples are counted by its odometer and never arrive. `rental` is
    whose its samples are, 0 nobody's."""

    drill: int
    sequence: int = 0
    rental: int = 0
    active_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    rpm_ms: list[int] = field(default_factory=lambda: [0, 0, 0])

    def rest(self, time_ms: int) -> LoggedSample:
        """One report at standstill."""
        return self._report(time_ms, 1, 0, on=False)

    def stroke(
        self, start_ms: int, level: int, rpms: list[int], losing: range = range(0)
    ) -> Iterator[LoggedSample]:
        """Turn at these speeds for a sample period each, then coast and stand still."""
        time_ms = start_ms
        for place, rpm in enumerate(rpms):
            sample = self._report(time_ms, level, rpm, on=True)
            if place not in losing:
                yield sample
            self.active_ms[level - 1] += SAMPLE_PERIOD_MS
            self.rpm_ms[level - 1] += SAMPLE_PERIOD_MS * rpm
            time_ms += SAMPLE_PERIOD_MS
        for share in COASTING:
            yield self._report(time_ms, level, int(rpms[-1] * share), on=False)
            time_ms += SAMPLE_PERIOD_MS

    def _report(self, time_ms: int, level: int, rpm: int, *, on: bool) -> LoggedSample:
        self.sequence += 1
        turns = (value // RPM_MS_PER_TURN for value in self.rpm_ms)
        sample = Sample(
            sequence=self.sequence,
            time_ms=time_ms,
            drill=self.drill,
            level=level,
            motor_on=on,
            trigger=on,
            inhibited=False,
            fault_flags=ControllerFault.NONE,
            rpm=rpm,
            torque_mnm=7_000 * level if on else 0,
            current_ma=2_000 * level if on else 40,
            temperature_mc=CELSIUS_20 + self.sequence % 5_000,
            rental=self.rental,
            odometer=Registers(*self.active_ms, *turns),
        )
        return LoggedSample(sample, encode_sample(sample))
