"""A plot as SVG: lines and letters, no script, no style of its own but classes.

It is drawn twice, for a wide and for a narrow page, so that its letters have their size on both;
the page's style shows one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from audit.document.plot import Plot

WIDE, NARROW = 720, 340
HEIGHT = 204
TOP, BOTTOM = 10, 40
LETTER = 7
"""Width of a digit at the size of the marks, generously."""

BESIDE, APART = 10, 12


def as_svgs(plot: Plot) -> str:
    """The drawing for wide and for narrow pages, with its words for whoever cannot see it."""
    return _svg(plot, WIDE, "wide") + _svg(plot, NARROW, "narrow")


def _svg(plot: Plot, whole: int, name: str) -> str:
    left = LETTER * max(len(label) for _, label in plot.up.marks) + BESIDE
    right = LETTER * max(len(curve.name) for curve in plot.curves) + BESIDE
    width, height = whole - left - right, HEIGHT - TOP - BOTTOM
    base = TOP + height
    drawn = [
        f'<rect class="unknown" x="{left + x}" y="{TOP}" width="{wide}" height="{height}"/>'
        for x, wide in plot.shaded(width)
    ]
    for value, label in plot.up.marks:
        y = base - plot.up.place(value, height)
        drawn += [
            f'<line class="grid" x1="{left}" y1="{y}" x2="{left + width}" y2="{y}"/>',
            f'<text class="mark end" x="{left - 6}" y="{y + 4}">{escape(label)}</text>',
        ]
    drawn += _across(plot, left, width, base)
    for number, curve in enumerate(plot.curves):
        points = plot.placed(curve, 10 * width, 10 * height)
        written = " ".join(f"{_tenths(x + 10 * left)},{_tenths(y + 10 * TOP)}" for x, y in points)
        drawn.append(f'<polyline class="curve c{number}" points="{written}"/>')
        drawn += [
            f'<circle class="dot c{number}" cx="{left + x}" cy="{TOP + y}" r="2"/>'
            for x, y in plot.spots(curve.dots, width, height)
        ]
    for text, number, y in ends(plot, height):
        x = left + width + 6
        drawn.append(
            f'<text class="name c{number}" x="{x}" y="{TOP + y + 4}">{escape(text)}</text>'
        )
    label = escape(f"{plot.title}. {plot.told} {plot.note}".strip(), quote=True)
    return (
        f'<svg class="{name}" role="img" aria-label="{label}" viewBox="0 0 {whole} {HEIGHT}">'
        f"{''.join(drawn)}</svg>"
    )


def _across(plot: Plot, left: int, width: int, base: int) -> Iterator[str]:
    """The axis of time; marks that would touch the one before are left without words."""
    free = 0
    for value, label in plot.across.marks:
        x, half = left + plot.across.place(value, width), LETTER * len(label) // 2
        yield f'<line class="axis" x1="{x}" y1="{base}" x2="{x}" y2="{base + 4}"/>'
        if x - half >= free:
            yield f'<text class="mark middle" x="{x}" y="{base + 17}">{escape(label)}</text>'
            free = x + half + APART
    yield f'<line class="axis" x1="{left}" y1="{base}" x2="{left + width}" y2="{base}"/>'
    x = left + width // 2
    yield f'<text class="mark middle" x="{x}" y="{base + 34}">{escape(plot.along)}</text>'


def ends(plot: Plot, height: int, apart: int = 13) -> list[tuple[str, int, int]]:
    """Names of the curves with their numbers, and how far down they stand: at their ends, but
    `apart` from one another."""
    named = [
        (height - plot.up.place(curve.points[-1][1], height), number, curve.name)
        for number, curve in enumerate(plot.curves)
        if curve.name
    ]
    found, lowest = [], height + apart
    for y, number, name in sorted(named, reverse=True):
        lowest = min(y, lowest - apart)
        found.append((name, number, lowest))
    return found


def _tenths(number: int) -> str:
    whole, rest = divmod(number, 10)
    return f"{whole}.{rest}" if rest else str(whole)
