"""The condition book: what is known of each drill, and up to which sample, in a file of its own.

One row a drill, its state as JSON. What is found in some samples and how far they go is committed
together, so that after a crash every sample counts once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from condition.drill import DrillCondition
from condition.errors import BookError
from condition.journal import StoredSamples
from condition.moment import moment_of
from condition.sheet import DataSheet

STEP_SAMPLES = 2_000
"""Samples in one step: about a tenth of a second's work."""

BUSY_SECONDS = 60.0
"""How long a person's word waits for a step that is under way."""

DAMAGED = "damaged in the journal"


@dataclass(slots=True)
class BookEntry:
    """A drill in the book: its condition after the sample of that sequence."""

    drill: int
    after: int
    condition: DrillCondition


class Book:
    """The book at `path`, made if it is not there. Every method may raise BookError."""

    def __init__(self, path: Path, sheet: DataSheet) -> None:
        self._path, self._sheet = path, sheet
        with self._open() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS drill (drill INTEGER PRIMARY KEY, "
                "after_sequence INTEGER NOT NULL, state TEXT NOT NULL)"
            )

    def drills(self) -> list[int]:
        """The drills in the book, rising."""
        with self._open() as connection:
            rows = connection.execute("SELECT drill FROM drill ORDER BY drill").fetchall()
        return [row[0] for row in rows]

    def read(self, drill: int) -> BookEntry:
        """What is known of a drill."""
        with self._open() as connection:
            return self._read(connection, drill)

    @contextmanager
    def change(self, drill: int) -> Iterator[BookEntry]:
        """A drill's entry, written back when the block ends well; nobody else writes meanwhile."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            entry = self._read(connection, drill)
            yield entry
            state = json.dumps(entry.condition.to_dict(), allow_nan=False)
            connection.execute(
                "INSERT OR REPLACE INTO drill VALUES (?, ?, ?)", (drill, entry.after, state)
            )
            connection.execute("COMMIT")

    def step(self, source: StoredSamples, drill: int) -> int:
        """Take the next samples of a drill, at most a step's; returns how many there were."""
        with self.change(drill) as entry:
            taken = source.after(drill, entry.after, STEP_SAMPLES)
            for one in taken:
                entry.after = one.sequence
                if one.sample is None:
                    troubles = entry.condition.finder.troubles
                    troubles[DAMAGED] = troubles.get(DAMAGED, 0) + 1
                else:
                    entry.condition.take(moment_of(one.sample))
        return len(taken)

    def _read(self, connection: sqlite3.Connection, drill: int) -> BookEntry:
        row = connection.execute(
            "SELECT after_sequence, state FROM drill WHERE drill = ?", (drill,)
        ).fetchone()
        if row is None:
            return BookEntry(drill, 0, DrillCondition(self._sheet))
        try:
            return BookEntry(
                drill, row[0], DrillCondition.from_dict(json.loads(row[1]), self._sheet)
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BookError(
                f"{self._path}: what it holds of drill {drill} is damaged ({error}); move the book "
                "away, and another one is made from the journal, without what people said"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
        except sqlite3.Error as error:
            raise BookError(f"condition book {self._path}: {error}") from error
