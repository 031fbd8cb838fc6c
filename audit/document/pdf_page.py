"""A page of a PDF: its size, colours and letters, where lines are broken, and its footer.

The standard fonts have the letters of Latin-1; others are written as escapes (`\\u20ac`), so that
nothing is left out and nothing has to be embedded. Lengths are in mm, sizes of letters in points.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF

from audit.document.document import Document

MARGIN, BOTTOM = 16.0, 18.0
WIDTH = 210.0 - 2 * MARGIN
HEIGHT = 297.0 - MARGIN - BOTTOM
"""Of what can be written on."""

FACT_NAME = 42.0
PAD = 1.1
GAP = 4.0
"""Between two columns."""

HEADING = 12.0

INK, SOFT, RULE = (20, 24, 27), (86, 96, 103), (201, 208, 212)
STEEL, GRAVE, PALE = (23, 70, 94), (155, 28, 28), (242, 244, 245)

TEXT, SMALL, MONO = 8.8, 7.2, 7.4
LINE = 0.45
"""Height of a line of text in mm for each point of its letters."""

Colour = tuple[int, int, int]


def latin(text: str) -> str:
    """Text in the letters that the standard fonts have."""
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


class Page(FPDF):
    """A page with the document's footer. It breaks no page by itself: `room` does."""

    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self._document = document
        self.set_margins(MARGIN, MARGIN)
        self.c_margin = 0
        self.set_auto_page_break(auto=False, margin=BOTTOM)
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
        self.letters(SMALL, SOFT)
        self.cell(WIDTH * 0.75, 6, latin(self._document.footer))
        page = self._document.page_of.format(self.page_no(), "{nb}")
        self.cell(WIDTH * 0.25, 6, latin(page), align="R")

    def letters(
        self, size: float, colour: Colour = INK, *, bold: bool = False, mono: bool = False
    ) -> None:
        """Which letters come next."""
        self.set_font("courier" if mono else "helvetica", "B" if bold else "", size)
        self.set_text_color(*colour)

    @contextmanager
    def pen(self, width: float) -> Iterator[None]:
        """Lines of another width."""
        before = self.line_width
        self.set_line_width(width)
        yield
        self.set_line_width(before)

    def rule(self, colour: Colour) -> None:
        """A line across the page, here."""
        self.set_draw_color(*colour)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())

    def room(self, height: float) -> bool:
        """Begin a new page unless so much still fits on this one; whether it had to.

        What is higher than a page gets no page of its own.
        """
        left = self.h - BOTTOM - self.get_y()
        if height <= left or self.get_y() <= MARGIN:
            return False
        self.add_page()
        return True

    def wide(self, text: str) -> float:
        """How wide a text is in the present letters.

        The font itself is asked: `get_string_width` says the same after ten times as long, which it
        spends on directions of writing that Latin-1 does not have, and most of a document's time
        goes into measuring.
        """
        font: Any = self.current_font  # it is None until `letters` chooses one
        _count, points = font.get_text_width(latin(text), self.font_size_pt, None)
        return float(points / self.k)

    def widest_word(self, text: str) -> float:
        """How wide the longest part is that no line may break."""
        return max((self.wide(word) for word in text.split(" ")), default=0.0)

    def lines(self, text: str, width: float) -> list[str]:
        """Text in lines of that width in the present letters, broken at spaces only.

        A word that is wider alone, such as a hash, is cut into parts of equal length.
        """
        found: list[str] = []
        for word in latin(text).split(" "):
            together = f"{found[-1]} {word}" if found else word
            if found and self.wide(together) <= width:
                found[-1] = together
                continue
            parts = -(-self.wide(word) // width) if word else 1
            each = -(-len(word) // max(1, int(parts)))
            while each > 1 and any(self.wide(part) > width for part in _cut(word, each)):
                each -= 1
            found += _cut(word, each) if word else [""]
        return found


def _cut(word: str, each: int) -> list[str]:
    return [word[at : at + each] for at in range(0, len(word), each)]
