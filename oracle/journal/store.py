"""The database behind the journal: how it is opened, and how its errors look.

SQLite runs in WAL mode with synchronous FULL: when a commit returns, power may fail. Every write
transaction begins IMMEDIATE, so that two threads wait for each other and never deadlock. A reserve
beside the file keeps the last records writable when the disk is full.

PostgreSQL is made to wait for the disk too (`synchronous_commit`), and refused with `fsync` off.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from host.reserve import Reserve
from oracle.errors import JournalError
from oracle.journal.tables import SCHEMA_VERSION, journal_info, metadata
from protocol.records import Domain

BUSY_MS = 5_000
"""How long a write waits for the other thread's; a commit takes milliseconds."""

CACHE_KIB = 65_536
"""Pages that are kept in memory. Each drill's samples grow at a place of their own, so a thousand
drills write to two thousand pages all the time; SQLite's 2 MB would read them again and again."""

WAL_PAGES = 4_000
"""The log is copied into the database when it has so many pages, 16 MB: what is written to a page
meanwhile is copied once. It must fit into the reserve."""

READ_ONLY = "drill_oracle_read_only"

LEAST_FREE_BYTES = 1_000_000
"""SQLite does not always say that the disk is full; with less than this free, it is."""

ADVISORY_LOCK = 0x534D445249
"""What a PostgreSQL database is locked by against a second oracle ("SMDRI")."""

log = structlog.get_logger()


class Store:
    """One database. `write` is one durable transaction, `read` a consistent look."""

    def __init__(self, url: str | URL, reserve_bytes: int = 0) -> None:
        """Open or create; `reserve_bytes` are set aside on the disk of an SQLite journal."""
        self._lock: int | None = None
        self._locked: Connection | None = None
        self._engine = _open(url)
        place = self.file_beside(".reserve")
        self._reserve = None if place is None else Reserve(place, reserve_bytes)
        try:
            metadata.create_all(self._engine)
        except SQLAlchemyError as error:
            self._engine.dispose()
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
            self._give_way(error)
            raise JournalError(f"journal cannot be written: {_reason(error)}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that only reads; raises JournalError."""
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(**{READ_ONLY: True})
        except SQLAlchemyError as error:
            raise JournalError(f"journal cannot be read: {_reason(error)}") from error

    @property
    def has_reserve(self) -> bool:
        """Whether there is room for the last records when the disk is full."""
        return self._reserve is None or self._reserve.held

    def take_reserve(self) -> None:
        """Set the room aside again, if the disk has enough."""
        if self._reserve is not None and not self._reserve.held:
            self._reserve.take()
            if self._reserve.held:
                log.info("journal has its reserve again")

    def _give_way(self, error: Exception) -> None:
        """Let the next write have the reserve when the disk is full."""
        path = self.file_beside("")
        if self._reserve is None or path is None:
            return
        original = getattr(error, "orig", None)
        if getattr(original, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
            try:
                disk = os.statvfs(path)
            except OSError:
                return  # nothing is known of the disk; the error itself is reported
            if disk.f_bavail * disk.f_frsize >= LEAST_FREE_BYTES:
                return
        if self._reserve.release():
            log.error("disk full, the journal's reserve is in use", journal=str(path))

    def bind(self, domain: Domain) -> None:
        """Tie a new journal to one contract; raises JournalError for a journal of another."""
        with self.write() as connection:
            found = connection.execute(select(journal_info)).mappings().first()
            if found is None:
                connection.execute(insert(journal_info), _info_of(domain))
            fault = binding_fault(None if found is None else dict(found), domain)
            if fault is not None:
                raise JournalError(fault)

    def file_beside(self, ending: str) -> Path | None:
        """The path of a file beside an SQLite journal; None for any other database."""
        path = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or not path or path == ":memory:":
            return None
        return Path(path + ending)

    def lock(self) -> None:
        """Keep a second oracle off the journal until the end of the process.

        Raises JournalError when one has it.
        """
        path = self.file_beside(".lock")
        if path is None:
            self._lock_server()
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

    def _lock_server(self) -> None:
        if self._engine.dialect.name != "postgresql":
            return
        try:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            query = text("SELECT pg_try_advisory_lock(:key)")
            taken = connection.execute(query, {"key": ADVISORY_LOCK}).scalar_one()
        except SQLAlchemyError as error:
            raise JournalError(f"journal cannot be locked: {_reason(error)}") from error
        if not taken:
            connection.close()
            raise JournalError(f"journal {place_of(self._engine.url)} is in use by another oracle")
        self._locked = connection

    def _unlock_server(self, connection: Connection) -> None:
        """Give the lock back at once; the server notices the end of a connection only later."""
        try:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        except SQLAlchemyError as error:
            # Without its server there is no lock either.
            log.info("journal's server does not answer at the end", reason=_reason(error))
        finally:
            connection.close()

    def close(self) -> None:
        """Close all connections, and let another oracle have the journal."""
        if self._locked is not None:
            self._unlock_server(self._locked)
            self._locked = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._engine.dispose()


def binding_fault(found: Mapping[str, Any] | None, domain: Domain) -> str | None:
    """Why a journal whose `journal_info` is that may not be used for a contract; None if it may, or
    is new."""
    row = _info_of(domain)
    if found is None or found == row:
        return None
    if found["version"] != SCHEMA_VERSION:
        return (
            f"this journal is of version {found['version']}, this release writes version "
            f"{SCHEMA_VERSION}: let the release that wrote it close its rentals, then keep "
            "it aside and begin a new one; see docs/operating-an-edge-box.md"
        )
    return (
        f"this journal is of version {found['version']} for contract "
        f"{found['contract']} on chain {found['chain_id']}, the settings name "
        f"{row['contract']} on {row['chain_id']}; give each deployment its own journal"
    )


def _info_of(domain: Domain) -> dict[str, Any]:
    return {
        "version": SCHEMA_VERSION,
        "chain_id": domain.chain_id,
        "contract": domain.contract.lower(),
    }


@contextmanager
def open_journal(url: str | URL, domain: Domain) -> Iterator[Store]:
    """The journal of that contract beside a running oracle, for those who only read; raises
    JournalError, also where there is none: whoever reads makes no journal."""
    _require_journal(url)
    store = Store(url)
    try:
        store.bind(domain)
        yield store
    finally:
        store.close()


def place_of(url: str | URL) -> str:
    """A journal's URL as it may be logged: without user, password and options."""
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        return "at a place that is not an SQLAlchemy URL"
    return f"{parts.drivername}://{parts.host or ''}/{parts.database or ''}"


def _require_journal(url: str | URL) -> None:
    engine = _open(url)
    path = engine.url.database
    try:
        # SQLite makes the file that it is asked to look into.
        missing = engine.dialect.name == "sqlite" and not (path and Path(path).exists())
        if missing or not inspect(engine).has_table(journal_info.name):
            raise JournalError(f"journal {place_of(url)}: there is none yet; the oracle makes it")
    except SQLAlchemyError as error:
        raise JournalError(f"journal {place_of(url)} cannot be read: {_reason(error)}") from error
    finally:
        engine.dispose()


def _open(url: str | URL) -> Engine:
    try:
        engine = create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise JournalError(
            f"journal {place_of(url)}: {type(error).__name__}: {_reason(error)}"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _configure_postgresql)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
    cursor.close()


def _configure_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        if cursor.fetchone()[0] != "on":
            raise JournalError("the PostgreSQL server runs with fsync off: it would lose samples")
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _reason(error: Exception) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0]
