"""A plot as geometry: integers in, integers out, for whoever draws it.

Both axes are cut into equal steps of 1, 2 or 5 times a power of ten, or of hours and minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

Pair = tuple[int, int]

TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3_600 * hours for hours in (1, 2, 3, 6, 12)),
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
)
"""Seconds between marks on the axis of time."""

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with marks: a value and what is written there."""

    low: int
    high: int
    marks: tuple[tuple[int, str], ...]

    def place(self, value: int, length: int) -> int:
        """Where a value lies on an axis of that length, from `low`."""
        return (value - self.low) * length // (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot, with what it is called; `dots` are points of it that are marked."""

    name: str
    points: tuple[Pair, ...]
    dots: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn: `title` above, `note` below it, `told` in words for whoever cannot see it.

    `along` is what the axis across shows; `unknown` are stretches of it that are shaded.
    """

    title: str
    note: str
    told: str
    along: str
    across: Axis
    up: Axis
    curves: tuple[Curve, ...]
    unknown: tuple[Pair, ...] = ()

    def placed(self, curve: Curve, width: int, height: int) -> list[Pair]:
        """A curve in a box of that size, y downwards; points that fall together only once."""
        return self.spots(curve.points, width, height)

    def spots(self, points: Sequence[Pair], width: int, height: int) -> list[Pair]:
        """The same of any points."""
        found: list[Pair] = []
        for x, y in points:
            point = (self.across.place(x, width), height - self.up.place(y, height))
            if not found or found[-1] != point:
                found.append(point)
        return found

    def shaded(self, width: int) -> list[Pair]:
        """What is unknown in a box of that width, at least one wide: from, and how wide."""
        found: list[Pair] = []
        for first, last in self.unknown:
            left, right = (self.across.place(x, width) for x in (first, last))
            if found and left <= sum(found[-1]):
                found[-1] = (found[-1][0], max(right, sum(found[-1])) - found[-1][0])
            else:
                found.append((left, max(1, right - left)))
        return found


def amount_axis(highest: int, write: Callable[[int], str], most: int = 5) -> Axis:
    """From 0 to at least `highest`."""
    step, power = 1, 0
    while step * most < highest:
        power += 1
        step = (1, 2, 5)[power % 3] * 10 ** (power // 3)
    top = max(step, -(-highest // step) * step)
    return Axis(0, top, tuple((value, write(value)) for value in range(0, top + 1, step)))


def time_axis(first_ms: int, last_ms: int, most: int = 7) -> Axis:
    """From one time to another (Unix ms), marks in UTC."""
    last_ms = max(last_ms, first_ms + 1000)
    span = (last_ms - first_ms) // 1000
    step = next((one for one in TIME_STEPS if one * most >= span), TIME_STEPS[-1])
    while step * most < span:
        step *= 2
    written = "%H:%M:%S" if step < 60 else "%H:%M" if span <= DAY else "%m-%d %H:%M"
    if step >= DAY:
        written = "%Y-%m-%d"
    start = -(-first_ms // (step * 1000)) * step
    marks = [
        (second * 1000, datetime.fromtimestamp(second, UTC).strftime(written))
        for second in range(start, last_ms // 1000 + 1, step)
    ]
    return Axis(first_ms, last_ms, tuple(marks))


def highest(curves: Sequence[Curve]) -> int:
    """The highest value of all."""
    return max((y for curve in curves for _, y in curve.points), default=0)
