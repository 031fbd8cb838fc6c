"""Lines for a terminal: tables where they fit, and otherwise a few lines for each row.

No word and no number is ever broken: what is longer than a line alone, such as a hash, stands in a
line of its own, which the terminal may break but a copy of it does not.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of texts under heads; `numbers` are columns set to the right."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int]

    def lines(self, width: int | None) -> Iterator[tuple[int | None, str]]:
        """The lines, each with the place of its row (None for heads), in at most `width` columns
        if that can be; None is as wide as it takes."""
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        if width is None or sum(widths) + len(GAP) * (len(widths) - 1) <= width:
            yield None, self._line(self.heads, widths)
            yield None, GAP.join("-" * one for one in widths)
            for place, row in enumerate(self.rows):
                yield place, self._line(row, widths)
            return
        for place, row in enumerate(self.rows):
            if place:
                yield None, ""
            for line in self._below_one_another(row, width):
                yield place, line

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        cells = [
            text.rjust(width) if place in self.numbers else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return GAP.join(cells).rstrip()

    def _below_one_another(self, row: tuple[str, ...], width: int) -> Iterator[str]:
        name = max(map(len, self.heads))
        right = max((len(row[place]) for place in self.numbers), default=0)
        for place, (head, text) in enumerate(zip(self.heads, row, strict=True)):
            value = text.rjust(right) if place in self.numbers else text
            yield from named(head, value, name, width)


def named(name: str, value: str, name_width: int, width: int | None) -> Iterator[str]:
    """A name and its value, which goes on below itself where it is too long; where no word of it
    fits there, below the name."""
    indent = " " * (name_width + len(GAP))
    first = f"{name.ljust(name_width)}{GAP}"
    longest = max(map(len, value.split()), default=0)
    if width is None or len(first) + len(value) <= width:
        yield f"{first}{value}".rstrip()
    elif len(indent) + longest <= width:
        yield from wrapped(value, width, first, indent)
    else:
        yield name
        yield from wrapped(value, width, GAP, GAP)


def wrapped(text: str, width: int | None, first: str = "", later: str = "") -> list[str]:
    """Text in lines, broken at spaces only."""
    if width is None:
        return [first + text]
    return textwrap.wrap(
        text,
        max(width, len(later) + 1),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
