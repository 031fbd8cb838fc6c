"""A document as a PDF: A4, the standard fonts, vector drawings, and the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from fpdf.enums import WrapMode, XPos, YPos

from audit.document import (
    Block,
    Cell,
    Commands,
    Document,
    Facts,
    Figures,
    Note,
    Table,
    cell,
)
from audit.pdf_page import (
    BOTTOM,
    FACT_NAME,
    GAP,
    GRAVE,
    HEADING,
    INK,
    MARGIN,
    MONO,
    PAD,
    PALE,
    RULE,
    SMALL,
    SOFT,
    STEEL,
    TEXT,
    WIDTH,
    Page,
    latin,
)
from audit.pdf_plot import draw_plot


def as_pdf(document: Document) -> bytes:
    """The whole file."""
    return _Sheet(document).written()


class _Sheet:
    """Draws one document from top to bottom."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._pdf = Page(document)

    def written(self) -> bytes:
        """Draw it all."""
        pdf, document = self._pdf, self._document
        pdf.add_page()
        pdf.set_fill_color(*STEEL)
        pdf.rect(MARGIN, pdf.get_y(), WIDTH, 1.8, style="F")
        pdf.ln(5)
        self._text(document.kind.upper(), 7.6, STEEL, bold=True)
        self._text(document.title, 21, INK, bold=True, line=9.5)
        self._text(document.under, 9.4, SOFT)
        pdf.ln(3)
        self._note(document.verdict, barred=True)
        pdf.ln(2)
        self._figures(document.figures)
        for section in document.sections:
            self._heading(section.heading, section.blocks[0])
            for block in section.blocks:
                self._block(block)
        return bytes(pdf.output())

    def _text(
        self,
        text: str,
        size: float,
        colour: tuple[int, int, int],
        *,
        bold: bool = False,
        line: float = 0,
    ) -> None:
        self._font(size, colour, bold=bold)
        height = line or size * 0.48
        self._pdf.multi_cell(0, height, latin(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _font(
        self, size: float, colour: tuple[int, int, int], *, bold: bool = False, mono: bool = False
    ) -> None:
        self._pdf.set_font("courier" if mono else "helvetica", "B" if bold else "", size)
        self._pdf.set_text_color(*colour)

    def _room(self, height: float) -> bool:
        """Begin a new page unless so much still fits on this one; whether it did."""
        if self._pdf.get_y() + height <= self._pdf.h - BOTTOM:
            return False
        self._pdf.add_page()
        return True

    def _heading(self, text: str, first: Block) -> None:
        """A heading, on the page of what follows; a table is not torn where it fits on one."""
        pdf = self._pdf
        pdf.ln(4.5)
        height = self._table_height(first) if isinstance(first, Table) else 0.0
        whole = pdf.h - MARGIN - BOTTOM - 20
        self._room(HEADING + (height if height < whole else 20))
        pdf.set_draw_color(*INK)
        with self._pen(0.45):
            pdf.line(MARGIN, pdf.get_y(), MARGIN + WIDTH, pdf.get_y())
        pdf.ln(1.6)
        self._text(text, 10.2, STEEL, bold=True)
        pdf.ln(1)

    @contextmanager
    def _pen(self, width: float) -> Iterator[None]:
        before = self._pdf.line_width
        self._pdf.set_line_width(width)
        yield
        self._pdf.set_line_width(before)

    def _block(self, block: Block) -> None:
        match block:
            case Figures():
                self._figures(block)
            case Facts():
                for name, value in block.facts:
                    self._row((Cell(name), cell(value)), (FACT_NAME, WIDTH - FACT_NAME), soft=True)
                self._pdf.ln(2)
            case Table():
                self._table(block)
            case Note():
                self._note(block)
            case Commands():
                self._commands(block)
            case _:
                self._room(58)
                self._text(block.title, TEXT, INK, bold=True)
                draw_plot(self._pdf, block, (MARGIN, self._pdf.get_y() + 1.5, WIDTH, 48))
                self._pdf.set_y(self._pdf.get_y() + 53)

    def _note(self, note: Note, *, barred: bool = False) -> None:
        pdf, colour = self._pdf, GRAVE if note.grave else INK
        self._room(8)
        top, page = pdf.get_y(), pdf.page_no()
        if barred:
            pdf.set_left_margin(MARGIN + 4)
            pdf.set_x(MARGIN + 4)
        self._text(note.text, TEXT + 0.4, colour, bold=note.grave, line=4.4)
        if barred:
            pdf.set_left_margin(MARGIN)
            pdf.set_x(MARGIN)
            if page == pdf.page_no():
                pdf.set_fill_color(*(GRAVE if note.grave else STEEL))
                pdf.rect(MARGIN, top, 1.1, pdf.get_y() - top, style="F")
        pdf.ln(1.2)

    def _figures(self, figures: Figures) -> None:
        pdf = self._pdf
        width, height = WIDTH / len(figures.figures), 15.0
        top = pdf.get_y()
        pdf.set_draw_color(*RULE)
        for place, (name, value) in enumerate(figures.figures):
            left = MARGIN + place * width
            if place:
                pdf.line(left, top, left, top + height)
            self._font(SMALL, SOFT)
            self._at(left + 2, top + 1.4, width - 4, 3.4, name)
            fits = value.text
            self._font(11, INK, bold=True)
            wide = pdf.get_string_width(latin(fits))
            self._font(11 * min(1.0, (width - 4) / max(wide, 0.1)), INK, bold=True)
            self._at(left + 2, top + 5.2, width - 4, 5, fits)
            self._font(SMALL, SOFT)
            self._at(left + 2, top + 10.4, width - 4, 3.4, value.under)
        pdf.set_draw_color(*INK)
        pdf.rect(MARGIN, top, WIDTH, height)
        pdf.set_y(top + height)

    def _at(self, x: float, y: float, width: float, height: float, text: str) -> None:
        self._pdf.set_xy(x, y)
        self._pdf.cell(width, height, latin(text))

    def _table(self, table: Table) -> None:
        widths = self._widths(table)
        first = max((self._height(cell(one), 30) for one in table.rows[0]), default=0.0)
        self._room(HEADING + first)
        if table.caption:
            self._text(table.caption, SMALL + 0.6, SOFT, line=3.8)
        self._heads(table, widths)
        first_total = len(table.rows) - table.totals
        for place, row in enumerate(table.rows):
            if place == first_total:
                self._pdf.set_draw_color(*INK)
                y = self._pdf.get_y()
                self._pdf.line(MARGIN, y, MARGIN + WIDTH, y)
            self._row(
                tuple(cell(one) for one in row),
                widths,
                table=table,
                bold=place >= first_total,
            )
        self._pdf.ln(2.5)

    def _table_height(self, table: Table) -> float:
        widths = self._widths(table)
        rows = (
            max(
                self._height(cell(one), width - GAP) for one, width in zip(row, widths, strict=True)
            )
            for row in table.rows
        )
        return 10 + sum(height + 2 * PAD for height in rows)

    @staticmethod
    def _widths(table: Table) -> tuple[float, ...]:
        whole = sum(table.widths)
        return tuple(WIDTH * width / whole for width in table.widths)

    def _heads(self, table: Table, widths: tuple[float, ...]) -> None:
        pdf = self._pdf
        self._room(16)
        x, top = MARGIN, pdf.get_y()
        for place, (head, width) in enumerate(zip(table.heads, widths, strict=True)):
            self._font(SMALL, INK, bold=True)
            pdf.set_xy(x, top)
            align = "R" if place in table.numbers else "L"
            pdf.cell(width - GAP * (place + 1 < len(widths)), 5, latin(head), align=align)
            x += width
        pdf.set_xy(MARGIN, top + 5)
        pdf.set_draw_color(*INK)
        pdf.line(MARGIN, top + 5, MARGIN + WIDTH, top + 5)

    def _row(
        self,
        cells: tuple[Cell, ...],
        widths: tuple[float, ...],
        *,
        table: Table | None = None,
        bold: bool = False,
        soft: bool = False,
    ) -> None:
        pdf = self._pdf
        numbers = table.numbers if table else frozenset()
        inner = [width - GAP for width in widths[:-1]] + [widths[-1]]
        height = max(self._height(one, width) for one, width in zip(cells, inner, strict=True))
        if self._room(height + 2 * PAD) and table:
            self._heads(table, widths)
        x, top = MARGIN, pdf.get_y()
        for place, (one, width) in enumerate(zip(cells, widths, strict=True)):
            colour = SOFT if soft and place == 0 else INK
            align = "R" if place in numbers else "L"
            pdf.set_xy(x, top + PAD)
            self._cell(one, inner[place], align, colour, bold=bold)
            x += width
        bottom = top + height + 2 * PAD
        pdf.set_draw_color(*RULE)
        pdf.line(MARGIN, bottom, MARGIN + WIDTH, bottom)
        pdf.set_xy(MARGIN, bottom)

    def _cell(
        self, one: Cell, width: float, align: str, colour: tuple[int, int, int], *, bold: bool
    ) -> None:
        pdf, x = self._pdf, self._pdf.get_x()
        self._font(MONO if one.mono else TEXT, colour, bold=bold and not one.mono, mono=one.mono)
        if one.text:
            self._lines(one.text, width, align, one.link, 3.9, mono=one.mono)
        if one.under:
            pdf.set_x(x)
            self._font(SMALL, SOFT)
            self._lines(one.under, width, align, "", 3.3, mono=one.under.startswith("0x"))

    def _lines(
        self, text: str, width: float, align: str, link: str, height: float, *, mono: bool
    ) -> None:
        self._pdf.multi_cell(
            width,
            height,
            latin(text),
            align=align,
            link=link or None,
            wrapmode=WrapMode.CHAR if mono else WrapMode.WORD,
            new_x=XPos.LEFT,
            new_y=YPos.NEXT,
        )

    def _height(self, one: Cell, width: float) -> float:
        pdf = self._pdf
        height = 0.0
        for text, size, line, mono in (
            (one.text, MONO if one.mono else TEXT, 3.9, one.mono),
            (one.under, SMALL, 3.3, one.under.startswith("0x")),
        ):
            if text:
                self._font(size, INK, mono=mono and size == MONO)
                pdf.set_x(MARGIN)
                lines = pdf.multi_cell(
                    width,
                    line,
                    latin(text),
                    align="L",
                    wrapmode=WrapMode.CHAR if mono else WrapMode.WORD,
                    dry_run=True,
                    output="LINES",
                )
                height += line * len(cast("list[str]", lines))
        return height

    def _commands(self, commands: Commands) -> None:
        pdf = self._pdf
        self._font(MONO, INK, mono=True)
        pdf.set_fill_color(*PALE)
        pdf.ln(1)
        for line in commands.lines:
            pdf.multi_cell(
                WIDTH,
                4.2,
                latin(line),
                align="L",
                fill=True,
                wrapmode=WrapMode.WORD,
                new_x=XPos.LMARGIN,
                new_y=YPos.NEXT,
            )
