"""An additive fit of job and age, kept up to date hole by hole.

    y = job + wear + noise          wear of the next hole = wear + rate
    job = operating state + what the workpiece adds

with y the logarithm of a hole's torque, so that 0.02 is two percent. Wear, rate, operating states
and jobs are the state of a Kalman filter (R. E. Kalman, "A new approach to linear filtering and
prediction problems", J. Basic Eng. 82 (1960) 35): a least-squares fit that needs no past holes.
Nothing is known of an operating state at first. Workpieces of one state differ by about
`JOB_SPREAD`, so that what is seen within a job says most about wear, and what is seen across many
jobs a little. A job that comes back is the same unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

STATE_SPREAD = 3.0
"""Nothing is known of an operating state at first: a factor of 20 either way."""

JOB_SPREAD = 0.15
"""Workpieces are seen to move torque by 15 percent."""

OTHER_STATE_SPREADS = 3.5
"""A job so many spreads from the others is of another operating state, as of another material."""

USUAL_RATE, RATE_SPREAD = 0.0015, 0.002
"""Per hole: ten holes are seen to wear a bit by about two percent."""

RATE_DRIFT = 0.0004
"""How much the rate may change from a hole to the next: at the end of its life a bit wears ten
times faster than in the middle."""

RATE_JUMP = 0.015
"""What another pace of wear may be, per hole."""

MAX_JOBS, MAX_STATES = 4, 3
"""How many are remembered at a time; the one that was seen longest ago goes first."""


@dataclass(slots=True)
class Trend:
    """`unknowns` names what `mean` and `cov`, row by row, hold behind wear and rate: operating
    states as `state NAME`, jobs as `job NAME`, the newest last."""

    unknowns: list[str] = field(default_factory=list)
    mean: list[float] = field(default_factory=lambda: [0.0, USUAL_RATE])
    cov: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0], [0.0, RATE_SPREAD**2]])

    @property
    def wear(self) -> tuple[float, float]:
        """Estimate and standard deviation."""
        return self.mean[0], math.sqrt(max(self.cov[0][0], 0.0))

    @property
    def rate(self) -> tuple[float, float]:
        """Estimate and standard deviation, per hole."""
        return self.mean[1], math.sqrt(max(self.cov[1][1], 0.0))

    def age(self) -> None:
        """One hole later: wear grows by the rate."""
        mean, cov = self.mean, self.cov
        mean[0] += mean[1]
        for other in range(len(mean)):
            cov[0][other] += cov[1][other]
        for row in cov:
            row[0] += row[1]
        cov[1][1] += RATE_DRIFT**2

    def hastened(self) -> Trend:
        """The same where wear may have taken another pace with this hole."""
        one = self.copy()
        for row in (0, 1):
            for column in (0, 1):
                one.cov[row][column] += RATE_JUMP**2
        return one

    def take(self, y: float, job: str, state: str, noise: float) -> float:
        """Take a hole of a job in an operating state, with the standard deviation of its y; returns
        how likely it was, as a logarithm."""
        if f"job {job}" not in self.unknowns:
            self._begin_job(y, job, state)
        at = self._newest(f"job {job}")
        size = len(self.mean)
        towards = [self.cov[row][0] + self.cov[row][at] for row in range(size)]
        variance = towards[0] + towards[at] + noise**2
        off = y - self.mean[0] - self.mean[at]
        gain = [one / variance for one in towards]
        for row in range(size):
            self.mean[row] += gain[row] * off
            mine = self.cov[row]
            for column in range(size):
                mine[column] -= gain[row] * towards[column]
        return -0.5 * (off * off / variance + math.log(variance))

    def _begin_job(self, y: float, job: str, state: str) -> None:
        """Another unknown, near those of its operating state."""
        number = 0
        while not self._is_of(f"state {state}/{number}", y):
            number += 1
        state = f"state {state}/{number}"
        if state not in self.unknowns:
            self._make_room("state ", MAX_STATES)
            self._add(state, y - self.mean[0], [0.0] * len(self.mean), STATE_SPREAD**2)
        self._newest(state)
        self._make_room("job ", MAX_JOBS)
        at = 2 + self.unknowns.index(state)
        like = [row[at] for row in self.cov]
        self._add(f"job {job}", self.mean[at], like, like[at] + JOB_SPREAD**2)

    def _is_of(self, state: str, y: float) -> bool:
        """Whether a job with this first hole can be of that operating state; a new one takes it."""
        if state not in self.unknowns:
            return True
        at = 2 + self.unknowns.index(state)
        known = self.cov[at][at] + 2 * self.cov[0][at] + self.cov[0][0]
        spread = math.sqrt(max(known, 0.0) + JOB_SPREAD**2)
        return abs(y - self.mean[0] - self.mean[at]) <= OTHER_STATE_SPREADS * spread

    def _newest(self, name: str) -> int:
        """Move an unknown to the end; returns where it is then."""
        at = self.unknowns.index(name)
        if at < len(self.unknowns) - 1:
            self.unknowns.append(self.unknowns.pop(at))
            for line in (self.mean, *self.cov):
                line.append(line.pop(2 + at))
            self.cov.append(self.cov.pop(2 + at))
        return len(self.mean) - 1

    def _add(self, name: str, mean: float, like: list[float], variance: float) -> None:
        self.unknowns.append(name)
        self.mean.append(mean)
        for row, value in zip(self.cov, like, strict=True):
            row.append(value)
        self.cov.append([*like, variance])

    def _make_room(self, kind: str, most: int) -> None:
        """Forget the oldest of a kind when there are as many as are remembered."""
        names = [name for name in self.unknowns if name.startswith(kind)]
        if len(names) < most:
            return
        at = 2 + self.unknowns.index(names[0])
        self.unknowns.remove(names[0])
        for line in (self.mean, *self.cov):
            line.pop(at)
        self.cov.pop(at)

    def copy(self) -> Trend:
        """One that goes on by itself."""
        return Trend([*self.unknowns], [*self.mean], [[*row] for row in self.cov])

    def to_list(self) -> list[Any]:
        """For JSON."""
        return [self.unknowns, self.mean, self.cov]

    @classmethod
    def from_list(cls, found: list[Any]) -> Trend:
        """From JSON."""
        return cls(*found)
