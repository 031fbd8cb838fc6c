"""The auditor's meter: samples into registers, written from docs/protocol.md section 5.

It begins with the first sample that has the motor off. From one sample that counts to the next, the
time is active at the earlier one's level if its motor was on, and the spindle turned at the earlier
one's rpm, but no faster than the tariff's highest. More than two sample periods bill nothing, and
neither does a clock that goes back. A sample whose sequence goes back changes nothing. Integers
throughout: rpm * ms is divided by 60,000 only when it is read. The shared vectors hold it against a
third reckoning in fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.books.arithmetic import Rate
from audit.samples.samples import MOTOR_ON, ODOMETER, Fields

LONGEST_STEP_MS = 200
RPM_MS_PER_TURN = 60_000


@dataclass(frozen=True, slots=True)
class AuditedGap:
    """A silence that was billed to nobody, between two samples that count."""

    last: Fields
    next: Fields

    @property
    def missed(self) -> tuple[int, ...]:
        """By how much the controller's odometer grew meanwhile: active ms, revolutions."""
        before, after = self.last[ODOMETER:], self.next[ODOMETER:]
        return tuple(max(0, b - a) for a, b in zip(before, after, strict=True))


@dataclass(slots=True)
class AuditedMeter:
    """The meter of one rental; `max_rpm` is the tariff's, level 1 first. Changed in place."""

    max_rpm: tuple[int, ...]
    active_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    rpm_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    first: Fields | None = None
    last: Fields | None = None
    """The first and the last sample that counted."""

    @property
    def registers(self) -> tuple[int, ...]:
        """All six, in the order of the contract's struct."""
        return *self.active_ms, *(turning // RPM_MS_PER_TURN for turning in self.rpm_ms)

    @property
    def odometer(self) -> tuple[int, ...]:
        """By how much the controller's odometer grew over what was metered: ms, revolutions."""
        if self.first is None or self.last is None:
            return (0,) * 6
        before, after = self.first[ODOMETER:], self.last[ODOMETER:]
        return tuple(b - a for a, b in zip(before, after, strict=True))

    def take(self, samples: Sequence[Fields]) -> list[AuditedGap]:
        """Take the samples that come next, and return the gaps among them."""
        active_ms, rpm_ms, max_rpm = self.active_ms, self.rpm_ms, self.max_rpm
        last, gaps = self.last, []
        for fields in samples:
            if last is None:
                if not fields[4] & MOTOR_ON:
                    last = self.first = fields
                continue
            step_ms = fields[1] - last[1]
            if fields[0] <= last[0]:
                continue
            if not 0 <= step_ms <= LONGEST_STEP_MS:
                # A drill at rest says so every second: no gap, if its odometer stood still too.
                gap = AuditedGap(last, fields)
                if last[4] & MOTOR_ON or any(gap.missed):
                    gaps.append(gap)
            elif last[4] & MOTOR_ON:
                level, rpm = last[3] - 1, last[6]
                active_ms[level] += step_ms
                rpm_ms[level] += step_ms * min(rpm, max_rpm[level])
            last = fields
        self.last = last
        return gaps


def worth(usage: Sequence[int], levels: Sequence[Rate]) -> int:
    """What so much active ms and revolutions cost at a tariff, rounded down."""
    thousandths = 0
    for level, (per_second, per_1000_turns, _) in enumerate(levels):
        thousandths += usage[level] * per_second + usage[3 + level] * per_1000_turns
    return thousandths // 1000
