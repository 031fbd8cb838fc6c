"""Steps of `check` that look at an SQLite database without changing anything: no file is made, and
none is opened for writing."""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from host.checks import MissingError
from host.reserve import Reserve


def writable(path: Path) -> str:
    """Step: a database at `path` can be made, or written with the files beside it.

    Raises MissingError.
    """
    folder = path.parent
    if not folder.is_dir():
        raise MissingError(
            f"{folder} is not a folder; make it, and give it to the user that runs the program"
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise MissingError(
            f"{folder} cannot be written; run: chown {_name()} {folder} (or mount it writable)"
        )
    if path.exists() and not path.is_file():
        raise MissingError(f"{path} is not a file")
    for name in sorted(folder.glob(path.name + "*")):
        if name.is_file() and not os.access(name, os.R_OK | os.W_OK):
            raise MissingError(f"{name} cannot be written; run: chown {_name()} {name}")
    return f"{path}" if path.exists() else f"{path} will be made"


def space(path: Path, megabytes: int, setting: str) -> str:
    """Step: there is room for what is set aside beside `path`. Raises MissingError."""
    try:
        fault = Reserve.fault(path.with_name(path.name + ".reserve"), megabytes * 1_000_000)
    except OSError as error:
        raise MissingError(f"{path.parent}: {error.strerror}") from error
    if fault is not None:
        raise MissingError(f"{fault}; make room, or lower {setting}")
    return f"{megabytes} MB are or can be set aside"


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file beside a database; the lock itself is not touched."""
    try:
        found = path.with_name(path.name + ".lock").stat()
        device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    return f" {device}:{found.st_ino} " in locks


@contextmanager
def looked_into(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The database to read from; None for one that was not closed, which only writing can settle.

    A file that nobody has open is read as it lies there; beside one that is in use lie a log and
    its index, which are read and not written. SQLite would make both otherwise. Raises
    MissingError for what is not a database.
    """
    log, index = (path.with_name(path.name + ending).exists() for ending in ("-wal", "-shm"))
    if log != index:
        yield None
        return
    options = "mode=ro&readonly_shm=1" if log else "mode=ro&immutable=1"
    try:
        address = f"{path.absolute().as_uri()}?{options}"
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as database:
            database.row_factory = sqlite3.Row
            yield database
    except sqlite3.Error as error:
        raise MissingError(f"{path} cannot be read: {error}") from error


def has_table(database: sqlite3.Connection, name: str) -> bool:
    """Whether there is such a table."""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return database.execute(query, (name,)).fetchone() is not None


def _name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
