"""A copy of the journal beside a running oracle: one moment of it, verified.

The copy is made in a single step under one read transaction. A copy in many small steps begins anew
whenever the oracle commits in between, which is ten times a second, and never ends.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from host.errors import SettingsError
from oracle.errors import DamagedError, JournalError
from oracle.journal.sample_rows import unpack_row

BUSY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied."""

    path: Path
    samples: int
    bytes: int


def backup(url: str | URL, to: Path) -> Backup:
    """Copy the SQLite journal at `url` to a new file and check the copy.

    Raises SettingsError for another kind of database or a target that is there already, and
    JournalError when journal or copy is damaged or cannot be written; then there is no file `to`.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database:
        raise SettingsError("backup copies an SQLite journal; a server has its own tool (pg_dump)")
    if to.exists():
        raise SettingsError(f"{to} is there already; a backup is never overwritten")
    part = to.with_name(to.name + ".part")
    try:
        part.unlink(missing_ok=True)
        _copy(Path(parts.database), part)
        samples = _verify(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(to)
        folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise JournalError(f"backup to {to}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise JournalError(f"backup to {to}: {error}") from error
    finally:
        if part.exists():
            part.unlink()
    return Backup(to, samples, to.stat().st_size)


def _copy(journal: Path, part: Path) -> None:
    place = f"{journal.absolute().as_uri()}?mode=rw"  # never a new, empty journal
    with (
        closing(sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _verify(part: Path) -> int:
    """The number of samples in a copy in which every page and every sample is whole."""
    with closing(sqlite3.connect(part)) as database:
        (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise DamagedError(f"the journal is damaged: {found}")
        count = 0
        for row in database.execute("SELECT drill, sequence, time_ms, raw FROM sample"):
            unpack_row(*row)
            count += 1
    return count
