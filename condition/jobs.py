"""Holes to jobs: a job is a run of holes alike, drilled into one workpiece at one speed.

A recording may name jobs, and another level or another speed begins one. Otherwise a step of the
torque may be another workpiece, or wear, or chance, and one hole cannot tell. So several histories
are kept, each with jobs beginning at other holes and with an additive fit of its own, and each as
likely as it makes the holes that were seen (H. A. P. Blom and Y. Bar-Shalom, "The interacting
multiple model algorithm", IEEE Trans. Automatic Control 33 (1988) 780, is the family). What is said
of wear is said by all of them, by their weight: while they disagree, the interval is wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from condition.figures import MEDIAN_TO_SIGMA, median
from condition.holes import Hole
from condition.trend import Trend

HISTORIES = 20
"""That many are kept: the likeliest."""

LEAST_SHARE = 1e-5
"""Nor is one that is so much less likely than the likeliest."""

NEW_JOB = 0.08
"""How often a hole is the first of a job: one in a dozen."""

NEW_UNNAMED_JOB = 0.005
"""The same where a recording names jobs."""

NEW_RATE = 0.02
"""How often wear takes another pace from a hole on, as where an edge has begun to break."""

OUTLIER, OUTLIER_FACTOR = 0.05, 5.0
"""How often a hole is far off for a reason of its own, such as a hard spot, and how far."""

SPEED_STEP = 0.04
"""Another speed, as a share; less is the speed control's."""

SPEED_BUCKET = 0.2
"""Of the speed's logarithm: speeds within 20 percent are one operating state."""

FIRST_NOISE, LEAST_NOISE = 0.03, 0.004
"""Of one hole's torque: before any two were compared, and what no sensor is better than."""

NOISE_HOLES = 40
"""Differences between neighbouring holes that the noise is estimated from."""

CAUTION = 1.1
"""Holes that follow each other are not independent, so the noise counts for more than it looks."""


@dataclass(slots=True)
class JobHistory:
    """One account of what happened: which job is on, how many there were, since when. `calm`
    counts the holes since one began or one was far off."""

    trend: Trend
    score: float = 0.0
    job: str = ""
    jobs: int = 0
    since: int = 0
    compared: int = 0
    calm: int = 0

    def branch(self, y: float, job: str, state: str, noise: float, chance: float) -> JobHistory:
        """This history with one more hole, of that job."""
        one = JobHistory(self.trend.copy(), self.score, job, self.jobs, self.since, self.compared)
        one.calm = self.calm + 1 if job == self.job else 1
        one.jobs += job != self.job
        one.since = one.since + 1 if job == self.job else 1
        one.compared += job == self.job
        one.score += math.log(chance) + one.trend.take(y, job, state, noise)
        return one


@dataclass(slots=True)
class JobFit:
    """The additive fit over jobs that are found on the way: `histories`, the likeliest first."""

    histories: list[JobHistory] = field(default_factory=lambda: [JobHistory(Trend())])
    steps: list[float] = field(default_factory=list)
    rpms: list[float] = field(default_factory=list)
    last_y: float = 0.0
    sign: str = ""
    begun: int = 0
    holes: int = 0

    @property
    def noise(self) -> float:
        """Standard deviation of one hole's y, from neighbours: few of them are at a step."""
        if len(self.steps) < 4:
            return FIRST_NOISE
        return max(LEAST_NOISE, MEDIAN_TO_SIGMA * median(self.steps) / math.sqrt(2))

    @property
    def likeliest(self) -> JobHistory:
        """The account that explains the holes best."""
        return self.histories[0]

    def calm_share(self, holes: int) -> float:
        """How likely it is that no job began, and no hole was far off, for so many holes."""
        pairs = zip(self.shares(), self.histories, strict=True)
        return sum(share for share, one in pairs if one.calm >= holes)

    def shares(self) -> list[float]:
        """How likely each history is."""
        best = self.histories[0].score
        weights = [math.exp(one.score - best) for one in self.histories]
        return [weight / sum(weights) for weight in weights]

    def take(self, hole: Hole) -> None:
        """Take the next hole; one whose level was switched in the cut tells nothing."""
        if hole.level == 0 or hole.torque <= 0 or hole.rpm <= 0:
            return
        y = math.log(hole.torque)
        sign = f"{hole.level}/{hole.job}"
        another = sign != self.sign or self._another_speed(hole.rpm)
        if another:
            self.rpms = []
        elif self.holes:
            self.steps.append(abs(y - self.last_y))
            del self.steps[:-NOISE_HOLES]
        self.rpms.append(hole.rpm)
        del self.rpms[:-9]
        self.sign, self.last_y = sign, y
        if self.holes:
            for one in self.histories:
                one.trend.age()
        self.holes += 1
        self.begun += 1
        self._branch(y, hole, another=another)

    def _another_speed(self, rpm: float) -> bool:
        if not self.rpms:
            return False
        usual = median(self.rpms)
        return abs(rpm - usual) > SPEED_STEP * usual

    def _branch(self, y: float, hole: Hole, *, another: bool) -> None:
        state = f"{hole.level}/{round(math.log(hole.rpm) / SPEED_BUCKET)}"
        noise, new = CAUTION * self.noise, str(self.begun)
        found = []
        for one in self.histories:
            if another:
                name = f"{self.sign}/{round(math.log(hole.rpm) / SPEED_STEP)}" if hole.job else new
                found.append(one.branch(y, name, state, noise, 1.0))
                continue
            chance = NEW_UNNAMED_JOB if hole.job else NEW_JOB
            stays = 1 - chance
            found.append(one.branch(y, one.job, state, noise, stays * (1 - OUTLIER - NEW_RATE)))
            far = OUTLIER_FACTOR * noise
            found.append(one.branch(y, one.job, state, far, stays * OUTLIER))
            found[-1].calm = 0
            hasty = JobHistory(*(getattr(one, name) for name in one.__dataclass_fields__))
            hasty.trend = one.trend.hastened()
            found.append(hasty.branch(y, one.job, state, noise, stays * NEW_RATE))
            found.append(one.branch(y, new, state, noise, chance))
        found.sort(key=lambda one: -one.score)
        least = found[0].score + math.log(LEAST_SHARE)
        self.histories = [one for one in found[:HISTORIES] if one.score >= least]
        best = self.histories[0].score
        for one in self.histories:
            one.score -= best

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        histories = [
            [
                *(one.trend.to_list(), one.score, one.job, one.jobs),
                *(one.since, one.compared, one.calm),
            ]
            for one in self.histories
        ]
        plain = ("steps", "rpms", "last_y", "sign", "begun", "holes")
        return {"histories": histories} | {name: getattr(self, name) for name in plain}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> JobFit:
        """From JSON."""
        histories = [
            JobHistory(Trend.from_list(trend), *plain) for trend, *plain in found["histories"]
        ]
        return cls(**found | {"histories": histories})
