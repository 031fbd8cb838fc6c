"""Whether a drill is inside its fence: a pure function of fixes that may be late, wild or missing.

Left or entered is only what several fixes in a row say. Outside is a place that lies beyond the
fence by more than the fix's accuracy; inside one that lies within; between the two a fix says
nothing, so that a drill that stands at the fence does not flicker. A fix does not count that is
stale, repeated, without accuracy, dated before the one before it, or further from it than anything
drives; nor does anything that was said before it. So what is wrong with a receiver never makes a
drill leave: it makes it unknown where the drill is, and that is what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from position.fence import Fence, outside_mm
from position.fix import Fix
from position.geodesy import distance_mm


class Where(StrEnum):
    """Where a drill is, as far as its fence is concerned."""

    UNKNOWN = "unknown"
    INSIDE = "inside"
    OUTSIDE = "outside"


class FixTrouble(StrEnum):
    """Why the newest report does not count, or why nothing is known."""

    NOTHING_HEARD = "nothing heard of the receiver"
    NO_FIX = "receiver has no fix"
    NO_ACCURACY = "receiver states no accuracy"
    STALE = "fix is old"
    BACKWARDS = "receiver's clock went back"
    JUMP = "jump that nothing can drive"
    CONFIRMING = "not enough fixes yet"


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """How many fixes in a row it takes, after how many ms a fix is old, how fast anything drives in
    mm a ms (which are m/s), and the pauses between two looks at a drill that moves or rests."""

    fixes: int = 3
    stale_ms: int = 60_000
    fastest_mm_per_ms: int = 70
    moving_pause_ms: int = 1_000
    resting_pause_ms: int = 10_000


HELD_UP_MS = 10_000
"""Reports may lie in a queue for so long before they are heard."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one drill and its fence.

    `where` is what was confirmed last, and `since_ms` since when, Unix ms by the box's clock.
    `fix` is the newest that counted, `agreeing` how many in a row were near enough to each other;
    `row` fixes in a row say `row_where`, since `row_ms`. `moving` is whether the last two were
    apart by more than their accuracies, or a row has begun.
    """

    where: Where = Where.UNKNOWN
    since_ms: int | None = None
    fix: Fix | None = None
    agreeing: int = 0
    row: int = 0
    row_where: Where = Where.UNKNOWN
    row_ms: int | None = None
    moving: bool = True
    trouble: FixTrouble | None = FixTrouble.NOTHING_HEARD


@dataclass(frozen=True, slots=True)
class Crossing:
    """A drill is found to have entered or left its fence, at the first of the fixes that say so,
    Unix ms by the box's clock. `before` is what was confirmed before: unknown the first time."""

    where: Where
    before: Where
    at_ms: int


def lost(watch: Watch, trouble: FixTrouble) -> Watch:
    """What is left after a report that does not count."""
    return replace(watch, row=0, row_where=Where.UNKNOWN, row_ms=None, moving=True, trouble=trouble)


def follow(
    watch: Watch, fix: Fix, fence: Fence | None, now_ms: int, limits: WatchLimits
) -> tuple[Watch, Crossing | None]:
    """What is known after one more fix, heard at `now_ms` of the box's clock, and whether that is a
    crossing of the fence. Without a fence nothing is known but the fix."""
    last = watch.fix
    if last is not None and fix.time_ms == last.time_ms:
        return watch, None  # the same once more
    trouble = _trouble(watch, fix, limits)
    if trouble is FixTrouble.JUMP and watch.agreeing < limits.fixes:
        # The one before may as well have been the wild one: begin with this one.
        watch, last, trouble = replace(lost(watch, trouble), fix=None, agreeing=0), None, None
    if trouble is FixTrouble.BACKWARDS:
        return replace(lost(watch, trouble), fix=fix), None
    if trouble is not None:
        return lost(watch, trouble), None
    said = _said(fix, fence)
    same = said is not Where.UNKNOWN and said is watch.row_where
    row = watch.row + 1 if same else int(said is not Where.UNKNOWN)
    row_ms = watch.row_ms if same else now_ms
    after = replace(
        watch,
        fix=fix,
        agreeing=min(watch.agreeing + 1, limits.fixes),
        row=min(row, limits.fixes),
        row_where=said,
        row_ms=row_ms,
        moving=said is not watch.where or _moved(last, fix),
        trouble=None,
    )
    if said is watch.where or row < limits.fixes or row_ms is None:
        return after, None
    crossing = Crossing(said, watch.where, row_ms)
    return replace(after, where=said, since_ms=row_ms), crossing


def shown(
    where: Where, trouble: FixTrouble | None, age_ms: int | None, limits: WatchLimits
) -> tuple[Where, FixTrouble | None]:
    """Where a drill is, and why that is not known, or what is wrong all the same. What was
    confirmed last is said for as long as the newest fix that counted, of that age, is not old; None
    is the age of none."""
    if age_ms is None:
        return Where.UNKNOWN, trouble or FixTrouble.NOTHING_HEARD
    if not 0 <= age_ms <= limits.stale_ms:
        return Where.UNKNOWN, trouble or FixTrouble.STALE
    if where is Where.UNKNOWN:
        return Where.UNKNOWN, trouble or FixTrouble.CONFIRMING
    return where, trouble


def pause_ms(watch: Watch, limits: WatchLimits) -> int:
    """How long to leave a drill alone after its newest fix: longer when it rests inside."""
    resting = watch.where is Where.INSIDE and not watch.moving
    return limits.resting_pause_ms if resting else limits.moving_pause_ms


def _trouble(watch: Watch, fix: Fix, limits: WatchLimits) -> FixTrouble | None:
    """Why a fix does not count, if so."""
    if fix.late_ms > limits.stale_ms:
        return FixTrouble.STALE
    if fix.accuracy_mm is None:
        return FixTrouble.NO_ACCURACY
    last = watch.fix
    if last is None:
        return None
    way_mm = distance_mm(last.place, fix.place) - _accuracy_mm(last) - _accuracy_mm(fix)
    if way_mm > limits.fastest_mm_per_ms * (max(0, fix.heard_ms - last.heard_ms) + HELD_UP_MS):
        return FixTrouble.JUMP
    return FixTrouble.BACKWARDS if fix.time_ms < last.time_ms else None


def _said(fix: Fix, fence: Fence | None) -> Where:
    """What one fix says, by itself."""
    if fence is None:
        return Where.UNKNOWN
    beyond_mm = outside_mm(fence, fix.place)
    if beyond_mm <= 0:
        return Where.INSIDE
    return Where.OUTSIDE if beyond_mm > _accuracy_mm(fix) else Where.UNKNOWN


def _moved(last: Fix | None, fix: Fix) -> bool:
    if last is None:
        return True
    return distance_mm(last.place, fix.place) > _accuracy_mm(last) + _accuracy_mm(fix)


def _accuracy_mm(fix: Fix) -> int:
    return fix.accuracy_mm or 0
