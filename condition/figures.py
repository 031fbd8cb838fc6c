"""Small statistics in plain Python: no box has numpy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

MEDIAN_TO_SIGMA = 1.4826
"""A normal spread's standard deviation over its median absolute deviation."""


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie, between the nearest two; of at least one."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float:
    """The middle one of at least one."""
    return quantile(values, 0.5)


def smoothed(values: Sequence[float], half: int = 2) -> list[float]:
    """The running median over `half` neighbours either side."""
    return [median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]


def roughness(values: Sequence[float]) -> float:
    """Standard deviation of the noise, from steps between neighbours, whatever the trend; 0 of
    fewer than three."""
    steps = [abs(later - earlier) for earlier, later in pairwise(values)]
    return MEDIAN_TO_SIGMA * median(steps) / 2**0.5 if len(steps) > 1 else 0.0
