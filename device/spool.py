"""The bridge's spool: samples that are durable here until the oracle has journalled them.

SQLite with write-ahead log and synchronous FULL: what `put` has stored survives a loss of power.
On a full disk a reserve makes room for the last samples, and the drill is to be locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from device.errors import SpoolError
from host.reserve import Reserve
from protocol.sample import Sample, encode_sample

MAX_SEQUENCE = 2**63 - 1
"""SQLite's largest integer, and that of the JSON messages."""

LEAST_FREE_BYTES = 1_000_000

_SET_MARK = "INSERT OR REPLACE INTO mark VALUES (?, ?)"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sample (sequence INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class DiskFullError(SpoolError):
    """There is no room on the disk."""


class Spool:
    """Samples by sequence, with four marks: `drill`, `journalled` (all up to here are the
    oracle's), `oldest` (what is missing below will never come) and the newest sample's time."""

    def __init__(self, path: Path, drill: int, max_samples: int, reserve_bytes: int = 0) -> None:
        """Open or create; raises SpoolError when it is busy, damaged or another drill's.

        `reserve_bytes` are set aside on its disk.
        """
        self._path, self._max_samples = path, max_samples
        self._lock = _lock(path)
        self._reserve = Reserve(path.with_name(path.name + ".reserve"), reserve_bytes)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
            self._open(drill)
        except sqlite3.Error as error:
            os.close(self._lock)
            raise SpoolError(f"{path}: {error}") from error
        except SpoolError:
            self.close()
            raise

    def _open(self, drill: int) -> None:
        marks = dict(self._db.execute("SELECT name, value FROM mark"))
        if marks.setdefault("drill", drill) != drill:
            raise SpoolError(f"{self._path}: this is the spool of drill {marks['drill']}")
        self._db.execute("INSERT OR IGNORE INTO mark VALUES ('drill', ?)", (drill,))
        self.journalled = int(marks.get("journalled", 0))
        self.oldest = int(marks.get("oldest", 0))
        self._newest_time_ms = int(marks.get("newest_time_ms", 0))
        count, newest = self._db.execute("SELECT count(*), max(sequence) FROM sample").fetchone()
        self._count = int(count)
        self.newest = max(int(newest or 0), int(marks.get("newest", 0)), self.journalled)
        self._forgotten = self.journalled

    def put(self, samples: Sequence[Sample], oldest: int) -> None:
        """Make samples durable; one that is there already, or was journalled, changes nothing.

        What was journalled goes first, also when there is no room for the samples after that.
        Raises SpoolError, with nothing stored, when it cannot, when the spool is full, or when
        the sequence went back, which means that the controller has lost its memory.
        """
        try:
            self._put(samples, oldest)
        except DiskFullError:
            if not self._reserve.release():
                raise
            self._put(samples, oldest)

    @property
    def trouble(self) -> str:
        """Why the drill should not start although samples are stored; empty when it may."""
        return "" if self._reserve.held else "disk full"

    def take_reserve(self) -> None:
        """Set room aside again, if the disk has enough."""
        self._reserve.take()

    def _put(self, samples: Sequence[Sample], oldest: int) -> None:
        newest, newest_time_ms = self._check_order(samples)
        rows = [(s.sequence, encode_sample(s)) for s in samples if s.sequence > self.journalled]
        oldest = max(self.oldest, min(oldest, MAX_SEQUENCE))
        marks = [("newest", newest), ("newest_time_ms", newest_time_ms), ("oldest", oldest)]
        try:
            with self._transaction():
                kept = self._count - self._delete_journalled()
                fits = kept + len(rows) <= self._max_samples
                if fits:
                    kept += self._insert(rows, marks)
        except sqlite3.Error as error:
            self._make_room()
            kind = DiskFullError if self._is_full(error) else SpoolError
            raise kind(f"{self._path}: {error}") from error
        self._forgotten, self._count = self.journalled, kept
        if not fits:
            raise SpoolError(f"{self._path}: full, {kept} samples are not journalled")
        self.newest, self._newest_time_ms, self.oldest = newest, newest_time_ms, oldest

    def pending(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` samples with a sequence over `after`, oldest first, as (sequence, data)."""
        try:
            return self._db.execute(
                "SELECT sequence, data FROM sample WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            ).fetchall()
        except sqlite3.Error as error:
            raise SpoolError(f"{self._path}: {error}") from error

    def forget(self, up_to: int) -> None:
        """The oracle has journalled all samples up to `up_to`; they go with the next `put`, so
        that no sync is spent on them: losing this only means to send them once more."""
        self.journalled = max(self.journalled, min(up_to, self.newest))

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; raises sqlite3.Error when nothing was changed."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # some errors have rolled it back already
                self._db.execute("ROLLBACK")
            raise

    def _delete_journalled(self) -> int:
        """Delete what the oracle has and remember that; returns how many samples went."""
        if self._forgotten == self.journalled:
            return 0
        self._db.execute(_SET_MARK, ("journalled", self.journalled))
        delete = "DELETE FROM sample WHERE sequence <= ?"
        return self._db.execute(delete, (self.journalled,)).rowcount

    def _insert(self, rows: list[tuple[int, bytes]], marks: list[tuple[str, int]]) -> int:
        """Returns how many of the rows are new."""
        added = self._db.executemany("INSERT OR IGNORE INTO sample VALUES (?, ?)", rows).rowcount
        self._db.executemany(_SET_MARK, marks)
        return added

    def _is_full(self, error: sqlite3.Error) -> bool:
        """SQLite does not always say so; with less than LEAST_FREE_BYTES free, the disk is full."""
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES

    def _make_room(self) -> None:
        """On a full disk: delete what was journalled by itself, which needs no new page."""
        try:
            with self._transaction():
                removed = self._delete_journalled()
        except sqlite3.Error:
            return  # the caller reports, and the next `put` tries again
        self._forgotten, self._count = self.journalled, self._count - removed

    def _check_order(self, samples: Sequence[Sample]) -> tuple[int, int]:
        """Sequence and time of the newest sample, after these."""
        newest, newest_time_ms = self.newest, self._newest_time_ms
        for sample in samples:
            if sample.sequence > MAX_SEQUENCE:
                raise SpoolError(f"sequence {sample.sequence} is over 2^63 - 1")
            if sample.sequence > newest:
                newest, newest_time_ms = sample.sequence, sample.time_ms
            elif sample.time_ms > newest_time_ms:
                raise SpoolError(
                    f"the controller lost its memory: sample {sample.sequence} is later than "
                    f"sample {newest}; restore it, or give the drill a new number"
                )
        return newest, newest_time_ms


def _lock(path: Path) -> int:
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise SpoolError(f"{path}: in use by another bridge") from None
    return handle
