"""A fix: where a receiver says that it is, how well, since when.

Places are whole 1e-7 degrees of WGS84 (11 mm at most), as receivers and other programs count them;
accuracies are mm, times ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from position.errors import PlaceError

E7 = 10_000_000
"""Units of a degree."""

HALF_TURN = 180 * E7


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the ground, in 1e-7 degrees; raises PlaceError for what is none."""

    latitude_e7: int
    longitude_e7: int

    def __post_init__(self) -> None:
        if abs(self.latitude_e7) > 90 * E7:
            raise PlaceError(f"latitude {self.latitude_e7 / E7} is not within -90 .. 90 degrees")
        if abs(self.longitude_e7) > HALF_TURN:
            raise PlaceError(
                f"longitude {self.longitude_e7 / E7} is not within -180 .. 180 degrees"
            )

    @classmethod
    def of_degrees(cls, latitude: float, longitude: float) -> Place:
        """The place nearest to these degrees; raises PlaceError, also for what is no number."""
        for name, value in (("latitude", latitude), ("longitude", longitude)):
            if not -1000 < value < 1000:  # also what is no number, which compares with nothing
                raise PlaceError(f"{name} {value} is not within -180 .. 180 degrees")
        return cls(round(latitude * E7), round(longitude * E7))


class FixQuality(StrEnum):
    """What a fix rests on."""

    NONE = "no fix"
    TWO_D = "2D"
    THREE_D = "3D"
    DGPS = "DGPS"
    RTK = "RTK"


@dataclass(frozen=True, slots=True)
class FixReport:
    """What a receiver says: `place` is None without a fix, `accuracy_mm` (95 % of fixes are within
    it, or what the receiver states) None where it says nothing of it, `time_ms` Unix ms by the
    receiver's clock, None before it knows the time."""

    quality: FixQuality
    place: Place | None = None
    accuracy_mm: int | None = None
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """A place with all that is needed to judge it. `heard_ms` is when it was heard, by the clock of
    the box that nobody sets; `late_ms` how old it already was then, by the box's other clock."""

    place: Place
    quality: FixQuality
    accuracy_mm: int | None
    time_ms: int
    heard_ms: int
    late_ms: int

    def age_ms(self, monotonic_ms: int) -> int:
        """How old it is at that time of the clock that nobody sets."""
        return monotonic_ms - self.heard_ms + self.late_ms


def heard(report: FixReport, now_ms: int, monotonic_ms: int) -> Fix | None:
    """The fix in a report that arrived at this moment, None if there is none in it. A receiver
    whose clock is ahead of the box's is taken to be on time."""
    if report.place is None or report.time_ms is None or report.quality is FixQuality.NONE:
        return None
    late_ms = max(0, now_ms - report.time_ms)
    return Fix(
        report.place, report.quality, report.accuracy_mm, report.time_ms, monotonic_ms, late_ms
    )
