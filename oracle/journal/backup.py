"""A copy of the journal beside a running oracle: one moment of it, with every sample checked."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from host.database_copy import copy_database
from host.errors import FileError, SettingsError
from oracle.errors import JournalError
from oracle.journal.sample_rows import unpack_row


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
    try:
        samples = copy_database(Path(parts.database), to, _count_samples)
    except FileError as error:
        raise JournalError(f"backup to {to}: {error}") from error
    return Backup(to, samples, to.stat().st_size)


def _count_samples(database: sqlite3.Connection) -> int:
    """The number of samples in a journal in which every sample is whole; raises DamagedError."""
    count = 0
    for row in database.execute("SELECT drill, sequence, time_ms, raw FROM sample"):
        unpack_row(*row)
        count += 1
    return count
