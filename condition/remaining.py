"""From wear and its rate to the holes that are left, with an interval; or not enough evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

from condition.figures import quantile
from condition.jobs import JobFit

LIMIT = math.log(1.7)
"""A bit that takes 1.7 times the torque that it took when it was new, for the same job, is worn
out: a rule of thumb, since bits differ, which a person's word moves (`condition.tickets`)."""

LIMIT_SPREAD = 0.10
"""One bit lasts to 1.5 times the torque and another to 1.9: standard deviation of the limit."""

HASTE = 1.7
"""Wear goes faster towards its end than it did so far (the third phase of the tool wear curve,
ISO 3685:1993, annex), so that the rate alone would promise too much."""

LEAST_HOLES, LEAST_COMPARED = 12, 8
"""Below so many holes since the bit was changed, of which so many followed one of the same job,
nothing is said."""

WIDEST = 0.12
"""Standard deviation of the wear above which nothing is said either: 12 percent of torque."""

INTERVAL = (0.1, 0.9)
"""80 percent of the cases are to lie within."""

CALM_HOLES = 3
"""Holes that must have gone by since a job may have begun, before a bit is judged."""

LEAST_RATE = 2e-4
"""Per hole: slower wear is none that torque could show in a thousand holes."""

_POINTS = [NormalDist().inv_cdf((at + 0.5) / 15) for at in range(15)]


@dataclass(frozen=True, slots=True)
class WearDrift:
    """Wear since the bit was new, as a share of torque, with an 80 percent interval; holes left to
    the limit likewise, `left_high` None where there is no end in sight. `enough` is False where the
    evidence is not: the figures then are no findings. `calm` is how likely it is that no job has
    just begun."""

    enough: bool
    holes: int
    jobs: int
    since: int
    noise: float
    wear: float
    low: float
    high: float
    per_hole: float
    left: float
    left_low: float
    left_high: float | None
    calm: float
    why: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def drift_of(fit: JobFit, limit: float) -> WearDrift:
    """What a fit says, judged by a `limit` of the torque's logarithm."""
    shares = fit.shares()
    wear, spread = _mixed([one.trend.wear for one in fit.histories], shares)
    rate, rate_spread = _mixed([one.trend.rate for one in fit.histories], shares)
    width = NormalDist().inv_cdf(INTERVAL[1]) * spread
    left = _left(limit - wear, math.hypot(LIMIT_SPREAD, spread), rate, rate_spread)
    missing = _missing(fit, spread)
    jobs = fit.likeliest.jobs
    return WearDrift(
        enough=not missing,
        holes=fit.holes,
        jobs=jobs,
        since=fit.likeliest.since,
        noise=fit.noise,
        wear=math.expm1(wear),
        low=math.expm1(wear - width),
        high=math.expm1(wear + width),
        per_hole=math.expm1(rate),
        left=quantile(left, 0.5),
        left_low=quantile(left, INTERVAL[0]),
        left_high=None if _endless(left) else quantile(left, INTERVAL[1]),
        calm=fit.calm_share(CALM_HOLES),
        why=missing or _reason(fit.holes, jobs, wear, rate),
    )


def _mixed(ones: Sequence[tuple[float, float]], shares: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation of all histories together."""
    mean = sum(share * value for share, (value, _) in zip(shares, ones, strict=True))
    square = sum(
        share * (spread**2 + (value - mean) ** 2)
        for share, (value, spread) in zip(shares, ones, strict=True)
    )
    return mean, math.sqrt(square)


def _left(room: float, room_spread: float, rate: float, rate_spread: float) -> list[float]:
    """Holes left at equally likely rooms to the limit and rates."""
    rooms = [max(0.0, room + room_spread * point) for point in _POINTS]
    rates = [max(LEAST_RATE, HASTE * (rate + rate_spread * point)) for point in _POINTS]
    return [one / pace for one in rooms for pace in rates]


def _endless(left: list[float]) -> bool:
    return quantile(left, INTERVAL[1]) > 2_000


def _missing(fit: JobFit, spread: float) -> str:
    if fit.holes < LEAST_HOLES:
        return f"not enough evidence: {fit.holes} holes since the bit was new, {LEAST_HOLES} needed"
    if fit.likeliest.compared < LEAST_COMPARED:
        return (
            f"not enough evidence: only {fit.likeliest.compared} holes followed one of the same "
            f"job, {LEAST_COMPARED} needed"
        )
    if spread > WIDEST:
        return f"not enough evidence: jobs were too short to tell wear closer than {spread:.0%}"
    return ""


def _reason(holes: int, jobs: int, wear: float, rate: float) -> str:
    return (
        f"over {holes} holes in {jobs} jobs, the same job takes {math.expm1(wear):+.0%} of the "
        f"torque it took at first, and {10 * math.expm1(rate):+.1%} more every ten holes"
    )
