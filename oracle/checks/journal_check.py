"""Steps of `check` that look at the journal and change nothing: no file is made or touched."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from host import database_check
from host.checks import MissingError
from oracle.journal.signed import tally_fault
from oracle.journal.store import ADVISORY_LOCK, binding_fault, place_of
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
    """Step: the journal is this contract's, of this version, and knows all that `keys` signed.

    Raises MissingError or SecretError.
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
        info, signing = _row(database, "journal_info"), _row(database, "signing")
    known = None if signing is None else (str(signing["key"]), int(signing["signatures"]))
    tally = path.with_name(path.name + ".signed")
    fault = binding_fault(info, domain) or tally_fault(known, tally, {*keys})
    if fault is not None:
        raise MissingError(fault)
    return f"{path}{used}"


def _row(database: sqlite3.Connection, table: str) -> dict[str, Any] | None:
    """The only row of a table; None where there is none yet."""
    if not database_check.has_table(database, table):
        return None
    row = database.execute(f"SELECT * FROM {table}").fetchone()  # noqa: S608  a name of ours
    return None if row is None else dict(row)


def _server(settings: JournalSettings, domain: Domain) -> str:
    """The same of a PostgreSQL server, in a transaction that may only read."""
    place, engine = place_of(settings.url), create_engine(settings.full_url())
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            if connection.execute(text("SHOW fsync")).scalar_one() != "on":
                raise MissingError(f"{place} runs with fsync off: it would lose samples")
            may = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
            if not connection.execute(text(may)).scalar_one():
                raise MissingError(f"{place}: our role may make no tables; grant it CREATE")
            info = None
            if inspect(connection).has_table("journal_info"):
                row = connection.execute(text("SELECT * FROM journal_info")).mappings().first()
                info = None if row is None else dict(row)
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
    fault = binding_fault(info, domain)
    if fault is not None:
        raise MissingError(fault)
    return f"{place}{f', {IN_USE}' if held else ''}"
