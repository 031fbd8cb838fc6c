"""One drill followed: reports in, entries and places out, on a clock that it is given."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from host.clock import Clock
from position.fix import Fix, FixQuality, FixReport, heard
from position.places import DrillFence, KeptPlace, PlaceFile
from position.records import GroundKind, RecordEntry, RecordKind, Records, Standing
from position.watch import (
    Crossing,
    FixTrouble,
    Watch,
    WatchLimits,
    Where,
    follow,
    lost,
    pause_ms,
    shown,
)

STAND_MS = 10_000
"""What stands in the records is renewed so often while nothing happens, and within a third of the
time after which a fix is old."""

KEEP_MS = 10_000
"""A place is kept so often while there is a ground to keep it."""

_HAPPENINGS = {
    (Where.UNKNOWN, Where.INSIDE): RecordKind.INSIDE,
    (Where.UNKNOWN, Where.OUTSIDE): RecordKind.OUTSIDE,
    (Where.OUTSIDE, Where.INSIDE): RecordKind.ENTERED,
    (Where.INSIDE, Where.OUTSIDE): RecordKind.LEFT,
}

log = structlog.get_logger()


@dataclass
class FenceFollower:
    """A drill, from its receiver's reports to what is kept of them."""

    drill: int
    records: Records
    places: PlaceFile
    clock: Clock
    boot: str
    limits: WatchLimits
    _watch: Watch = field(default_factory=Watch)
    _fence: DrillFence | None = None
    _grounds: frozenset[GroundKind] = frozenset()
    _due_ms: int = 0
    _stood_ms: int | None = None
    _stood: tuple[Where, FixTrouble | None] | None = None
    _kept_ms: int | None = None

    def start(self) -> None:
        """Go on from what the records say: a drill that was carried away while nothing ran has left
        its fence all the same."""
        standing = self.records.standing(self.drill)
        self.look_again()
        if standing is not None and standing.fence == self._fence_number:
            self._watch = Watch(where=standing.where, since_ms=standing.since_ms)

    def look_again(self) -> None:
        """Read fence and grounds, which others change; in another fence nothing is known yet."""
        before, fix = self._fence_number, self._watch.fix
        self._fence = self.places.fence(self.drill)
        if before != self._fence_number:
            trouble = FixTrouble.NOTHING_HEARD if fix is None else FixTrouble.CONFIRMING
            self._watch = Watch(fix=fix, agreeing=self._watch.agreeing, trouble=trouble)
        self._grounds = frozenset(self.records.grounds(self.drill))
        self._due_ms = 0

    def hear(self, report: FixReport) -> None:
        """Take a report, unless the newest fix was taken only just before."""
        now_ms, monotonic_ms = self.clock.now_ms(), self.clock.monotonic_ms()
        fix = heard(report, now_ms, monotonic_ms)
        if fix is None:
            self._watch = lost(self._watch, FixTrouble.NO_FIX)
        elif monotonic_ms >= self._due_ms:
            before = self._watch.fix
            fence = None if self._fence is None else self._fence.fence
            self._watch, crossing = follow(self._watch, fix, fence, now_ms, self.limits)
            self._due_ms = monotonic_ms + pause_ms(self._watch, self.limits)
            if crossing is not None:
                self._cross(crossing)
            if self._watch.fix is not before and self._watch.trouble is None:
                self._keep(fix, now_ms, monotonic_ms)
        self.stand()

    def silent(self) -> None:
        """The receiver has gone, or cannot be opened."""
        if self._watch.trouble is not FixTrouble.NOTHING_HEARD:
            self._watch = lost(self._watch, FixTrouble.NOTHING_HEARD)

    def stand(self) -> None:
        """Put down where the drill is, when that has changed or it is time."""
        monotonic_ms = self.clock.monotonic_ms()
        watch, fix = self._watch, self._watch.fix
        age_ms = None if fix is None else fix.age_ms(monotonic_ms)
        seen = shown(watch.where, watch.trouble, age_ms, self.limits)
        pause = min(STAND_MS, self.limits.stale_ms // 3)
        fresh = self._stood_ms is not None and monotonic_ms - self._stood_ms < pause
        if seen == self._stood and fresh:
            return
        if self._stood is None or seen[0] is not self._stood[0]:
            log.info("drill seen", drill=self.drill, where=seen[0], why=seen[1])
        self.records.stand(
            Standing(
                drill=self.drill,
                fence=self._fence_number,
                where=watch.where,
                since_ms=watch.since_ms,
                fix_ms=None if fix is None else fix.time_ms,
                heard_ms=monotonic_ms if fix is None else fix.heard_ms,
                late_ms=0 if fix is None else fix.late_ms,
                boot=self.boot,
                quality=FixQuality.NONE if fix is None else fix.quality,
                accuracy_mm=None if fix is None else fix.accuracy_mm,
                trouble=watch.trouble,
            )
        )
        self._stood, self._stood_ms = seen, monotonic_ms

    @property
    def _fence_number(self) -> int | None:
        return None if self._fence is None else self._fence.number

    def _cross(self, crossing: Crossing) -> None:
        """Note a crossing; leaving is a ground to keep the place until the drill is back."""
        rental = 0 if self._fence is None else self._fence.rental
        what = _HAPPENINGS[crossing.before, crossing.where]
        self.records.note(
            RecordEntry(self.drill, rental, crossing.at_ms, what),
            opens=GroundKind.ALARM if what is RecordKind.LEFT else None,
            ends=GroundKind.ALARM if crossing.where is Where.INSIDE else None,
        )
        self._grounds = frozenset(self.records.grounds(self.drill))
        self._kept_ms = None
        log.info("fence", drill=self.drill, rental=rental, what=what)

    def _keep(self, fix: Fix, now_ms: int, monotonic_ms: int) -> None:
        """Keep a place while there is a ground."""
        if not self._grounds or fix.accuracy_mm is None:
            return
        if self._kept_ms is not None and monotonic_ms - self._kept_ms < KEEP_MS:
            return
        place, accuracy_mm = fix.place, fix.accuracy_mm
        kept = KeptPlace(self.drill, now_ms, fix.time_ms, place, accuracy_mm, fix.quality)
        self.places.keep(kept)
        self._kept_ms = monotonic_ms
