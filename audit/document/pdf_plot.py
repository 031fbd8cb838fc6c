"""A plot drawn into a PDF, as lines and letters."""

from __future__ import annotations

from audit.document.pdf_page import PALE, WIDTH, Page, latin
from audit.document.plot import Plot
from audit.document.plot_svg import ends

SCALE = 100
"""The geometry is in integers: hundredths of a mm."""

RIGHT, BOTTOM = 20.0, 10.0
GRID, AXIS, SOFT, SHADE = (221, 226, 229), (20, 24, 27), (86, 96, 103), (226, 230, 232)
COLOURS = ((23, 70, 94), (179, 84, 30), (20, 24, 27))
DASHES = ((0.0, 0.0), (1.8, 0.8), (0.5, 0.8))
SMALL = 6.8
DOT = 0.45


def draw_plot(pdf: Page, plot: Plot, box: tuple[float, float, float, float]) -> None:
    """Draw into a box (left, top, width, height); the pen is left where it was."""
    x, y, width, height = box
    before = pdf.get_x(), pdf.get_y()
    pdf.letters(SMALL, SOFT)
    beside = min(WIDTH / 2, max(pdf.wide(label) for _, label in plot.up.marks) + 2.5)
    left, inner = x + beside, (width - beside - RIGHT, height - BOTTOM)
    size = int(inner[0] * SCALE), int(inner[1] * SCALE)
    bottom = y + inner[1]
    with pdf.pen(0.15):
        pdf.set_fill_color(*SHADE)
        for first, wide in plot.shaded(size[0]):
            pdf.rect(left + first / SCALE, y, max(wide / SCALE, 0.15), inner[1], style="F")
        for value, label in plot.up.marks:
            at = bottom - plot.up.place(value, size[1]) / SCALE
            pdf.set_draw_color(*GRID)
            pdf.line(left, at, left + inner[0], at)
            pdf.set_xy(x, at - 1.6)
            pdf.cell(beside - 1.5, 3.2, latin(label), align="R")
        _across(pdf, plot, (left, bottom, inner[0]))
    with pdf.pen(0.4):
        for number, curve in enumerate(plot.curves):
            points = [(left + a / SCALE, y + b / SCALE) for a, b in plot.placed(curve, *size)]
            pdf.set_draw_color(*COLOURS[number])
            pdf.set_fill_color(*COLOURS[number])
            pdf.set_dash_pattern(*DASHES[number])
            if len(points) > 1:
                pdf.polyline(points)
            pdf.set_dash_pattern()
            for a, b in plot.spots(curve.dots, *size):
                pdf.circle(left + a / SCALE, y + b / SCALE, DOT, style="F")
    for name, number, down in ends(plot, size[1], apart=340):
        pdf.letters(SMALL, COLOURS[number], bold=True)
        pdf.set_xy(left + inner[0] + 1, y + down / SCALE - 1.6)
        pdf.cell(RIGHT - 1, 3.2, latin(name))
    pdf.set_fill_color(*PALE)
    pdf.set_xy(*before)


def _across(pdf: Page, plot: Plot, axis: tuple[float, float, float]) -> None:
    left, bottom, length = axis
    pdf.set_draw_color(*AXIS)
    pdf.line(left, bottom, left + length, bottom)
    for value, label in plot.across.marks:
        at = left + plot.across.place(value, int(length * SCALE)) / SCALE
        pdf.line(at, bottom, at, bottom + 1)
        pdf.set_xy(at - 15, bottom + 1.4)
        pdf.cell(30, 3.2, label, align="C")
    pdf.set_xy(left, bottom + 5.4)
    pdf.cell(length, 3.2, latin(plot.along), align="C")
