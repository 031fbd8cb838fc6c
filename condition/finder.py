"""Finds holes while samples come, one by one, with a state that can be put away at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from condition.figures import median
from condition.holes import Hole, holes_of
from condition.moment import DrillMoment
from condition.stroke import StrokeBins

PAUSE_MS = 1_000
PAUSE_STEPS = 10
"""Samples further apart than this, and than so many usual steps, have something missing between."""

LONGEST_STROKE_MS = 600_000
"""A motor that stays on for longer is looked at in pieces."""

REMEMBERED = 9
"""Torques of holes that tell a cut from air."""

FORGOTTEN_AFTER = 3
"""So many strokes in a row that were all air are none: another tool cuts with much less torque."""

REST_SAMPLES = 200
"""How many samples at standstill weigh in what the torque sensor says without a load."""


@dataclass(slots=True)
class HoleFinder:
    """What is under way. `troubles` counts what could not be used, by its name."""

    stroke: StrokeBins | None = None
    last_ms: int | None = None
    step_ms: float = 100.0
    rest: float = 0.0
    rested: int = 0
    aired: int = 0
    torques: dict[int, list[float]] = field(default_factory=dict)
    troubles: dict[str, int] = field(default_factory=dict)

    def take(self, moment: DrillMoment) -> list[Hole]:
        """Take the next sample; returns the holes that are known to be over by now."""
        wrong = moment.impossible
        if wrong:
            self._note(f"impossible {wrong}")
            return []
        holes = self._across(moment.time_ms)
        if self.stroke is not None and (self.stroke.hole, self.stroke.job) != (
            moment.hole,
            moment.job,
        ):
            holes += self.end()
        if not moment.motor_on:
            holes += self.end()
            self._rest(moment.torque_nm)
            return holes
        if self.stroke is None:
            self.stroke = StrokeBins(moment.time_ms, moment.rental, moment.hole, moment.job)
        self.stroke.add(moment.time_ms, moment.rpm, moment.torque_nm, moment.level)
        if moment.time_ms - self.stroke.start_ms >= LONGEST_STROKE_MS:
            holes += self.end()
        return holes

    def end(self) -> list[Hole]:
        """The stroke is over: its holes."""
        stroke, self.stroke = self.stroke, None
        if stroke is None:
            return []
        if stroke.stuck:
            self._note("torque sensor stuck")
        level = stroke.bins[len(stroke.bins) // 2].level
        usual = self.torques.get(level)
        if self.aired >= FORGOTTEN_AFTER - 1:
            usual = None
            self.torques.pop(level, None)
        found = holes_of(stroke, median(usual) if usual else None, self.rest)
        self.aired = 0 if found else self.aired + 1
        for hole in found:
            kept = self.torques.setdefault(hole.level or level, [])
            kept.append(hole.torque)
            del kept[:-REMEMBERED]
        return found

    def _across(self, time_ms: int) -> list[Hole]:
        """From the sample before to this one; a gap or a clock that was set ends the stroke."""
        before, self.last_ms = self.last_ms, time_ms
        if before is None:
            return []
        step = time_ms - before
        if step < 0:
            self._note("clock set back")
            return self.end()
        if step > max(PAUSE_MS, PAUSE_STEPS * self.step_ms):
            if self.stroke is not None:
                self._note("gap in a stroke")
            return self.end()
        if step > 0 and self.stroke is not None:
            self.step_ms += (step - self.step_ms) / 50
        return []

    def _rest(self, torque: float) -> None:
        self.rested = min(self.rested + 1, REST_SAMPLES)
        self.rest += (torque - self.rest) / self.rested

    def _note(self, what: str) -> None:
        self.troubles[what] = self.troubles.get(what, 0) + 1

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "stroke": None if self.stroke is None else self.stroke.to_list(),
            "last_ms": self.last_ms,
            "step_ms": self.step_ms,
            "rest": self.rest,
            "rested": self.rested,
            "aired": self.aired,
            "torques": {str(level): values for level, values in self.torques.items()},
            "troubles": self.troubles,
        }

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> HoleFinder:
        """From JSON."""
        stroke = found["stroke"]
        return cls(
            **found
            | {
                "stroke": None if stroke is None else StrokeBins.from_list(stroke),
                "torques": {int(level): values for level, values in found["torques"].items()},
            }
        )
