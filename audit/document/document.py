"""A page as values: headings, facts, tables, plots. Its looks are the renderers' business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.document.plot import Plot


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table or beside a name. `under` is smaller, below it; `mono` for hashes,
    `grave` for what nobody should overlook."""

    text: str
    under: str = ""
    link: str = ""
    mono: bool = False
    grave: bool = False


Written: TypeAlias = "str | Cell"


def cell(written: Written) -> Cell:
    """As a cell."""
    return written if isinstance(written, Cell) else Cell(written)


@dataclass(frozen=True, slots=True)
class Figures:
    """The few numbers that matter most: name and value."""

    figures: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    facts: tuple[tuple[str, Written], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads. `numbers` are columns set to the right, `widths` their shares; of the rows
    at the end `totals` are sums."""

    caption: str
    heads: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[Written, ...], ...]
    numbers: frozenset[int] = frozenset()
    totals: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph; `grave` for what nobody should overlook."""

    text: str
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines for a terminal."""

    lines: tuple[str, ...]


Block: TypeAlias = "Figures | Facts | Table | Note | Commands | Plot"


@dataclass(frozen=True, slots=True)
class DocumentSection:
    """A heading and what is below."""

    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page. `time` (Unix s) is the only one that gets into it."""

    language: str
    kind: str
    title: str
    under: str
    verdict: Note
    figures: Figures
    sections: tuple[DocumentSection, ...]
    footer: str
    time: int
    page_of: str = field(default="{} / {}")
