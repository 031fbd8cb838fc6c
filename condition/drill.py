"""One drill's condition: samples in, holes, jobs, wear, life and tickets out.

Takes one sample after the other in constant memory. The whole state can be put away as JSON between
any two, and goes on from there as if nothing had been.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from condition.errors import ConditionError, WordError
from condition.finder import HoleFinder
from condition.holes import Hole
from condition.idle import IdleFriction
from condition.jobs import JobFit
from condition.life import PARTS, LifeCount
from condition.moment import DrillMoment
from condition.remaining import WearDrift, drift_of
from condition.sheet import DataSheet
from condition.tickets import BIT, DONE, FALSE, SPINDLE, Ticket, TicketDesk

STATE_VERSION = 1

CHANGEABLE = (BIT, SPINDLE, *PARTS)
"""What a person may say was changed."""


@dataclass(slots=True)
class DrillCondition:
    """What is known of a drill. `holes` counts them over its life, `newest_ms` dates the newest
    sample. Without a data sheet no life is counted, as of recordings in unknown units."""

    sheet: DataSheet | None = field(default_factory=DataSheet)
    finder: HoleFinder = field(default_factory=HoleFinder)
    fit: JobFit = field(default_factory=JobFit)
    idle: IdleFriction = field(default_factory=IdleFriction)
    life: LifeCount = field(default_factory=LifeCount)
    desk: TicketDesk = field(default_factory=TicketDesk)
    samples: int = 0
    holes: int = 0
    newest_ms: int = 0
    changed_ms: dict[str, int] = field(default_factory=dict)

    def take(self, moment: DrillMoment) -> list[Hole]:
        """Take the next sample; returns the holes that are known to be over by now."""
        self.samples += 1
        if not moment.impossible:
            if self.sheet is not None:
                self.life.take(moment, self.sheet)
            self.newest_ms = max(self.newest_ms, moment.time_ms)
        found = self.finder.take(moment)
        for hole in found:
            self.take_hole(hole)
        if self.samples % 600 == 0:  # once a minute of drilling is often enough for a count
            self.desk.judge_life(self.life, self.newest_ms)
        return found

    def finish(self) -> list[Hole]:
        """No more samples come: what is under way is over."""
        found = self.finder.end()
        for hole in found:
            self.take_hole(hole)
        return found

    def take_hole(self, hole: Hole) -> None:
        """Take the next hole, however it was found."""
        self.holes += 1
        self.fit.take(hole)
        self.idle.take(hole)
        at_ms = hole.start_ms + hole.duration_ms
        self.desk.judge_wear(self.drift, at_ms)
        self.desk.judge_friction(self.idle, at_ms)

    @property
    def drift(self) -> WearDrift:
        """The bit's wear, and the holes that are left."""
        return drift_of(self.fit, self.desk.limit)

    def changed(self, part: str, time_ms: int) -> None:
        """A person says that a part was changed: it begins anew. Raises WordError."""
        if part not in CHANGEABLE:
            raise WordError(f"{part!r} is not a part that is followed: {', '.join(CHANGEABLE)}")
        self.finish()
        self.changed_ms[part] = time_ms
        self.desk.part_changed(part, time_ms)
        if part == BIT:
            self.fit = JobFit()
        if part in PARTS:
            self.life.renew(part)
        if part in (SPINDLE, "bearing"):
            self.idle = IdleFriction()

    def close(self, number: int, how: str, time_ms: int, why: str = "") -> Ticket:
        """A person closes a ticket, as done or as false. Raises WordError."""
        ticket = self.desk.find(number)
        if how == FALSE:
            self.desk.close_false(ticket, self.drift, time_ms, why)
            if ticket.part == SPINDLE:
                self.idle = IdleFriction()
        elif how == DONE:
            if self.changed_ms.get(ticket.part, -1) < ticket.opened_ms and not why:
                raise WordError(
                    f"no change of the {ticket.part} is recorded since ticket {number}; record it, "
                    "or say --why none was needed"
                )
            self.desk.close_done(ticket, time_ms, why)
        else:
            raise WordError(f"a ticket is closed as {DONE} or as {FALSE}, not as {how!r}")
        return ticket

    def to_dict(self) -> dict[str, Any]:
        """The whole state, for JSON; the data sheet is not part of it."""
        parts = {name: getattr(self, name).to_dict() for name in _PARTS}
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {"version": STATE_VERSION} | parts | plain

    @classmethod
    def from_dict(cls, found: dict[str, Any], sheet: DataSheet | None) -> DrillCondition:
        """The state that was put away; raises ConditionError for one of another release."""
        if found.get("version") != STATE_VERSION:
            raise ConditionError(
                f"the drill's state is of version {found.get('version')}, this release knows "
                f"{STATE_VERSION}; keep it for the newer one, or begin another book"
            )
        parts = {name: kind.from_dict(found[name]) for name, kind in _PARTS.items()}
        return cls(sheet, **parts, **{name: found[name] for name in _PLAIN})


_PARTS: dict[str, Any] = {
    "finder": HoleFinder,
    "fit": JobFit,
    "idle": IdleFriction,
    "life": LifeCount,
    "desk": TicketDesk,
}
_PLAIN = ("samples", "holes", "newest_ms", "changed_ms")
