"""Tables of a PDF: how wide their columns are, and which rows stay together.

No row is broken over two pages and no number over two lines: columns grow to what they hold, and
where the page is too narrow for that the letters of the whole table get smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.document.document import Cell, Facts, Table, cell
from audit.document.pdf_page import (
    FACT_NAME,
    GAP,
    GRAVE,
    HEIGHT,
    INK,
    LINE,
    MARGIN,
    MONO,
    PAD,
    RULE,
    SMALL,
    SOFT,
    TEXT,
    WIDTH,
    Colour,
    Page,
)

TOGETHER = 2
"""Rows that stand at least together, at the beginning of a table and at its end."""

WHOLE = 0.6 * HEIGHT
"""Up to this height a table begins on a new page rather than be torn."""

HALF_A_HASH = 33


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a cell in one kind of letters."""

    lines: list[str]
    size: float
    mono: bool
    soft: bool

    @property
    def height(self) -> float:
        """In mm."""
        return len(self.lines) * self.size * LINE


class MeasuredTable:
    """A table, or facts, measured for a page."""

    def __init__(self, pdf: Page, block: Table | Facts) -> None:
        self._pdf = pdf
        self._widths: tuple[float, ...]
        if isinstance(block, Facts):
            rows = tuple((Cell(name), cell(value)) for name, value in block.facts)
            block = Table("", (), (), rows)
            self._widths, self._scale, self._soft = (FACT_NAME, WIDTH - FACT_NAME), 1.0, True
        else:
            self._widths, self._scale = _columns(pdf, block)
            self._soft = False
        self._table = block
        self._rows = [
            [list(self._parts(cell(one), place)) for place, one in enumerate(row)]
            for row in block.rows
        ]
        self._heights = [
            max(sum(part.height for part in parts) for parts in row) + 2 * PAD for row in self._rows
        ]

    @property
    def height(self) -> float:
        """Of all of it."""
        return self._top() + sum(self._heights)

    @property
    def beginning(self) -> float:
        """What must not be torn from what stands above: the whole, or the head and first rows."""
        if self.height <= WHOLE:
            return self.height
        return self._top() + self._together(0)

    def draw(self) -> None:
        """From here on, over as many pages as it takes."""
        pdf, table = self._pdf, self._table
        pdf.room(self.beginning)
        if table.caption:
            pdf.letters(SMALL + 0.6, SOFT)
            for line in pdf.lines(table.caption, WIDTH):
                pdf.cell(WIDTH, 3.8, line)
                pdf.ln(3.8)
        self._draw_heads()
        first_total = len(self._rows) - table.totals
        for place, row in enumerate(self._rows):
            if pdf.room(self._together(place)):
                self._draw_heads()
            if table.totals and place == first_total:
                pdf.rule(INK)
            self._draw_row(place, row, bold=place >= first_total)

    def _together(self, place: int) -> float:
        """The height from a row on that stays on one page."""
        heights, body = self._heights, len(self._heights) - self._table.totals
        end = place + (TOGETHER if place == 0 else 1)
        if end > body - TOGETHER:
            end = len(heights)
        height = sum(heights[place:end])
        return height if height <= HEIGHT - self._top() else heights[place]

    def _top(self) -> float:
        caption = self._table.caption
        self._pdf.letters(SMALL + 0.6)
        lines = len(self._pdf.lines(caption, WIDTH)) if caption else 0
        return 3.8 * lines + self._head_height()

    def _inner(self, place: int) -> float:
        return self._widths[place] - GAP * (place + 1 < len(self._widths))

    def _head_lines(self) -> list[list[str]]:
        self._pdf.letters(SMALL * self._scale, bold=True)
        heads = enumerate(self._table.heads)
        return [self._pdf.lines(head, self._inner(place)) for place, head in heads]

    def _head_height(self) -> float:
        lines = max((len(one) for one in self._head_lines()), default=0)
        return lines * SMALL * LINE + 1.8 if lines else 0.0

    def _draw_heads(self) -> None:
        pdf, height = self._pdf, self._head_height()
        if not height:
            return
        top, x = pdf.get_y(), MARGIN
        for place, lines in enumerate(self._head_lines()):
            y = top + height - 1 - len(lines) * SMALL * LINE
            align = "R" if place in self._table.numbers else "L"
            pdf.letters(SMALL * self._scale, INK, bold=True)
            for line in lines:
                pdf.set_xy(x, y)
                pdf.cell(self._inner(place), SMALL * LINE, line, align=align)
                y += SMALL * LINE
            x += self._widths[place]
        pdf.set_xy(MARGIN, top + height)
        pdf.rule(INK)

    def _draw_row(self, place: int, row: list[list[Part]], *, bold: bool) -> None:
        pdf, top, x = self._pdf, self._pdf.get_y(), MARGIN
        for column, parts in enumerate(row):
            one, y = cell(self._table.rows[place][column]), top + PAD
            align = "R" if column in self._table.numbers else "L"
            for part in parts:
                soft = part.soft or (self._soft and column == 0)
                colour: Colour = GRAVE if one.grave else SOFT if soft else INK
                heavy = (bold or one.grave) and not part.soft and not part.mono
                pdf.letters(part.size, colour, bold=heavy, mono=part.mono)
                link = "" if part.soft else one.link
                for line in part.lines:
                    pdf.set_xy(x, y)
                    pdf.cell(self._inner(column), part.size * LINE, line, align=align, link=link)
                    y += part.size * LINE
            x += self._widths[column]
        pdf.set_xy(MARGIN, top + self._heights[place])
        pdf.rule(RULE)

    def _parts(self, one: Cell, place: int) -> Iterator[Part]:
        # Measured in bold, as a sum is written: it is a little wider.
        for text, size, mono, soft in (
            (one.text, MONO if one.mono else TEXT, one.mono, False),
            (one.under, SMALL, False, True),
        ):
            if text:
                self._pdf.letters(size * self._scale, bold=not soft and not mono, mono=mono)
                lines = self._pdf.lines(text, self._inner(place))
                yield Part(lines, size * self._scale, mono, soft)


