"""The bridge's spool: samples that are durable here until the oracle has journalled them.

SQLite with write-ahead log and synchronous FULL: what `put` has stored survives a loss of power.
On a full disk a reserve makes room for the last samples, and the drill is to be locked. Each
sample is kept with a checksum: one that a disk has changed is found and not passed on.

Sequences count the samples of the drill, not of the board that is in it. A board whose memory is
new counts from 1 again; it is refused until the operator has said that it was replaced, and from
then on `base` is added to what it counts.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from device.bridge.spool_versions import bring_up_to_date, transaction
from device.errors import ControllerReplacedError, DiskFullError, SpoolError
from host.errors import FileError, HeldError
from host.process_lock import ProcessLock
from host.reserve import Reserve, for_lack_of_space
from protocol.errors import SampleError
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample, encode_sample

MAX_SEQUENCE = 2**63 - 1
"""SQLite's largest integer, and that of the JSON messages."""

_SET_MARK = "INSERT OR REPLACE INTO mark VALUES (?, ?)"

CHECK_BYTES = 4
"""CRC-32 of sequence and sample, behind the sample; rows of older versions have none."""


def _checked(sequence: int, sample: bytes) -> bytes:
    check = zlib.crc32(sample, zlib.crc32(sequence.to_bytes(8, "big")))
    return sample + check.to_bytes(CHECK_BYTES, "big")


def _intact(sequence: int, data: bytes) -> bool:
    if len(data) != SAMPLE_BYTES:
        return _checked(sequence, data[:-CHECK_BYTES]) == data
    try:
        return decode_sample(data).sequence == sequence
    except SampleError:
        return False


