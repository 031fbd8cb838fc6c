"""The versions of the spool's schema, and how a spool of a former release becomes one of this.

Version 1 is that of before the steps were noted. Whoever opens a spool holds its lock. A spool that
needs a step is copied to a file beside it first; then all steps are made in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from device.errors import SpoolError
from host import schema
from host.database_check import has_table
from host.database_copy import copy_database
from host.errors import FileError, SchemaError
from host.schema import Execute, Schema, SchemaStep, Written

UNNOTED = 1

_TABLES = (
    "CREATE TABLE IF NOT EXISTS sample (sequence INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
)

log = structlog.get_logger()


def _note_steps(execute: Execute) -> None:
    for table in _TABLES:  # the release before made them one by one
        execute(table)
    schema.make_table(execute)


SCHEMA = Schema(
    "spool",
    UNNOTED,
    (SchemaStep(2, "0.1.0", "the steps of its schema are noted in it", _note_steps),),
)


def written(database: sqlite3.Connection) -> Written | None:
    """What a spool says of itself; None for an empty file."""
    if has_table(database, schema.TABLE):
        return schema.last_step(database.execute)
    former = has_table(database, "sample") or has_table(database, "mark")
    return Written(UNNOTED) if former else None


def copy_of(spool: Path, version: int) -> Path:
    """Where the copy of a spool goes that is about to leave a version."""
    return spool.with_name(f"{spool.name}.version-{version}")


def bring_up_to_date(database: sqlite3.Connection, path: Path, versions: Schema = SCHEMA) -> None:
    """Make the tables of this release in a new spool, and the steps that a former one needs.

    Raises SpoolError for a newer spool, or one that cannot be copied, and sqlite3.Error when it
    cannot be written; then it is as it was.
    """
    found = written(database)
    if found is None:
        with transaction(database):
            for table in _TABLES:
                database.execute(table)
            versions.create(database.execute)
        return
    try:
        steps = versions.due(found, str(path))
        if not steps:
            return
        copy = copy_of(path, found.version)
        # One that is there is of an attempt that failed, or the spool was put back since.
        copy_database(path, copy, _count_samples, replace=True)
    except (SchemaError, FileError) as error:
        raise SpoolError(str(error)) from error
    with transaction(database):
        schema.upgrade(steps, database.execute)
    log.info(
        "spool upgraded",
        spool=str(path),
        before=found.version,
        now=steps[-1].number,
        steps=schema.said(steps),
        copy=str(copy),
    )


def _count_samples(database: sqlite3.Connection) -> int:
    (count,) = database.execute("SELECT count(*) FROM sample").fetchone()
    return int(count)


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; raises sqlite3.Error when nothing was changed."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # some errors have rolled it back already
            database.execute("ROLLBACK")
        raise
