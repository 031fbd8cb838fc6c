"""A copy of an SQLite database, also while it is in use: one moment of it, verified.

The copy is made in a single step under one read transaction. A copy in many small steps begins anew
whenever somebody commits in between, which is ten times a second in a journal, and never ends.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from host.errors import FileError

BUSY_SECONDS = 10

MARGIN_BYTES = 8_000_000
"""What must be left on the disk beside a copy."""


def copy_database(
    source: Path, to: Path, verify: Callable[[sqlite3.Connection], int], *, replace: bool = False
) -> int:
    """Copy the database `source` to the file `to`, check all pages of the copy, and return what
    `verify` returns for it. When this returns, the copy is on the disk.

    Raises FileError when something cannot be read or written, a page is damaged, or the disk has
    no room; also when `to` is there already and not to be replaced. What `verify` raises is passed
    on. Then there is no new file `to`.
    """
    if not source.exists():
        raise FileError(f"{source}: there is no such database")
    if to.exists() and not replace:
        raise FileError(f"{to} is there already; a copy is never overwritten")
    part = to.with_name(to.name + ".part")
    try:
        fault = lack_of_room(source, to.parent)
        if fault is not None:
            raise FileError(f"{fault}; make room")
        part.unlink(missing_ok=True)
        _copy(source, part)
        found = _verified(part, verify)
        _put_in_place(part, to)
    except OSError as error:
        raise FileError(f"{to} cannot be written: {error.strerror}") from error
    except sqlite3.Error as error:
        raise FileError(f"{source} cannot be copied: {error}") from error
    finally:
        if part.exists():
            part.unlink()
    return found


def size_of(source: Path) -> int:
    """Bytes of a database with what lies in its log; raises OSError."""
    log = source.with_name(source.name + "-wal")
    size = source.stat().st_size
    with suppress(FileNotFoundError):  # it goes when the last program closes the database
        size += log.stat().st_size
    return size


def lack_of_room(source: Path, folder: Path) -> str | None:
    """Why there is no room for a copy of `source` in `folder`, None if there is; raises OSError."""
    disk, needed = os.statvfs(folder), size_of(source) + MARGIN_BYTES
    free = disk.f_bavail * disk.f_frsize
    if free >= needed:
        return None
    return (
        f"{free // 10**6} MB are free on the disk of {folder}, a copy of {source} needs "
        f"{-(-needed // 10**6)} MB"
    )


def _copy(source: Path, part: Path) -> None:
    place = f"{source.absolute().as_uri()}?mode=rw"  # never a new, empty database
    with (
        closing(sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS)) as database,
        closing(sqlite3.connect(part)) as target,
    ):
        database.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _verified(part: Path, verify: Callable[[sqlite3.Connection], int]) -> int:
    with closing(sqlite3.connect(part)) as database:
        (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise FileError(f"the database is damaged: {found}")
        return verify(database)


def _put_in_place(part: Path, to: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(to)
    folder = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
