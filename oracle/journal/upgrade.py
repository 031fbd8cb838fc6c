"""Bringing a journal of a former release to the version of this one, before the oracle starts.

Only `run` does it, while it holds the journal's lock. First an SQLite journal is copied to a file
beside it and every page of the copy is checked; then all steps are made in one transaction. So a
crash or a full disk leaves the former version, and another start begins again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import URL, Engine
from sqlalchemy.exc import SQLAlchemyError

from host import schema
from host.database_copy import copy_database
from host.errors import FileError, SchemaError
from host.schema import Schema, SchemaStep, Written
from oracle.errors import JournalError, UpgradeError
from oracle.journal.engine import READ_ONLY, file_of, open_engine, place_of, reason_of
from oracle.journal.lock import JournalLock
from oracle.journal.store import binding_fault, info_of
from oracle.journal.versions import SCHEMA, written_in
from protocol.records import Domain

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Due:
    """What a journal is, and what it needs."""

    found: Written
    steps: tuple[SchemaStep, ...]


def upgrade(
    url: str | URL, domain: Domain, copies: Path | None = None, versions: Schema = SCHEMA
) -> None:
    """Bring the journal at `url` to the newest version, if there is one and it needs that.

    The copy goes to the folder `copies`, None for the journal's own. Raises JournalError when the
    journal is newer or too old, another contract's or in use, or cannot be copied or read; and
    UpgradeError when an SQLite journal cannot be copied or a step fails. It is then as it was.
    """
    engine = open_engine(url)
    try:
        if _due(engine, domain, versions) is None:
            return
        lock = JournalLock(engine)
        try:
            due = _due(engine, domain, versions)  # another process may have done it meanwhile
            if due is not None:
                _upgrade(engine, due, copies)
        finally:
            lock.close()
    finally:
        engine.dispose()


def copy_of(journal: Path, version: int, copies: Path | None) -> Path:
    """Where the copy of a journal goes that is about to leave a version."""
    name = f"{journal.name}.version-{version}"
    return journal.with_name(name) if copies is None else copies / name


def _due(engine: Engine, domain: Domain, versions: Schema) -> _Due | None:
    """What there is to do, None if nothing; raises JournalError."""
    place = place_of(engine.url)
    path = file_of(engine)
    if engine.dialect.name == "sqlite" and (path is None or not path.exists()):
        return None  # SQLite would make the file
    try:
        with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            found = written_in(connection)
            if found is None:
                return None
            steps = versions.due(found, place)
            fault = binding_fault(info_of(connection), domain)
    except SchemaError as error:
        raise JournalError(str(error)) from error
    except SQLAlchemyError as error:
        raise JournalError(f"journal {place} cannot be read: {reason_of(error)}") from error
    if fault is not None:
        raise JournalError(fault)
    return _Due(found, steps) if steps else None


def _upgrade(engine: Engine, due: _Due, copies: Path | None) -> None:
    place, before, now = place_of(engine.url), due.found.version, due.steps[-1].number
    path = file_of(engine)
    copy = None if path is None else copy_of(path, before, copies)
    try:
        if path is not None and copy is not None:
            # One that is there is of an attempt that failed, or the journal was put back since.
            samples = copy_database(path, copy, _count_samples, replace=True)
            log.info("journal copied before its upgrade", copy=str(copy), samples=samples)
        with engine.begin() as connection:
            schema.upgrade(due.steps, connection.exec_driver_sql)
    except (SQLAlchemyError, FileError) as error:
        kind = JournalError if path is None else UpgradeError
        raise kind(
            f"journal {place} could not be upgraded to version {now} and is of version {before} as "
            f"before: {reason_of(error)}"
        ) from error
    log.info(
        "journal upgraded",
        journal=place,
        before=before,
        now=now,
        steps=schema.said(due.steps),
        copy=None if copy is None else str(copy),
    )


def _count_samples(database: sqlite3.Connection) -> int:
    """Damaged ones among them too: they are in the journal as in its copy, and are held there."""
    (count,) = database.execute("SELECT count(*) FROM sample").fetchone()
    return int(count)
