"""Steps of `check` that look at the journal and change nothing: no file is made or touched."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from host import database_check
from host.checks import MissingError, NoteError
from host.database_copy import lack_of_room
from host.errors import SchemaError
from host.schema import Written, said
from oracle.journal.engine import make_engine, place_of
from oracle.journal.lock import ADVISORY_LOCK
from oracle.journal.signed import tally_fault
from oracle.journal.store import binding_fault, info_of
from oracle.journal.upgrade import copy_of
from oracle.journal.versions import SCHEMA, written, written_in
from oracle.settings import JournalSettings
from protocol.records import Domain

IN_USE = "in use by an oracle that runs"


def sqlite_path(settings: JournalSettings) -> Path | None:
    """The journal's file; None for any other database than SQLite."""
    url = settings.full_url()
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def space(settings: JournalSettings) -> str:
    """Step: there is room for what is set aside. Raises MissingError."""
    path = sqlite_path(settings)
    if path is None:
        return "the database server's disk is its owner's to watch"
    return database_check.space(path, settings.reserve_megabytes, "journal.reserve_megabytes")


def content(settings: JournalSettings, domain: Domain, keys: Sequence[str]) -> str:
    """Step: the journal is this contract's, of a version that this release can work with, and knows
    all that `keys` signed.

    Raises MissingError or SecretError, and NoteError where the next start will upgrade it.
    """
    path = sqlite_path(settings)
    if path is None:
        return _server(settings, domain)
    place = database_check.writable(path)
    if not path.exists():
        return place
    used = f", {IN_USE}" if database_check.is_locked(path) else ""
    with database_check.looked_into(path) as database:
        if database is None:
            return f"{path}{used}; it was not closed, and is looked into when the oracle starts"
        found = written(database.execute, lambda name: database_check.has_table(database, name))
        info, signing = _row(database, "journal_info"), _row(database, "signing")
    known = None if signing is None else (str(signing["key"]), int(signing["signatures"]))
    tally = path.with_name(path.name + ".signed")
    news = _upgrade(found, str(path))
    fault = binding_fault(info, domain) or tally_fault(known, tally, {*keys})
    if fault is not None:
        raise MissingError(fault)
    if news and found is not None:
        copy = copy_of(path, found.version, settings.copy_folder)
        raise NoteError(f"{path}{used}; {news}, and first copies it to {_room(path, copy)}")
    return f"{path}{used}"


def _upgrade(found: Written | None, place: str) -> str:
    """What `run` will do to a journal of that version; empty for nothing. Raises MissingError."""
    if found is None:
        return ""
    try:
        steps = SCHEMA.due(found, place)
    except SchemaError as error:
        raise MissingError(str(error)) from error
    if not steps:
        return ""
    return f"version {found.version}, which `run` brings to {steps[-1].number} ({said(steps)})"


def _room(path: Path, copy: Path) -> Path:
    """The copy's place, if there is room for it and it can be written; raises MissingError."""
    try:
        fault = lack_of_room(path, copy.parent)
    except OSError as error:
        raise MissingError(f"{copy.parent}: {error.strerror}; see journal.copy_folder") from error
    if fault is None and not os.access(copy.parent, os.W_OK | os.X_OK):
        fault = f"{copy.parent} cannot be written"
    if fault is not None:
        raise MissingError(
            f"the upgrade of the journal makes a copy of it first, but {fault}; make room, or name "
            "another folder in journal.copy_folder"
        )
    return copy


def _row(database: sqlite3.Connection, table: str) -> dict[str, Any] | None:
    """The only row of a table; None where there is none yet."""
    if not database_check.has_table(database, table):
        return None
    row = database.execute(f"SELECT * FROM {table}").fetchone()  # noqa: S608  a name of ours
    return None if row is None else dict(row)


def _server(settings: JournalSettings, domain: Domain) -> str:
    """The same of a PostgreSQL server, in a transaction that may only read."""
    place, engine = place_of(settings.url), make_engine(settings.full_url())
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            if connection.execute(text("SHOW fsync")).scalar_one() != "on":
                raise MissingError(f"{place} runs with fsync off: it would lose samples")
            may = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
            if not connection.execute(text(may)).scalar_one():
                raise MissingError(f"{place}: this role may not create tables; grant it CREATE")
            found = written_in(connection)
            info = None if found is None else info_of(connection)
            held = connection.execute(
                text(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                    "AND classid = :high AND objid = :low AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())"
                ),
                {"high": ADVISORY_LOCK >> 32, "low": ADVISORY_LOCK & 0xFFFFFFFF},
            ).scalar_one()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise MissingError(f"{place} cannot be read: {reason}") from error
    finally:
        engine.dispose()
    news = _upgrade(found, place)
    fault = binding_fault(info, domain)
    if fault is not None:
        raise MissingError(fault)
    used = f", {IN_USE}" if held else ""
    if news:
        raise NoteError(f"{place}{used}; {news}; copy it with pg_dump first")
    return f"{place}{used}"
