"""The controller's clock: its monotonic time plus an offset that the edge box sets."""

from __future__ import annotations

from dataclasses import dataclass, replace

STEP_MS = 50
"""The clock is left alone while it is behind by less: the delay of a busy serial line."""

BACK_MS = 2_000
"""It is set back by no less: so little ahead it takes every lease, and a line that is slow now and
then must not make it swing."""

LATEST_TIME_MS = 2**53
"""No sane clock is past this (the year 287396); such a value is a fault of the edge box."""


@dataclass(frozen=True, slots=True)
class DrillClock:
    """Unix time as `offset_ms` to the monotonic clock; None until the edge box has set it."""

    offset_ms: int | None = None

    def time_ms(self, monotonic_ms: int) -> int:
        """Unix ms, or 0 while the clock is unset."""
        return 0 if self.offset_ms is None else monotonic_ms + self.offset_ms


def set_clock(
    clock: DrillClock, time_ms: int, monotonic_ms: int, *, floor_ms: int, motor_on: bool
) -> tuple[DrillClock, str]:
    """The clock set to `time_ms`, and why it was not (empty when it was or needed no change).

    It is never stepped while the motor is on, which would bend a bill, and never to a time before
    `floor_ms` (Unix ms), which would bring an expired lease to life and which a power cycle does
    not erase: it is later than that for certain. So a clock that was set too far ahead comes right
    by itself, unless a lease was accepted by it.
    """
    if not 0 < time_ms < LATEST_TIME_MS:
        return clock, f"{time_ms} is not a time"
    ahead = time_ms - clock.time_ms(monotonic_ms)
    if clock.offset_ms is not None:
        if -STEP_MS < ahead < STEP_MS:
            return clock, ""
        if motor_on:
            return clock, "motor on"
        if -BACK_MS < ahead < 0:
            return clock, f"it is {-ahead} ms ahead, too little to be set back"
    if time_ms < floor_ms:
        return clock, f"{time_ms} is past: it has been {floor_ms}"
    return replace(clock, offset_ms=time_ms - monotonic_ms), ""
