"""The database behind the journal: how it is opened, and how its errors look.

SQLite runs in WAL mode with synchronous FULL: when a commit returns, power may fail. Every write
transaction begins IMMEDIATE, so that two threads wait for each other and never deadlock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from oracle.errors import JournalError
from oracle.tables import SCHEMA_VERSION, journal_info, metadata
from protocol.records import Domain

BUSY_MS = 5_000
"""How long a write waits for the other thread's; a commit takes milliseconds."""

READ_ONLY = "drill_oracle_read_only"


class Store:
    """One database. `write` is one durable transaction, `read` a consistent look."""

    def __init__(self, url: str) -> None:
        self._lock: int | None = None
        self._engine = _open(url)
        try:
            metadata.create_all(self._engine)
        except SQLAlchemyError as error:
            raise JournalError(
                f"journal {place_of(url)} cannot be opened: {_reason(error)}"
            ) from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends; raises JournalError if it is not."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OverflowError) as error:
            raise JournalError(f"journal cannot be written: {_reason(error)}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that only reads; raises JournalError."""
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(**{READ_ONLY: True})
        except SQLAlchemyError as error:
            raise JournalError(f"journal cannot be read: {_reason(error)}") from error

    def bind(self, domain: Domain) -> None:
        """Tie a new journal to one contract; raises JournalError for a journal of another."""
        row: dict[str, Any] = {
            "version": SCHEMA_VERSION,
            "chain_id": domain.chain_id,
            "contract": domain.contract.lower(),
        }
        with self.write() as connection:
            found = connection.execute(select(journal_info)).mappings().first()
            if found is None:
                connection.execute(insert(journal_info), row)
            elif dict(found) != row:
                raise JournalError(
                    f"this journal is of version {found['version']} for contract "
                    f"{found['contract']} on chain {found['chain_id']}, the settings name "
                    f"{row['contract']} on {row['chain_id']}; give each deployment its own journal"
                )

    def file_beside(self, ending: str) -> Path | None:
        """The path of a file beside an SQLite journal; None for any other database."""
        path = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or not path or path == ":memory:":
            return None
        return Path(path + ending)

    def lock(self) -> None:
        """Keep a second oracle off an SQLite journal until the end of the process.

        Raises JournalError when one has it.
        """
        path = self.file_beside(".lock")
        if path is None:
            return
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"journal {path}: {error.strerror}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            journal = self._engine.url.database
            raise JournalError(f"journal {journal} is in use by another oracle") from None
        self._lock = handle

    def close(self) -> None:
        """Close all connections, and let another oracle have the journal."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._engine.dispose()


@contextmanager
def open_journal(url: str, domain: Domain) -> Iterator[Store]:
    """The journal of that contract beside a running oracle, for those who only read; raises
    JournalError."""
    store = Store(url)
    try:
        store.bind(domain)
        yield store
    finally:
        store.close()


def place_of(url: str) -> str:
    """A journal's URL as it may be logged: without user, password and options."""
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        return "at a place that is no SQLAlchemy URL"
    return f"{parts.drivername}://{parts.host or ''}/{parts.database or ''}"


def _open(url: str) -> Engine:
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise JournalError(
            f"journal {place_of(url)}: {type(error).__name__}: {_reason(error)}"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.close()


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _reason(error: Exception) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0]
