"""The database behind the journal: how it is opened, and how its errors look.

A reserve beside an SQLite file keeps the last records writable when the disk is full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    URL,
    Connection,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from host import schema
from host.errors import SchemaError
from host.reserve import Reserve, for_lack_of_space
from oracle.errors import JournalError
from oracle.journal.engine import READ_ONLY, file_of, open_engine, place_of, reason_of
from oracle.journal.lock import JournalLock
from oracle.journal.tables import journal_info, metadata
from oracle.journal.versions import NOTED, SCHEMA, written_in
from protocol.records import Domain

log = structlog.get_logger()


class Store:
    """One database. `write` is one durable transaction, `read` a consistent look."""

    def __init__(self, url: str | URL, reserve_bytes: int = 0) -> None:
        """Open or create; `reserve_bytes` are set aside on the disk of an SQLite journal.

        Raises JournalError, also for a journal of another version than this release's, which is
        left as it is.
        """
        self._lock: JournalLock | None = None
        self._engine = open_engine(url)
        try:
            self._require_newest()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise JournalError(
                f"journal {place_of(url)} cannot be opened: {reason_of(error)}"
            ) from error
        except (SchemaError, JournalError) as error:
            self._engine.dispose()
            raise JournalError(str(error)) from error
        place = self.file_beside(".reserve")
        self._reserve = None if place is None else Reserve(place, reserve_bytes)

    def _require_newest(self) -> None:
        """The tables of this release: made in a new database, required of one that has some."""
        with self._engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            found = written_in(connection)
        place = place_of(self._engine.url)
        if found is not None:
            if SCHEMA.due(found, place):
                raise JournalError(
                    f"journal {place} is of version {found.version}, this release works with "
                    f"version {SCHEMA.newest}: start the oracle, which brings it there"
                )
            return
        with self._engine.begin() as connection:
            if not inspect(connection).has_table(schema.TABLE):
                metadata.create_all(connection)
                SCHEMA.create(connection.exec_driver_sql)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends; raises JournalError if it is not."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OverflowError) as error:
            self._give_way(error)
            raise JournalError(f"journal cannot be written: {reason_of(error)}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that only reads; raises JournalError."""
        try:
            with self._engine.connect() as connection:
                yield connection.execution_options(**{READ_ONLY: True})
        except SQLAlchemyError as error:
            raise JournalError(f"journal cannot be read: {reason_of(error)}") from error

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
        if not for_lack_of_space(getattr(error, "orig", None), path):
            return
        if self._reserve.release():
            log.error("disk full, the journal's reserve is in use", journal=str(path))

    def bind(self, domain: Domain) -> None:
        """Tie a new journal to one contract; raises JournalError for a journal of another."""
        with self.write() as connection:
            found = info_of(connection)
            if found is None:
                row = {"chain_id": domain.chain_id, "contract": domain.contract.lower()}
                connection.execute(insert(journal_info).values(version=NOTED, **row))
            fault = binding_fault(found, domain)
            if fault is not None:
                raise JournalError(fault)

    def file_beside(self, ending: str) -> Path | None:
        """The path of a file beside an SQLite journal; None for any other database."""
        path = file_of(self._engine)
        return None if path is None else path.with_name(path.name + ending)

    def lock(self) -> None:
        """Keep a second oracle off the journal until `close` or the end of the process.

        Raises JournalError when one has it.
        """
        self._lock = JournalLock(self._engine)

    def close(self) -> None:
        """Close all connections, and let another oracle have the journal."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        self._engine.dispose()


def binding_fault(found: Mapping[str, Any] | None, domain: Domain) -> str | None:
    """Why a journal whose `journal_info` is that may not be used for a contract; None if it may, or
    is new."""
    if found is None:
        return None
    asked = (domain.chain_id, domain.contract.lower())
    if (found["chain_id"], found["contract"]) == asked:
        return None
    return (
        f"this journal is of contract {found['contract']} on chain {found['chain_id']}, the "
        f"settings name {asked[1]} on {asked[0]}; give each deployment its own journal"
    )


def info_of(connection: Connection) -> dict[str, Any] | None:
    """The row that says which contract a journal is of; None in a new one."""
    found = connection.execute(select(journal_info)).mappings().first()
    return None if found is None else dict(found)


@contextmanager
def open_journal(url: str | URL, domain: Domain) -> Iterator[Store]:
    """The journal of that contract beside a running oracle, for those who only read; raises
    JournalError, also where there is none: whoever reads makes no journal and upgrades none."""
    _require_journal(url)
    store = Store(url)
    try:
        with store.read() as connection:
            fault = binding_fault(info_of(connection), domain)
        if fault is not None:
            raise JournalError(fault)
        yield store
    finally:
        store.close()


def _require_journal(url: str | URL) -> None:
    engine = open_engine(url)
    path = engine.url.database
    try:
        # SQLite makes the file that it is asked to look into.
        missing = engine.dialect.name == "sqlite" and not (path and Path(path).exists())
        if missing or not inspect(engine).has_table(journal_info.name):
            raise JournalError(
                f"journal {place_of(url)}: it does not exist yet; the oracle creates it"
            )
    except SQLAlchemyError as error:
        raise JournalError(f"journal {place_of(url)} cannot be read: {reason_of(error)}") from error
    finally:
        engine.dispose()
