"""Readings as rows of the journal's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql

from oracle.journal import tables
from protocol.records import Reading, Registers

_REGISTERS = tuple(Registers.__dataclass_fields__)


def mark_signed(connection: Connection, readings: Sequence[Reading]) -> None:
    """Move each rental's signed mark up to its reading; it never moves down."""
    if not readings:
        return
    table = tables.rental
    statement = (
        update(table)
        .where(
            table.c.rental == bindparam("of_rental"), table.c.signed_until < bindparam("new_until")
        )
        .values(signed_until=bindparam("new_until"))
    )
    rows = [{"of_rental": one.rental, "new_until": one.until} for one in readings]
    connection.execute(statement, rows)


def keep_readings(connection: Connection, readings: Sequence[Reading]) -> None:
    """Store readings once under their rental and time, and the era of the rental's number."""
    table, known = tables.signed_reading, tables.rental.c
    era = select(known.era).where(known.rental == bindparam("of_rental")).scalar_subquery()
    rows = [row_of(reading) | {"of_rental": reading.rental} for reading in readings]
    if rows:
        names: dict[str, Any] = {name: bindparam(name) for name in row_of(readings[0])}
        connection.execute(insert_new(connection, table).values(**names, era=era), rows)


def insert_new(connection: Connection, table: Table) -> Any:
    """An insert that leaves a row with the same key as it is."""
    if connection.dialect.name == "sqlite":
        return insert(table).prefix_with("OR IGNORE")
    return postgresql.insert(table).on_conflict_do_nothing()


def row_of(reading: Reading) -> dict[str, Any]:
    """A reading as the columns of a table."""
    row: dict[str, Any] = {name: str(getattr(reading.registers, name)) for name in _REGISTERS}
    row |= {"rental": reading.rental, "until": reading.until}
    row |= {"log_size": reading.log_size, "log_root": reading.log_root}
    return row


def reading_of(row: Any) -> Reading:
    """A reading from the columns of a table."""
    registers = Registers(*(int(row[name]) for name in _REGISTERS))
    return Reading(row["rental"], row["until"], registers, row["log_size"], bytes(row["log_root"]))
