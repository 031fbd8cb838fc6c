"""A page of a PDF: its size, colours, letters and footer.

The standard fonts have the letters of Latin-1; others are written as escapes (`\\u20ac`), so that
nothing is left out and nothing has to be embedded. Lengths are in mm, sizes of letters in points.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fpdf import FPDF

from audit.document import Document

MARGIN, BOTTOM = 16.0, 18.0
WIDTH = 210.0 - 2 * MARGIN
FACT_NAME = 42.0
PAD = 1.1
GAP = 4.0
"""Between two columns."""

HEADING = 12.0

INK, SOFT, RULE = (20, 24, 27), (86, 96, 103), (201, 208, 212)
STEEL, GRAVE, PALE = (23, 70, 94), (155, 28, 28), (242, 244, 245)

TEXT, SMALL, MONO = 8.8, 7.2, 7.4


def latin(text: str) -> str:
    """Text in the letters that the standard fonts have."""
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


class Page(FPDF):
    """A page with the document's footer."""

    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self._document = document
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(auto=True, margin=BOTTOM)
        self.set_creation_date(datetime.fromtimestamp(document.time, UTC))
        self.set_title(latin(f"{document.kind}: {document.title}"))
        self.set_creator("drill-audit")
        self.set_producer("drill-audit")
        self.set_lang(document.language)

    def footer(self) -> None:
        """What stands below every page."""
        self.set_y(-BOTTOM + 5)
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())
        self.set_font("helvetica", size=SMALL)
        self.set_text_color(*SOFT)
        self.cell(WIDTH * 0.75, 6, latin(self._document.footer))
        page = self._document.page_of.format(self.page_no(), "{nb}")
        self.cell(WIDTH * 0.25, 6, latin(page), align="R")
