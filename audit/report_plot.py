"""A plot as SVG: lines and letters, no script, no style of its own but classes."""

from __future__ import annotations

from html import escape

from audit.plot import Plot

WIDTH, HEIGHT = 720, 190
LEFT, TOP, BOTTOM, RIGHT = 96, 10, 26, 84


def as_svg(plot: Plot) -> str:
    """The drawing, with its words for whoever cannot see it."""
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    drawn = []
    for value, label in plot.up.marks:
        y = TOP + height - plot.up.place(value, height)
        drawn += [
            f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{LEFT + width}" y2="{y}"/>',
            f'<text class="mark end" x="{LEFT - 8}" y="{y + 4}">{escape(label)}</text>',
        ]
    for value, label in plot.across.marks:
        x = LEFT + plot.across.place(value, width)
        base = TOP + height
        drawn += [
            f'<line class="axis" x1="{x}" y1="{base}" x2="{x}" y2="{base + 4}"/>',
            f'<text class="mark middle" x="{x}" y="{base + 18}">{escape(label)}</text>',
        ]
    drawn.append(
        f'<line class="axis" x1="{LEFT}" y1="{TOP + height}" '
        f'x2="{LEFT + width}" y2="{TOP + height}"/>'
    )
    for number, curve in enumerate(plot.curves):
        points = plot.placed(curve, 10 * width, 10 * height)
        written = " ".join(f"{_tenths(x + 10 * LEFT)},{_tenths(y + 10 * TOP)}" for x, y in points)
        drawn.append(f'<polyline class="curve c{number}" points="{written}"/>')
    for name, number, y in ends(plot, height):
        x = LEFT + width + 6
        text = f'<text class="name c{number}" x="{x}" y="{TOP + y + 4}">{escape(name)}</text>'
        drawn.append(text)
    label = escape(f"{plot.title}. {plot.told}", quote=True)
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(drawn)}</svg>"
    )


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