class Spool:
    """Samples by sequence, with marks: `drill`, `journalled` (all up to here are the oracle's),
    `oldest` (what is missing below will never come), the newest sample and the latest time of any,
    `base` (see above), and what speaks for a replaced controller: the number that it
    `began_again` with, and how far the oracle is, `oracle_has`, where that is further than anything
    here."""

    def __init__(self, path: Path, drill: int, max_samples: int, reserve_bytes: int = 0) -> None:
        """Open or create, and bring it to the version of this release (`spool_versions`); raises
        SpoolError when it is busy, damaged, newer or another drill's.

        `reserve_bytes` are set aside on its disk.
        """
        self._path, self._drill, self._max_samples = path, drill, max_samples
        self._lock = _lock(path)
        self._reserve = Reserve(path.with_name(path.name + ".reserve"), reserve_bytes)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1)
        except sqlite3.Error as error:
            self._lock.close()
            raise SpoolError(f"{path}: {error}") from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            bring_up_to_date(self._db, path)
            self._open()
        except sqlite3.Error as error:
            self.close()
            raise SpoolError(f"{path}: {error}") from error
        except SpoolError:
            self.close()
            raise

    def _open(self) -> None:
        drill = self._drill
        marks = dict(self._db.execute("SELECT name, value FROM mark"))
        if marks.setdefault("drill", drill) != drill:
            raise SpoolError(f"{self._path}: this is the spool of drill {marks['drill']}")
        former = "SELECT count(*) FROM sample WHERE length(data) NOT IN (?, ?)"
        sizes = SAMPLE_BYTES, SAMPLE_BYTES + CHECK_BYTES
        (count,) = self._db.execute(former, sizes).fetchone()
        if count:
            raise SpoolError(
                f"{self._path}: holds {count} samples of another layout, which this release cannot "
                "send; let the release that wrote them run until the oracle has them"
            )
        self._db.execute("INSERT OR IGNORE INTO mark VALUES ('drill', ?)", (drill,))
        self.journalled = int(marks.get("journalled", 0))
        self.oldest = int(marks.get("oldest", 0))
        self._newest_time_ms = int(marks.get("newest_time_ms", 0))
        self._base = int(marks.get("base", 0))
        self._began_again = int(marks.get("began_again", 0))
        self._oracle_has = int(marks.get("oracle_has", 0))
        self._damaged = 0
        count, newest = self._db.execute("SELECT count(*), max(sequence) FROM sample").fetchone()
        self._count = int(count)
        self.newest = max(int(newest or 0), int(marks.get("newest", 0)), self.journalled)
        self._forgotten = self.journalled

    def put(self, samples: Sequence[Sample], oldest: int) -> None:
        """Make samples durable; one that is there already, or was journalled, changes nothing.
        Sequences, and `oldest`, are as the controller counts them.

        What was journalled goes first, also when there is no room for the samples after that.
        Raises SpoolError, with nothing stored, when it cannot, when the spool is full, or when
        the sequence went back, which means that the controller has lost its memory.
        """
        if self._base:
            samples = [replace(one, sequence=one.sequence + self._base) for one in samples]
            oldest += self._base
        try:
            self._put(samples, oldest)
        except DiskFullError:
            if not self._reserve.release():
                raise
            self._put(samples, oldest)

    @property
    def trouble(self) -> str:
        """Why the drill should not start although samples are stored; empty when it may."""
        if self._damaged:
            return f"stored sample {self._damaged} is damaged: see drill-bridge drop-damaged"
        return "" if self._reserve.held else "disk full"

    def take_reserve(self) -> None:
        """Set room aside again, if the disk has enough."""
        self._reserve.take()

    def _put(self, samples: Sequence[Sample], oldest: int) -> None:
        newest, newest_time_ms = self._check_order(samples)
        rows = [
            (one.sequence, _checked(one.sequence, encode_sample(one)))
            for one in samples
            if one.sequence > self.journalled
        ]
        oldest = max(self.oldest, min(oldest, MAX_SEQUENCE))
        marks = [("newest", newest), ("newest_time_ms", newest_time_ms), ("oldest", oldest)]
        if self._began_again and newest > self.newest:  # its memory is back
            marks.append(("began_again", 0))
        try:
            with transaction(self._db):
                kept = self._count - self._delete_journalled()
                fits = kept + len(rows) <= self._max_samples
                if fits:
                    kept += self._insert(rows, marks)
        except sqlite3.Error as error:
            self._make_room()
            kind = DiskFullError if for_lack_of_space(error, self._path) else SpoolError
            raise kind(f"{self._path}: {error}") from error
        self._forgotten, self._count = self.journalled, kept
        if not fits:
            raise SpoolError(f"{self._path}: full, {kept} samples are not journalled")
        if newest > self.newest:
            self._began_again = 0
        self.newest, self._newest_time_ms, self.oldest = newest, newest_time_ms, oldest

    def pending(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` samples with a sequence over `after`, oldest first, as (sequence, data).
        Nothing from a damaged sample on: `trouble` names it."""
        rows = self._query(
            "SELECT sequence, data FROM sample WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        for place, (sequence, data) in enumerate(rows):
            if not _intact(sequence, data):
                self._damaged = sequence
                del rows[place:]
                break
        return [(sequence, data[:SAMPLE_BYTES]) for sequence, data in rows]

    def oldest_held(self, after: int) -> int | None:
        """The lowest sequence over `after` that is here; None when there is none."""
        query = "SELECT sequence, data FROM sample WHERE sequence > ? ORDER BY sequence LIMIT 1"
        found = self._query(query, (after,))
        return found[0][0] if found else None

    def note_oracle(self, sequence: int) -> None:
        """The oracle says that it has samples up to `sequence`, more than were ever here. While
        the controller counts below that, it or this file was replaced."""
        if self.newest and sequence > self._oracle_has:
            self._set_marks({"oracle_has": min(sequence, MAX_SEQUENCE)})
            self._oracle_has = sequence

    def replace_controller(self) -> int:
        """Number the present controller's samples above all that there are; returns the lowest
        number that it can get from now on.

        Raises SpoolError unless the controller was seen to count from lower numbers again.
        """
        behind = self._oracle_has if self._oracle_has > self.newest else 0
        if not self._began_again and not behind:
            raise SpoolError(
                f"{self._path}: nothing to do: the controller goes on counting, its newest sample "
                f"is {self.newest}. Connect the new one and start the bridge first; it will notice"
            )
        with self._changing():
            if not self._began_again:  # this file was replaced as well: all here is of this board
                self._renumber(behind)
            base = self.newest if self._began_again else self._base + behind
            marks = [("base", base), ("began_again", 0), ("oracle_has", 0)]
            self._db.executemany(_SET_MARK, marks)
        self._open()
        return self.newest + 1

    def _renumber(self, step: int) -> None:
        """Add `step`, more than `newest`, to the numbers of all samples here."""
        query = "SELECT data FROM sample WHERE sequence <= ? ORDER BY sequence"
        for (data,) in self._db.execute(query, (self.newest,)):
            sample = decode_sample(data[:SAMPLE_BYTES])
            moved = replace(sample, sequence=sample.sequence + step)
            row = (moved.sequence, _checked(moved.sequence, encode_sample(moved)))
            self._db.execute("INSERT INTO sample VALUES (?, ?)", row)
        self._db.execute("DELETE FROM sample WHERE sequence <= ?", (step,))
        marks = [("newest", self.newest), ("oldest", self.oldest), ("journalled", 0)]
        self._db.executemany(_SET_MARK, [(name, value + step) for name, value in marks])

    def drop_damaged(self) -> list[int]:
        """Delete the samples whose checksum is wrong; returns their sequences. They count as
        missing for good from then on."""
        with self._changing():
            rows = self._db.execute("SELECT sequence, data FROM sample ORDER BY sequence")
            damaged = [int(sequence) for sequence, data in rows if not _intact(sequence, data)]
            delete = "DELETE FROM sample WHERE sequence = ?"
            self._db.executemany(delete, [(sequence,) for sequence in damaged])
        self._open()
        return damaged

    def _query(self, query: str, values: tuple[int, ...]) -> list[tuple[int, bytes]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise SpoolError(f"{self._path}: {error}") from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """A transaction; raises SpoolError when nothing was changed."""
        try:
            with transaction(self._db):
                yield
        except (sqlite3.Error, SampleError) as error:
            raise SpoolError(f"{self._path}: {error}") from error

    def _set_marks(self, marks: dict[str, int]) -> None:
        with self._changing():
            self._db.executemany(_SET_MARK, list(marks.items()))

    def forget(self, up_to: int) -> None:
        """The oracle has journalled all samples up to `up_to`; they go with the next `put`, so
        that no sync is spent on them: losing this only means to send them once more."""
        self.journalled = max(self.journalled, min(up_to, self.newest))

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._db.close()
        self._lock.close()

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

    def _make_room(self) -> None:
        """On a full disk: delete what was journalled by itself, which needs no new page."""
        try:
            with transaction(self._db):
                removed = self._delete_journalled()
        except sqlite3.Error:
            return  # the caller reports, and the next `put` tries again
        self._forgotten, self._count = self.journalled, self._count - removed

    def _check_order(self, samples: Sequence[Sample]) -> tuple[int, int]:
        """Sequence of the newest sample and the latest time of any, after these."""
        newest, newest_time_ms = self.newest, self._newest_time_ms
        for sample in samples:
            if sample.sequence > MAX_SEQUENCE:
                raise SpoolError(f"sequence {sample.sequence} is over 2^63 - 1")
            if sample.sequence > newest:
                newest = sample.sequence
            elif sample.time_ms > newest_time_ms:
                raise self._counts_again(sample.sequence)
            newest_time_ms = max(newest_time_ms, sample.time_ms)
        return newest, newest_time_ms

    def _counts_again(self, sequence: int) -> SpoolError:
        """The controller has begun to count anew; the first number is kept for the operator's
        command, and so that the same is said each time."""
        if not self._began_again:
            self._set_marks({"began_again": sequence})
            self._began_again = sequence
        return ControllerReplacedError(
            f"the controller was replaced or lost its memory: it counts from "
            f"{self._began_again - self._base} again, sample {self.newest - self._base} was here "
            "already; see drill-bridge replace-controller"
        )


def _lock(path: Path) -> ProcessLock:
    try:
        return ProcessLock(path.with_name(path.name + ".lock"))
    except HeldError:
        raise SpoolError(f"{path}: in use by another bridge") from None
    except FileError as error:
        raise SpoolError(str(error)) from error
