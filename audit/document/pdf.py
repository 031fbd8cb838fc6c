"""A document as a PDF: A4, the standard fonts, vector drawings, and the same bytes every time.

No heading stands without what it heads: a page ends before a heading unless the beginning of the
block below it fits, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.document.document import Block, Commands, Document, Facts, Figures, Note, Table
from audit.document.pdf_page import (
    GRAVE,
    HEADING,
    INK,
    LINE,
    MARGIN,
    MONO,
    PALE,
    RULE,
    SMALL,
    SOFT,
    STEEL,
    TEXT,
    WIDTH,
    Colour,
    Page,
    latin,
)
from audit.document.pdf_plot import draw_plot
from audit.document.pdf_table import MeasuredTable

NOTE_SIZE, NOTE_LINE = TEXT + 0.4, 4.4
BAR = 4.0
FIGURES_HEIGHT, FIGURE_SIZE = 15.0, 11.0
PLOT_HEIGHT = 48.0
COMMAND_LINE = 4.2


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
        self._text(document.title, 21, INK, bold=True)
        self._text(document.under, 9.4, SOFT)
        pdf.ln(3)
        self._verdict(document.verdict)
        pdf.ln(2)
        self._figures(document.figures)
        for section in document.sections:
            self._heading(section.heading, section.blocks)
            for place, block in enumerate(section.blocks):
                pdf.room(self._beginning(section.blocks[place:]))
                self._block(block)
        return bytes(pdf.output())

    def _text(self, text: str, size: float, colour: Colour, *, bold: bool = False) -> None:
        self._pdf.letters(size, colour, bold=bold)
        self._lines(self._pdf.lines(text, WIDTH), size * LINE)

    def _lines(self, lines: Sequence[str], height: float, left: float = 0) -> None:
        for line in lines:
            self._pdf.room(height)
            self._pdf.set_x(MARGIN + left)
            self._pdf.cell(WIDTH - left, height, line)
            self._pdf.ln(height)

    def _heading(self, text: str, blocks: Sequence[Block]) -> None:
        pdf = self._pdf
        pdf.ln(4.5)
        pdf.room(HEADING + self._beginning(blocks))
        with pdf.pen(0.45):
            pdf.rule(INK)
        pdf.ln(1.6)
        self._text(text, 10.2, STEEL, bold=True)
        pdf.ln(1)

    def _beginning(self, blocks: Sequence[Block]) -> float:
        """The height that must fit below a heading: a paragraph brings what follows it along."""
        if not blocks:
            return 0.0
        match blocks[0]:
            case Figures():
                return FIGURES_HEIGHT
            case Facts() | Table():
                return MeasuredTable(self._pdf, blocks[0]).beginning
            case Note():
                return self._note_height(blocks[0]) + self._beginning(blocks[1:])
            case Commands():
                return COMMAND_LINE * len(self._command_lines(blocks[0])) + 1
            case _:
                return self._plot_height(blocks[0].note) + 1

    def _block(self, block: Block) -> None:
        pdf = self._pdf
        match block:
            case Figures():
                self._figures(block)
            case Facts() | Table():
                MeasuredTable(pdf, block).draw()
                pdf.ln(2.5)
            case Note():
                self._note(block)
            case Commands():
                self._commands(block)
            case _:
                bottom = pdf.get_y() + self._plot_height(block.note)
                self._text(block.title, TEXT, INK, bold=True)
                if block.note:
                    self._text(block.note, SMALL + 0.6, SOFT)
                draw_plot(pdf, block, (MARGIN, pdf.get_y() + 1.5, WIDTH, PLOT_HEIGHT))
                pdf.set_y(bottom)

    def _plot_height(self, note: str) -> float:
        self._pdf.letters(SMALL + 0.6)
        lines = len(self._pdf.lines(note, WIDTH)) if note else 0
        return TEXT * LINE + lines * (SMALL + 0.6) * LINE + PLOT_HEIGHT + 5

    def _note_lines(self, note: Note, left: float = 0) -> list[str]:
        self._pdf.letters(NOTE_SIZE, GRAVE if note.grave else INK, bold=note.grave)
        return self._pdf.lines(note.text, WIDTH - left)

    def _note_height(self, note: Note) -> float:
        return len(self._note_lines(note)) * NOTE_LINE + 1.2

    def _note(self, note: Note) -> None:
        self._lines(self._note_lines(note), NOTE_LINE)
        self._pdf.ln(1.2)

    def _verdict(self, note: Note) -> None:
        pdf, top = self._pdf, self._pdf.get_y()
        self._lines(self._note_lines(note, BAR), NOTE_LINE, BAR)
        pdf.set_fill_color(*(GRAVE if note.grave else STEEL))
        pdf.rect(MARGIN, top, 1.1, pdf.get_y() - top, style="F")
        pdf.ln(1.2)

    def _figures(self, figures: Figures) -> None:
        """All in letters of one size, so that none looks more important than another."""
        pdf = self._pdf
        width, height, top = WIDTH / len(figures.figures), FIGURES_HEIGHT, pdf.get_y()
        pdf.letters(FIGURE_SIZE, bold=True)
        widest = max(pdf.wide(value.text) for _, value in figures.figures)
        size = FIGURE_SIZE * min(1.0, (width - 4) / max(widest, 0.1))
        pdf.set_draw_color(*RULE)
        for place, (name, value) in enumerate(figures.figures):
            left = MARGIN + place * width
            if place:
                pdf.line(left, top, left, top + height)
            pdf.letters(SMALL, SOFT)
            self._at(left + 2, top + 1.4, width - 4, 3.4, name)
            pdf.letters(size, INK, bold=True)
            self._at(left + 2, top + 5.2, width - 4, 5, value.text)
            pdf.letters(SMALL, SOFT)
            self._at(left + 2, top + 10.4, width - 4, 3.4, value.under)
        pdf.set_draw_color(*INK)
        pdf.rect(MARGIN, top, WIDTH, height)
        pdf.set_y(top + height)

    def _at(self, x: float, y: float, width: float, height: float, text: str) -> None:
        self._pdf.set_xy(x, y)
        self._pdf.cell(width, height, latin(text))

    def _command_lines(self, commands: Commands) -> list[str]:
        """As a terminal takes them: what goes on in the next line says so."""
        pdf = self._pdf
        pdf.letters(MONO, mono=True)
        room = WIDTH - pdf.wide("  \\ ")
        found = []
        for command in commands.lines:
            first, *others = pdf.lines(command, room)
            lines = [first, *(f"  {line}" for line in others)]
            found += [f"{line} \\" for line in lines[:-1]] + lines[-1:]
        return found

    def _commands(self, commands: Commands) -> None:
        pdf, lines = self._pdf, self._command_lines(commands)
        pdf.ln(1)
        for line in lines:
            pdf.room(COMMAND_LINE)
            pdf.set_fill_color(*PALE)
            pdf.set_x(MARGIN)
            pdf.cell(WIDTH, COMMAND_LINE, line, fill=True)
            pdf.ln(COMMAND_LINE)
