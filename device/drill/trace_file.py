"""The table in a trace file: bounded reading, its delimiter, its numbers and its times.

    delimiter   comma, semicolon or tab: the one with which the header has the named columns
    numbers     with a decimal point; where the delimiter is not a comma, a decimal comma as well
    times       seconds; Unix time in s, ms, us or ns, known by its size; or ISO 8601 as in
                2026-10-25T02:59:55.100+02:00, which is exact where summer time ends

Nothing is guessed about a cell: what is none of these is an error that names the row.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from device.errors import TraceError

MAX_ROWS = 1_000_000
"""More than a day at ten rows a second; a larger file is a mistake and would fill the memory."""

MAX_LINE_BYTES = 65_536
MAX_BYTES = 512_000_000
"""What a device or a pipe without an end is read of; a million rows of many columns are less."""

DELIMITERS = ",;\t"

_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")

UNIX_FACTORS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0))
"""A time from the first figure on is Unix time in this part of a second: 1e8 s are of 1973, and the
same figure in ms would be of the first two days of 1970."""


class TraceTable:
    """A header and rows with as many cells each."""

    def __init__(self, path: Path, wanted: Sequence[str], lines: Iterator[str]) -> None:
        """Read the header; `wanted` are the columns that it must have once. Raises TraceError."""
        self._path = path
        first = next(lines, "")
        splits = [(one, _split(path, first, one)) for one in DELIMITERS]
        fits = [(mark, header) for mark, header in splits if set(wanted) <= set(header)]
        self._delimiter, self.header = (fits or [max(splits, key=lambda one: len(one[1]))])[0]
        for name in wanted:
            if self.header.count(name) != 1:
                found = "there twice" if name in self.header else "not there"
                raise TraceError(f"{path}: column {name!r} is {found}; columns: {self.header}")
        self._lines = lines

    def rows(self, most: int | None = None) -> Iterator[tuple[int, dict[str, str]]]:
        """Rows, from 1 below the header, as cells by column; raises TraceError."""
        most = MAX_ROWS if most is None else most
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        number = 0
        for cells in reader:
            if not cells:
                continue
            number += 1
            if number > most:
                raise TraceError(f"{self._path}: more than {most} rows")
            if len(cells) != len(self.header):
                raise TraceError(
                    f"{self._path}: row {number}: {len(cells)} cells under {len(self.header)} "
                    "names" + self._hint(cells)
                )
            yield number, dict(zip(self.header, cells, strict=True))

    def _hint(self, cells: Sequence[str]) -> str:
        if self._delimiter == "," and len(cells) > len(self.header):
            return "; decimal commas need another delimiter, such as a semicolon"
        return ""

    def number(self, place: str, column: str, text: str) -> float:
        """A cell as a number; raises TraceError."""
        value = self._parse(text)
        if value is None:
            raise TraceError(f"{place}: {column} is {text!r}, not a number")
        return value

    def time_s(self, place: str, column: str, text: str) -> tuple[float, bool]:
        """A cell as seconds, and whether it was ISO 8601; raises TraceError."""
        value = self._parse(text)
        if value is not None:
            return value, False
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise TraceError(
                f"{place}: {column} is {text!r}, neither a number nor a time in ISO 8601"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp(), True

    def _parse(self, text: str) -> float | None:
        plain = text.strip()
        if self._delimiter != "," and _COMMA_NUMBER.fullmatch(plain):
            plain = plain.replace(",", ".")
        try:
            value = float(plain)
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def read_lines(path: Path, most: int | None = None) -> Iterator[str]:
    """The lines of a file, each and all of them bounded; raises TraceError and OSError."""
    most = MAX_ROWS if most is None else most
    read = 0
    with path.open("rb") as file:
        for number in range(most + 2):
            line = file.readline(MAX_LINE_BYTES + 1)
            read += len(line)
            if not line:
                return
            if len(line) > MAX_LINE_BYTES:
                raise TraceError(f"{path}: line {number + 1} has more than {MAX_LINE_BYTES} bytes")
            if read > MAX_BYTES:
                raise TraceError(f"{path}: more than {MAX_BYTES} bytes")
            yield line.decode("utf-8-sig" if number == 0 else "utf-8")
    raise TraceError(f"{path}: more than {most} rows")


def unix_factor(time: float) -> float:
    """What makes seconds of a number of this size in a column without a factor."""
    return next((factor for least, factor in UNIX_FACTORS if abs(time) >= least), 1.0)


def _split(path: Path, line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise TraceError(f"{path}: not a CSV file in UTF-8: {error}") from error
