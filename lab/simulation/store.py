"""The two databases, real SQLite in real files, on a disk that fails.

A process that is killed loses what it has not committed, as SQLite has it. A full disk is a limit
on the database's pages, so that the real error comes from where it really comes from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from device.bridge.spool import Spool
from device.errors import SpoolError
from lab.simulation.chance import EventTally, Fuse, SeededDice
from oracle.errors import JournalError
from oracle.journal.store import Store
from protocol.sample import Sample

NO_LIMIT = 2**30
PAGE_BYTES = 4096
RESERVE_PAGES = 50


@dataclass
class Disk:
    """How the box's disk is now."""

    full: bool = False
    failing: float = 0.0
    ambiguous: float = 0.0
    slow_ms: int = 0


class SimStore(Store):
    """The oracle's journal."""

    def __init__(
        self,
        path: Path,
        disk: Disk,
        dice: SeededDice,
        tally: EventTally,
        fuse: Fuse,
        stall: Callable[[int], None],
    ) -> None:
        self._disk, self._dice, self._tally = disk, dice, tally
        self._fuse, self._stall = fuse, stall
        self._full_at: int | None = None
        super().__init__(f"sqlite:///{path}", RESERVE_PAGES * PAGE_BYTES)

    def _limit(self, connection: Connection) -> int:
        """The pages that the disk has room for; more once the reserve is given up."""
        if not self._disk.full:
            self._full_at = None
            return NO_LIMIT
        self._tally.faults["disk full"] += 1
        if self._full_at is None:
            found = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            self._full_at = int(found)
        return self._full_at + (0 if self.has_reserve else RESERVE_PAGES)

    def take_reserve(self) -> None:
        """Not while the disk is full."""
        if not self._disk.full:
            super().take_reserve()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction, unless something happens."""
        disk = self._disk
        self._fuse.touch("journal begin")
        with super().write() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={self._limit(connection)}")
            yield connection
            self._fuse.touch("journal before commit")
            if self._dice.hits(disk.failing):
                self._tally.faults["journal input/output error"] += 1
                raise JournalError("journal cannot be written: simulated disk I/O error")
        if disk.slow_ms:
            self._tally.faults["disk slow"] += 1
            self._stall(disk.slow_ms)
        self._fuse.touch("journal after commit")
        if self._dice.hits(disk.ambiguous):
            # As with a database server whose connection breaks during COMMIT.
            self._tally.faults["journal commits and says that it did not"] += 1
            raise JournalError("journal cannot be written: simulated loss of the connection")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A look."""
        self._fuse.touch("journal read")
        with super().read() as connection:
            yield connection


class SimSpool(Spool):
    """A bridge's spool."""

    def __init__(
        self, path: Path, drill: int, disk: Disk, dice: SeededDice, tally: EventTally, fuse: Fuse
    ) -> None:
        self._disk, self._dice, self._tally, self._fuse = disk, dice, tally, fuse
        super().__init__(path, drill, 1_000_000)

    def put(self, samples: Sequence[Sample], oldest: int) -> None:
        """Make samples durable, unless something happens."""
        disk = self._disk
        self._fuse.touch("spool put")
        pages = 1 if disk.full else NO_LIMIT
        self._db.execute(f"PRAGMA max_page_count={pages}")
        if self._dice.hits(disk.failing):
            self._tally.faults["spool input/output error"] += 1
            raise SpoolError("simulated disk I/O error")
        super().put(samples, oldest)
        self._fuse.touch("spool after put")

    def pending(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """A look."""
        self._fuse.touch("spool read")
        return super().pending(after, limit)

    def close(self) -> None:
        """Also in the middle of a transaction."""
        if self._db.in_transaction:
            self._db.rollback()
        super().close()


def journalled(path: Path, drill: int) -> int:
    """The newest sample of a drill that is durable, by a look of our own."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT max(sequence) FROM sample WHERE drill = ?", (drill,)
        ).fetchone()
    connection.close()
    return int(found[0] or 0)
