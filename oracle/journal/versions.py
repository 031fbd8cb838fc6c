"""The versions of the journal's schema, and the steps from each to the next.

Version 4 is the last one of before the steps were noted, and the oldest that is taken over: in
former ones no sample names its rental. A new step is added at the end, with the release that brings
it; `tables` is what all of them together make, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, inspect

from host import schema
from host.schema import Execute, Schema, SchemaStep, Written

UNNOTED = 4
NOTED = 5
"""What `journal_info` says since the steps are noted in a table of their own. It stays, and keeps
off releases that know only this column."""


def _note_steps(execute: Execute) -> None:
    schema.make_table(execute)
    execute(f"UPDATE journal_info SET version = {NOTED}")  # noqa: S608  a number of ours


SCHEMA = Schema(
    "journal",
    UNNOTED,
    (SchemaStep(NOTED, "0.1.0", "the steps of its schema are noted in it", _note_steps),),
)


def written(execute: Execute, has_table: Callable[[str], bool]) -> Written | None:
    """What a database says of the journal in it; None when there is none yet."""
    if has_table(schema.TABLE):
        return schema.last_step(execute)
    if not has_table("journal_info"):
        return None
    row = execute("SELECT version FROM journal_info").fetchone()
    # A journal that was made and not yet tied to a contract is empty, and of the last version that
    # could be left so.
    return Written(UNNOTED if row is None else int(row[0]))


def written_in(connection: Connection) -> Written | None:
    """The same of a connection to the journal's database."""
    return written(connection.exec_driver_sql, inspect(connection).has_table)