def _columns(pdf: Page, table: Table) -> tuple[tuple[float, ...], float]:
    """How wide the columns are, and by how much their letters are smaller for that."""
    shares = [WIDTH * width / sum(table.widths) for width in table.widths]
    last = len(shares) - 1
    gaps = [GAP * (place < last) for place in range(len(shares))]
    needed = [
        _needed(pdf, table, place, share - gap) + gap
        for place, (share, gap) in enumerate(zip(shares, gaps, strict=True))
    ]
    if sum(needed) > WIDTH:
        scale = (WIDTH - sum(gaps)) / (sum(needed) - sum(gaps))
        scaled = [(n - gap) * scale + gap for n, gap in zip(needed, gaps, strict=True)]
        return tuple(scaled), scale * 0.999
    lacking = sum(max(0.0, n - share) for n, share in zip(needed, shares, strict=True))
    spare = sum(max(0.0, share - n) for n, share in zip(needed, shares, strict=True))
    give = lacking / spare if spare else 0.0
    widths = [
        n if n > share else share - give * (share - n)
        for n, share in zip(needed, shares, strict=True)
    ]
    return tuple(widths), 1.0


def _needed(pdf: Page, table: Table, place: int, share: float) -> float:
    """The least width of a column: all of a number, the longest word of a text up to its share."""
    number, widest = place in table.numbers, 0.0
    pdf.letters(SMALL, bold=True)
    widest = pdf.widest_word(table.heads[place])
    for row in table.rows:
        one = cell(row[place])
        if one.mono:
            pdf.letters(MONO, mono=True)
            widest = max(widest, pdf.wide(one.text[:HALF_A_HASH]))
            continue
        pdf.letters(TEXT, bold=True)
        text = pdf.widest_word(one.text)
        widest = max(widest, text if number else min(text, share))
        pdf.letters(SMALL)
        under = pdf.widest_word(one.under)
        widest = max(widest, under if number else min(under, share))
    return widest + 0.1
