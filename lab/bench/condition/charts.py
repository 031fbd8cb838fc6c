"""What plain charts say of the same holes: torque at equal speed, and no thought of the workpiece.

EWMA with lambda 0.2 and limits of 3 sigma, and CUSUM with k = 0.5 and h = 5 (D. C. Montgomery,
"Introduction to statistical quality control", ch. 9), both against a bit's first ten holes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

FIRST = 10


def ewma_alarm(logs: Sequence[float]) -> int | None:
    """The hole, from 0, at which the chart calls for the first time; None where it never does."""
    mean, sigma = _usual(logs)
    value, share = mean, 0.2
    limit = 3 * sigma * math.sqrt(share / (2 - share))
    for at, log in enumerate(logs[FIRST:], FIRST):
        value += share * (log - value)
        if value - mean > limit:
            return at
    return None


def cusum_alarm(logs: Sequence[float]) -> int | None:
    """The same of a one-sided CUSUM."""
    mean, sigma = _usual(logs)
    total = 0.0
    for at, log in enumerate(logs[FIRST:], FIRST):
        total = max(0.0, total + (log - mean) / sigma - 0.5)
        if total > 5:
            return at
    return None


def _usual(logs: Sequence[float]) -> tuple[float, float]:
    return fmean(logs[:FIRST]), max(stdev(logs[:FIRST]), 1e-3)
