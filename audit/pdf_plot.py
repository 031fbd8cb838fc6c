"""A plot drawn into a PDF, as lines and letters."""

from __future__ import annotations

from fpdf import FPDF

from audit.pdf_page import latin
from audit.plot import Plot
from audit.report_plot import ends

SCALE = 100
"""The geometry is in integers: hundredths of a mm."""

LEFT, RIGHT, BOTTOM = 24.0, 20.0, 6.0
GRID, AXIS, SOFT = (221, 226, 229), (20, 24, 27), (86, 96, 103)
COLOURS = ((23, 70, 94), (179, 84, 30), (20, 24, 27))
DASHES = ((0.0, 0.0), (1.8, 0.8), (0.5, 0.8))
SMALL = 6.8


def draw_plot(pdf: FPDF, plot: Plot, box: tuple[float, float, float, float]) -> None:
    """Draw into a box (left, top, width, height); the pen is left where it was."""
    x, y, width, height = box
    before = pdf.get_x(), pdf.get_y(), pdf.line_width
    left, inner = x + LEFT, (width - LEFT - RIGHT, height - BOTTOM)
    size = int(inner[0] * SCALE), int(inner[1] * SCALE)
    bottom = y + inner[1]
    pdf.set_font("helvetica", size=SMALL)
    pdf.set_text_color(*SOFT)
    pdf.set_line_width(0.15)
    for value, label in plot.up.marks:
        at = bottom - plot.up.place(value, size[1]) / SCALE
        pdf.set_draw_color(*GRID)
        pdf.line(left, at, left + inner[0], at)
        pdf.set_xy(x, at - 1.6)
        pdf.cell(LEFT - 1.5, 3.2, latin(label), align="R")
    pdf.set_draw_color(*AXIS)
    pdf.line(left, bottom, left + inner[0], bottom)
    for value, label in plot.across.marks:
        at = left + plot.across.place(value, size[0]) / SCALE
        pdf.line(at, bottom, at, bottom + 1)
        pdf.set_xy(at - 15, bottom + 1.4)
        pdf.cell(30, 3.2, label, align="C")
    pdf.set_line_width(0.4)
    for number, curve in enumerate(plot.curves):
        points = [(left + a / SCALE, y + b / SCALE) for a, b in plot.placed(curve, *size)]
        pdf.set_draw_color(*COLOURS[number])
        pdf.set_dash_pattern(*DASHES[number])
        if len(points) > 1:
            pdf.polyline(points)
    pdf.set_dash_pattern()
    pdf.set_font("helvetica", "B", SMALL)
    for name, number, down in ends(plot, size[1], apart=340):
        pdf.set_text_color(*COLOURS[number])
        pdf.set_xy(left + inner[0] + 1, y + down / SCALE - 1.6)
        pdf.cell(RIGHT - 1, 3.2, latin(name))
    pdf.set_line_width(before[2])
    pdf.set_xy(*before[:2])
