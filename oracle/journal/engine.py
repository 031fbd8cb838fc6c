"""The connections to the journal's database, made so that what is committed is durable.

SQLite runs in WAL mode with synchronous FULL: when a commit returns, power may fail. Every write
transaction begins IMMEDIATE, so that two threads wait for each other and never deadlock.

PostgreSQL is made to wait for the disk too (`synchronous_commit`), and refused with `fsync` off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from host.extras import needing
from oracle.errors import JournalError

BUSY_MS = 5_000
"""How long a write waits for the other thread's; a commit takes milliseconds."""

CACHE_KIB = 65_536
"""Pages that are kept in memory. Each drill's samples grow at a place of their own, so a thousand
drills write to two thousand pages all the time; SQLite's 2 MB would read them again and again."""

WAL_PAGES = 4_000
"""The log is copied into the database when it has so many pages, 16 MB: what is written to a page
meanwhile is copied once. It must fit into the reserve."""

READ_ONLY = "drill_oracle_read_only"


def open_engine(url: str | URL) -> Engine:
    """Connections to the database at `url`, each durable.

    Raises JournalError for what is none, MissingPackageError where its driver is not installed.
    """
    engine = make_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _configure_postgresql)
    return engine


def make_engine(url: str | URL) -> Engine:
    """Connections as they come, with nothing configured; the database's driver is loaded.

    Raises as `open_engine` does.
    """
    try:
        with needing("postgres"):
            return create_engine(url)
    except (SQLAlchemyError, ImportError) as error:
        raise JournalError(
            f"journal {place_of(url)}: {type(error).__name__}: {reason_of(error)}"
        ) from error


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


def reason_of(error: Exception) -> str:
    """The first line of what the database said, without the statement."""
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0]


def place_of(url: str | URL) -> str:
    """A journal's URL as it may be logged: without user, password and options."""
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        return "at a place that is not an SQLAlchemy URL"
    return f"{parts.drivername}://{parts.host or ''}/{parts.database or ''}"


def file_of(engine: Engine) -> Path | None:
    """The file of an SQLite journal; None for any other database."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    return Path(path)
