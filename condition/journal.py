"""The drill's samples, read from the journal that an oracle writes: by number, in small steps.

Only this file knows how the journal stores them. It opens the file for reading alone, holds no
transaction between two steps, and so neither waits for the oracle nor makes it wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from condition.errors import BookError
from protocol.errors import SampleError
from protocol.sample import Sample, decode_sample
from protocol.sample_row import raw_of_row

BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class StoredSample:
    """One stored sample: None where it is not what was stored."""

    sequence: int
    sample: Sample | None


class StoredSamples(Protocol):
    """Where samples come from."""

    def drills(self) -> list[int]:
        """The numbers of the drills that it has samples of, rising."""

    def after(self, drill: int, sequence: int, limit: int) -> list[StoredSample]:
        """At most `limit` samples of a drill after `sequence`, sequences rising."""


class JournalFile:
    """An oracle's journal in an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def drills(self) -> list[int]:
        """The drills in the journal; raises BookError."""
        found: list[int] = []
        with self._reading() as connection:
            # One look-up in the key for each drill: DISTINCT would walk through every sample.
            query = "SELECT min(drill) FROM sample WHERE drill > ?"
            newest = connection.execute(query, (0,)).fetchone()[0]
            while newest is not None:
                found.append(newest)
                newest = connection.execute(query, (newest,)).fetchone()[0]
        return found

    def after(self, drill: int, sequence: int, limit: int) -> list[StoredSample]:
        """The next samples of a drill; raises BookError."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT sequence, time_ms, raw FROM sample WHERE drill = ? AND sequence > ? "
                "ORDER BY sequence LIMIT ?",
                (drill, sequence, limit),
            ).fetchall()
        return [
            StoredSample(number, _sample(drill, number, time, raw)) for number, time, raw in rows
        ]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise BookError(
                f"journal {self._path} cannot be read: {error}; it is the file that the oracle's "
                "settings name, and only SQLite journals are read"
            ) from error


def _sample(drill: int, sequence: int, time_ms: int, stored: bytes) -> Sample | None:
    try:
        return decode_sample(raw_of_row(drill, sequence, time_ms, stored))
    except SampleError:
        return None
