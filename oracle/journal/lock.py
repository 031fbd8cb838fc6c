"""One oracle at a time on a journal: a lock file beside an SQLite one, a server's advisory lock.

Either ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from host.errors import FileError, HeldError
from host.process_lock import ProcessLock
from oracle.errors import JournalError
from oracle.journal.engine import file_of, place_of, reason_of

ADVISORY_LOCK = 0x534D445249
"""What a PostgreSQL database is locked by against a second oracle ("SMDRI")."""

log = structlog.get_logger()


class JournalLock:
    """Held from its making until `close`."""

    def __init__(self, engine: Engine) -> None:
        """Take it at once; raises JournalError when another oracle has it, or it cannot be had."""
        self._file: ProcessLock | None = None
        self._server: Connection | None = None
        path = file_of(engine)
        if path is None:
            self._take_server(engine)
            return
        try:
            self._file = ProcessLock(path.with_name(path.name + ".lock"))
        except HeldError:
            raise JournalError(f"journal {path} is in use by another oracle") from None
        except FileError as error:
            raise JournalError(f"journal {error}") from error

    def _take_server(self, engine: Engine) -> None:
        if engine.dialect.name != "postgresql":
            return
        try:
            connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            query = text("SELECT pg_try_advisory_lock(:key)")
            taken = connection.execute(query, {"key": ADVISORY_LOCK}).scalar_one()
        except SQLAlchemyError as error:
            raise JournalError(f"journal cannot be locked: {reason_of(error)}") from error
        if not taken:
            connection.close()
            raise JournalError(f"journal {place_of(engine.url)} is in use by another oracle")
        self._server = connection

    def close(self) -> None:
        """Give it back at once; a server notices the end of a connection only later."""
        if self._file is not None:
            self._file.close()
        if self._server is None:
            return
        try:
            self._server.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
        except SQLAlchemyError as error:
            # Without its server there is no lock either.
            log.info("journal's server does not answer at the end", reason=reason_of(error))
        finally:
            self._server.close()
