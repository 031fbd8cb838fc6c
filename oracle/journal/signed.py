"""What this oracle has signed, and the guard that no reading contradicts another.

A receipt is evidence: whoever holds one dated at or after the settled reading with a register below
the settled one, or an older one from which the settled registers cannot have grown, wins a dispute.
An honest box therefore never signs two readings of a rental that contradict each other so, whatever
happened in between: a restart, a clock that was set, samples that came late, a new key, a rental
that a reorganisation gave another's number. Each reading is held against its neighbours in time,
and is durable before its signature leaves the box.

A journal that was restored from a backup knows less than what was signed. So each signing is also
counted in a small file beside the journal, which no backup holds: a journal behind it is refused
until the key is rotated, as receipts of a former key settle nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from chain.views import RentalView
from oracle.errors import JournalError
from oracle.journal import tables
from oracle.journal.rows import insert_new, keep_readings, mark_signed, reading_of
from oracle.journal.store import Store
from oracle.meter.meter import Triple
from protocol.records import Reading, Registers
from protocol.tariff import MS_PER_MINUTE

_TALLY = re.compile(r"(?P<key>0x[0-9a-fA-F]{40}) (?P<count>[0-9]{1,20})\s*")

ROWS_PER_QUERY = 500
"""Below what SQLite takes as variables of one statement."""

KEPT_MS = 900_000
"""What was signed so shortly before the settled reading is kept, so that the rental can still be
closed when a reorganisation takes that back, or its closing. Ethereum's blocks are final after 13
minutes; a second of use is a row."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rental's readings must keep to: the tariff's highest rpm, level 1 first, and whether
    this one closes the rental."""

    max_rpm: Triple
    closing: bool = False


def can_have_grown(later: Reading, earlier: Reading, max_rpm: Triple) -> bool:
    """Whether wall clock and highest rpm allow the growth of each register; as the contract has it
    (`_within` in contracts/modules/meter.vy)."""
    elapsed_ms = later.until - earlier.until
    now, then = later.registers, earlier.registers
    return all(
        active - before <= elapsed_ms
        for active, before in zip(now.active_ms, then.active_ms, strict=True)
    ) and all(
        turned - before <= -(-elapsed_ms * rpm // MS_PER_MINUTE)
        for turned, before, rpm in zip(now.revolutions, then.revolutions, max_rpm, strict=True)
    )


def objection(
    reading: Reading, before: Reading | None, after: Reading | None, bounds: Bounds
) -> str | None:
    """Why `reading` must not be signed, or None.

    `before` is the newest signed one of its rental dated no later, `after` the oldest dated later.
    Only the reading that closes a rental may follow one dated later: the end is known afterwards,
    and then the later one settles no more.
    """
    if before is not None and before.until == reading.until and before != reading:
        return f"another reading until {reading.until} is signed"
    if after is not None and not bounds.closing:
        return f"a reading until {after.until} is signed, this one is until {reading.until}"
    if before is not None and not reading.registers.no_lower_than(before.registers):
        return f"a register is lower than in the signed reading until {before.until}"
    if before is not None and not can_have_grown(reading, before, bounds.max_rpm):
        return f"a register grew faster than it can since the signed reading until {before.until}"
    if after is not None and not after.registers.no_lower_than(reading.registers):
        return f"a register is higher than in the signed reading until {after.until}"
    return None


class SignedJournal:
    """The part of the store that the guard asks. Every method may raise JournalError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tally_file = store.file_beside(".signed")

    def admit(self, readings: Sequence[Reading], bounds: Mapping[int, Bounds]) -> dict[int, str]:
        """Make durable all `readings`, one a rental, that contradict nothing signed; returns the
        objections to the others. `bounds` and objections are by rental."""
        if not readings:
            return {}
        refused: dict[int, str] = {}
        with self._store.write() as connection:
            newest = self._newest(connection, [one.rental for one in readings])
            for reading in readings:
                last = newest.get(reading.rental)
                before, after = last, None
                if last is not None and last.until > reading.until:
                    before, after = self._neighbours(connection, reading)
                found = objection(reading, before, after, bounds[reading.rental])
                if found is None and last is not None and before is None:
                    found = self._forgotten(connection, reading.rental)
                if found is not None:
                    refused[reading.rental] = found
            admitted = [one for one in readings if one.rental not in refused]
            mark_signed(connection, admitted)
            keep_readings(connection, admitted)
            table = tables.signing
            connection.execute(update(table).values(signatures=table.c.signatures + len(admitted)))
            tally = connection.execute(select(table.c.key, table.c.signatures)).first()
        if tally is not None:
            self._write_tally(tally.key, tally.signatures)
        return refused

    def signed_until(self, rental: int) -> int:
        """The time (Unix ms) of the latest reading signed for a rental's number, 0 for none."""
        with self._store.read() as connection:
            query = select(tables.rental.c.signed_until).where(tables.rental.c.rental == rental)
            return int(connection.execute(query).scalar() or 0)

    def _newest(self, connection: Connection, rentals: Sequence[int]) -> dict[int, Reading]:
        known, signed = tables.rental.c, tables.signed_reading
        joined = and_(signed.c.rental == known.rental, signed.c.until == known.signed_until)
        found = {}
        for start in range(0, len(rentals), ROWS_PER_QUERY):
            some = rentals[start : start + ROWS_PER_QUERY]
            query = select(signed).join(tables.rental, joined).where(known.rental.in_(some))
            for row in connection.execute(query).mappings():
                found[int(row["rental"])] = reading_of(row)
        return found

    def _neighbours(
        self, connection: Connection, reading: Reading
    ) -> tuple[Reading | None, Reading | None]:
        table = tables.signed_reading
        of_rental = select(table).where(table.c.rental == reading.rental).limit(1)
        earlier = of_rental.where(table.c.until <= reading.until).order_by(table.c.until.desc())
        later = of_rental.where(table.c.until > reading.until).order_by(table.c.until)
        before, after = (connection.execute(query).mappings().first() for query in (earlier, later))
        return (
            None if before is None else reading_of(before),
            None if after is None else reading_of(after),
        )

    def _forgotten(self, connection: Connection, rental: int) -> str | None:
        """Why nothing may be signed before all that is kept, if some of it is forgotten."""
        table = tables.forgotten_reading.c
        until = connection.execute(select(table.until).where(table.rental == rental)).scalar()
        return None if until is None else f"what was signed until {until} is forgotten"

    def around(self, rental: int, until: int) -> tuple[Reading | None, Reading | None]:
        """What was signed for the number next before a time and next after it."""
        table = tables.signed_reading
        of_rental = select(table).where(table.c.rental == rental).limit(1)
        earlier = of_rental.where(table.c.until < until).order_by(table.c.until.desc())
        later = of_rental.where(table.c.until > until).order_by(table.c.until)
        with self._store.read() as connection:
            before, after = (
                connection.execute(query).mappings().first() for query in (earlier, later)
            )
        return (
            None if before is None else reading_of(before),
            None if after is None else reading_of(after),
        )

    def forget_settled(self, view: RentalView) -> None:
        """Drop what was signed more than KEPT_MS before the settled reading of a confirmed
        rental: nothing dated earlier can be signed any more, not even its end. Should a
        reorganisation take back what was confirmed, an end that lies before all that is kept is not
        signed for: it might contradict what is gone."""
        known, mark = tables.rental.c, tables.forgotten_reading
        newest = select(known.signed_until).where(known.rental == view.rental).scalar_subquery()
        with self._store.write() as connection:
            for table in (tables.receipt_signature, tables.signed_reading):
                past = (
                    table.c.rental == view.rental,
                    table.c.until < view.until - KEPT_MS,
                    table.c.until < newest,
                )
                last = connection.execute(select(func.max(table.c.until)).where(*past)).scalar()
                connection.execute(delete(table).where(*past))
            if last is not None:
                connection.execute(delete(mark).where(mark.c.rental == view.rental))
                connection.execute(insert(mark).values(rental=view.rental, until=last))

    def keep_signatures(self, readings: Sequence[Reading], signatures: Mapping[int, bytes]) -> None:
        """Store the signatures of admitted readings, by rental, for whoever asks later; of one that
        was signed before the first one stays, made with the key that was in force then."""
        rows = [
            {
                "rental": one.rental,
                "until": one.until,
                "signature": signatures[one.rental],
            }
            for one in readings
            if one.rental in signatures
        ]
        if not rows:
            return
        with self._store.write() as connection:
            connection.execute(insert_new(connection, tables.receipt_signature), rows)

    def find(self, rental: int, until: int) -> Reading | None:
        """The reading that was signed for exactly that time, of the rental that the number stands
        for now."""
        known, signed = tables.rental.c, tables.signed_reading
        joined = and_(known.rental == signed.c.rental, known.era == signed.c.era)
        query = select(signed).join(tables.rental, joined)
        with self._store.read() as connection:
            row = (
                connection.execute(query.where(signed.c.rental == rental, signed.c.until == until))
                .mappings()
                .first()
            )
        return None if row is None else reading_of(row)

    def may_have_signed(self, rental: int, until: int, registers: Registers) -> bool:
        """Whether a reading of that number, whichever rental it stood for then, was signed here;
        also where what was signed until then is forgotten."""
        table, mark = tables.signed_reading, tables.forgotten_reading.c
        query = select(table).where(table.c.rental == rental, table.c.until == until)
        with self._store.read() as connection:
            row = connection.execute(query).mappings().first()
            last = connection.execute(select(mark.until).where(mark.rental == rental)).scalar()
        if row is not None:
            return reading_of(row).registers == registers
        return last is not None and until <= last

    def newest_until(self, rental: int, last_ms: int | None) -> Reading | None:
        """The newest reading dated up to `last_ms` (Unix ms) that was signed for the rental that
        the number stands for now; None while there is none."""
        known, signed = tables.rental.c, tables.signed_reading
        joined = and_(known.rental == signed.c.rental, known.era == signed.c.era)
        query = select(signed).join(tables.rental, joined).where(signed.c.rental == rental)
        if last_ms is not None:
            query = query.where(signed.c.until <= last_ms)
        with self._store.read() as connection:
            newest = query.order_by(signed.c.until.desc()).limit(1)
            row = connection.execute(newest).mappings().first()
        return None if row is None else reading_of(row)

    def require_newest(self, key: str, *others: str) -> None:
        """Raise JournalError when a key that the box holds, `key` or one of `others`, has signed
        what this journal does not know of."""
        held = {key, *others}
        table = tables.signing
        with self._store.write() as connection:
            row = connection.execute(select(table)).first()
            if row is None:
                connection.execute(insert(table).values(key=key, signatures=0))
            elif row.key not in held:
                connection.execute(update(table).values(key=key))
        count = 0 if row is None else int(row.signatures)
        known = None if row is None else (str(row.key), count)
        fault = tally_fault(known, self._tally_file, held)
        if fault is not None:
            raise JournalError(fault)
        self._write_tally(row.key if row is not None and row.key in held else key, count)

    def use_key(self, key: str) -> None:
        """Remember which key signs from now on; raises JournalError when it cannot be written."""
        table = tables.signing
        with self._store.write() as connection:
            connection.execute(update(table).values(key=key))
            count = connection.execute(select(table.c.signatures)).scalar_one()
        self._write_tally(key, int(count))

    def _write_tally(self, key: str, count: int) -> None:
        """In place and without waiting for the disk: what power loss takes only weakens it."""
        if self._tally_file is None:
            return
        try:
            _overwrite(self._tally_file, f"{key} {count:020}\n".encode("ascii"))
        except OSError as error:
            raise JournalError(f"{self._tally_file}: {error.strerror}") from error


