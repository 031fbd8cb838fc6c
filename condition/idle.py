"""Friction in the air: the torque of the approach, before the bit cuts, at one level and speed.

A bearing or a gear that runs dry takes torque where nothing is cut, and no workpiece has a part in
it. The newest approaches are held against the first ones at the same level and speed, by medians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from condition.figures import MEDIAN_TO_SIGMA, median
from condition.holes import Hole
from condition.jobs import SPEED_BUCKET

APPROACHES = 15
"""So many make what is usual, and so many what is now."""

RISE_FACTOR = 2.0
"""Friction that has doubled is worth a look."""

RISE_SHARE_OF_CUT = 0.06
"""It must also have risen by so much of the cutting torque, or it is the sensor's zero."""

SIGMAS = 6.0
MAX_STATES = 12


@dataclass(frozen=True, slots=True)
class Friction:
    """At one operating state: torque in the air at first and now."""

    state: str
    first: float
    now: float
    raised: bool


@dataclass(slots=True)
class IdleFriction:
    """By operating state: the first approaches, the newest ones, and cutting torques to compare."""

    states: dict[str, list[list[float]]] = field(default_factory=dict)

    def take(self, hole: Hole) -> None:
        """Take a hole's approach, if it had one."""
        if hole.idle_torque is None or hole.level == 0 or hole.rpm <= 0:
            return
        state = f"{hole.level}/{round(math.log(hole.rpm) / SPEED_BUCKET)}"
        if state not in self.states and len(self.states) >= MAX_STATES:
            return
        first, newest, cuts = self.states.setdefault(state, [[], [], []])
        if len(first) < APPROACHES:
            first.append(hole.idle_torque)
            cuts.append(hole.torque)
        else:
            newest.append(hole.idle_torque)
            del newest[:-APPROACHES]

    def found(self) -> list[Friction]:
        """Each state that has been seen long enough to be judged."""
        return [
            self._judged(state, *lists)
            for state, lists in self.states.items()
            if len(lists[1]) == APPROACHES
        ]

    @staticmethod
    def _judged(state: str, first: list[float], newest: list[float], cuts: list[float]) -> Friction:
        usual, now = median(first), median(newest)
        spread = MEDIAN_TO_SIGMA * median([abs(one - usual) for one in first])
        least = max(
            (RISE_FACTOR - 1) * abs(usual),
            RISE_SHARE_OF_CUT * median(cuts),
            SIGMAS * spread * math.sqrt(2 / APPROACHES),
        )
        return Friction(state, usual, now, now - usual >= least)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"states": self.states}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> IdleFriction:
        """From JSON."""
        return cls(**found)
