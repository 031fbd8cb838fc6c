"""An SQLite file of ours: only its owner reads it, and what is deleted is gone from it.

Deleted rows are overwritten with zeros (secure_delete); the rollback journal is emptied at the end
of each transaction, and nothing temporary is written to disk. There is no write-ahead log, which
could keep what the file no longer has. What the disk keeps of overwritten blocks is its own matter.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host import schema
from host.database_check import has_table
from host.errors import SchemaError
from host.schema import Schema
from position.errors import RecordsError

BUSY_SECONDS = 10


class PositionFile:
    """One file; every error of SQLite is a RecordsError that names it."""

    def __init__(self, path: Path, versions: Schema) -> None:
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)
            for pragma in ("journal_mode = TRUNCATE", "secure_delete = ON", "temp_store = MEMORY"):
                self._database.execute(f"PRAGMA {pragma}")
            self._bring_up_to_date(versions)
        except OSError as error:
            raise RecordsError(f"{path}: {error.strerror}") from error
        except (sqlite3.Error, SchemaError) as error:
            raise RecordsError(f"{path}: {error}") from error

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is durable at its end, or has not been."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise RecordsError(f"{self._path} cannot be written: {error}") from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for looking."""
        try:
            yield self._database
        except sqlite3.Error as error:
            raise RecordsError(f"{self._path} cannot be read: {error}") from error

    def version(self) -> int:
        """A number that changes when another process has changed the file."""
        with self.reading() as database:
            return int(database.execute("PRAGMA data_version").fetchone()[0])

    def compact(self) -> None:
        """Write the file anew, so that no page of it is left over from what was deleted."""
        with self.reading() as database:
            database.execute("VACUUM")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _bring_up_to_date(self, versions: Schema) -> None:
        with self.changing() as database:
            if has_table(database, schema.TABLE):
                due = versions.due(schema.last_step(database.execute), str(self._path))
            else:
                schema.make_table(database.execute)
                due = tuple(versions.steps)
            schema.upgrade(due, database.execute)