def tally_fault(
    known: tuple[str, int] | None, tally_file: Path | None, held: set[str]
) -> str | None:
    """Why a journal may not be gone on with: a key among those `held` has signed what it does not
    know of, or nobody can tell; None if it may.

    `known` is the key and the count of signings in the journal, if there is one. Raises
    JournalError for a tally that cannot be read.
    """
    found, count = _read_tally(tally_file), 0 if known is None else known[1]
    if found is not None and found[0] in held and found[1] > count:
        return (
            f"this journal knows of {count} signed readings, key {found[0]} has signed "
            f"{found[1]}: it was restored from a backup. What the key signed since could be "
            "held against it; make a new one with `drill-oracle keys new`, have the provider "
            "rotate to it, and take the former one out of the settings"
        )
    if found is None and tally_file is not None and count and known and known[0] in held:
        return (
            f"{tally_file} is missing: take it along with a journal that moves; if this "
            "one comes from a backup, make a new key with `drill-oracle keys new` and have the "
            "provider rotate to it"
        )
    return None


def _read_tally(tally_file: Path | None) -> tuple[str, int] | None:
    if tally_file is None or not tally_file.exists():
        return None
    try:
        text = tally_file.read_text("ascii")
    except (OSError, ValueError) as error:
        raise JournalError(f"{tally_file} cannot be read: {error}") from error
    found = _TALLY.fullmatch(text)
    if found is None:
        raise JournalError(
            f"{tally_file} is not an address and a count, as this release writes it: if a newer "
            "release wrote it, install that one. Keep it: nothing else outside the journal tells "
            "what the key has signed"
        )
    return found["key"], int(found["count"])


def _overwrite(path: Path, content: bytes) -> None:
    """Of the same length each time, so that there is always one whole line."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)
