"""What the journal says of a rental's log as it is published: extents, samples, signed readings.

The chain side writes the extents; whoever publishes or exports reads them, with the samples and
the signed readings, and follows from these alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, delete, func, insert, select, update

from oracle.journal import tables
from oracle.journal.rows import reading_of
from oracle.journal.sample_rows import unpack_row
from oracle.journal.store import Store
from oracle.samples.extent import LogExtent
from protocol.errors import SampleError
from protocol.publication import RentalIdentity
from protocol.records import Reading
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample


@dataclass(frozen=True, slots=True)
class LogRow:
    """One sample of a drill as it came, with its place and its date."""

    sequence: int
    time_ms: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A reading and its 65-byte signature as a batch of one."""

    reading: Reading
    signature: bytes


class ExtentJournal:
    """The part of the store for publication. Every method may raise JournalError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def extents(self, *, unfinished: bool = False) -> list[LogExtent]:
        """All extents, or those whose log can still grow, by rental."""
        table = tables.log_extent
        query = select(table).order_by(table.c.rental)
        if unfinished:
            query = query.where(table.c.log_size.is_(None))
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [_extent(row) for row in rows]

    def not_closed(self) -> list[LogExtent]:
        """The extents of rentals that have not been seen closed."""
        table = tables.log_extent
        with self._store.read() as connection:
            rows = connection.execute(select(table).where(table.c.closed == 0)).all()
        return [_extent(row) for row in rows]

    def extent(self, rental: int) -> LogExtent | None:
        """One rental's extent."""
        table = tables.log_extent
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.rental == rental)).first()
        return None if row is None else _extent(row)

    def page(self, rental: int) -> int:
        """The place of a rental among those of this journal, from 1, by number."""
        table = tables.log_extent.c
        with self._store.read() as connection:
            query = select(func.count()).where(table.rental <= rental)
            return int(connection.execute(query).scalar_one())

    def keep(self, extents: Sequence[LogExtent], vanished: Sequence[int]) -> None:
        """Replace these extents and drop those of vanished rentals, in one transaction.

        A size that was noted meanwhile stays where identity and end are the same.
        """
        if not extents and not vanished:
            return
        table = tables.log_extent
        with self._store.write() as connection:
            for extent in extents:
                same = _is(extent)
                size = select(table.c.log_size).where(same)
                noted = connection.execute(size).scalar()
                connection.execute(delete(table).where(table.c.rental == extent.rental))
                connection.execute(insert(table), _row(extent) | {"log_size": noted})
            if vanished:
                connection.execute(delete(table).where(table.c.rental.in_(vanished)))

    def finish(self, extent: LogExtent, log_size: int) -> None:
        """Note that a log has so many samples and will not grow; nothing if the rental or its end
        is another one by now."""
        table = tables.log_extent
        with self._store.write() as connection:
            connection.execute(update(table).where(_is(extent)).values(log_size=log_size))

    def newest_sequence(self, drill: int) -> int:
        """The highest sequence of the drill's samples; 0 while there is none."""
        table = tables.sample.c
        with self._store.read() as connection:
            query = select(func.max(table.sequence)).where(table.drill == drill)
            return int(connection.execute(query).scalar() or 0)

    def samples(self, extent: LogExtent, after: int, limit: int) -> list[LogRow]:
        """The next samples of the rental's log after a sequence, final or not, oldest first; none
        of a number that another rental has by now."""
        table, known, identity = tables.sample.c, tables.rental.c, extent.identity
        query = (
            select(table.sequence, table.time_ms, table.raw)
            .join_from(tables.sample, tables.rental, table.rental == known.rental)
            .where(
                table.drill == identity.drill,
                table.rental == extent.rental,
                table.sequence > after,
                table.sequence > known.after_sequence,
                known.drill == identity.drill,
                known.tariff == identity.tariff,
                known.opened_at == identity.opened_at,
                known.customer == identity.customer,
            )
            .order_by(table.sequence)
            .limit(limit)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        drill = extent.identity.drill
        return [
            LogRow(
                row.sequence,
                row.time_ms,
                unpack_row(drill, row.sequence, row.time_ms, row.raw),
            )
            for row in rows
        ]

    def sample_of(self, drill: int, raw: bytes) -> Sample | None:
        """A sample of the drill that is here just as it came; None for any other bytes."""
        try:
            sample = decode_sample(raw)
        except SampleError:
            return None
        table = tables.sample.c
        query = select(table.raw).where(table.drill == drill, table.sequence == sample.sequence)
        with self._store.read() as connection:
            found = connection.execute(query).scalar()
        return sample if found is not None and bytes(found[:SAMPLE_BYTES]) == raw else None

    def newest_reading(self, extent: LogExtent, log_size: int) -> SignedReading | None:
        """The newest reading signed on its own over at most the log's first `log_size` samples.

        None of those dated after a known end: they were signed before it was known, over samples
        that do not belong to the rental.
        """
        signed = tables.signed_reading.c
        query = _signed_alone(extent).where(signed.log_size <= log_size)
        return self._first(query.order_by(signed.until.desc()).limit(1))

    def final_reading(self, extent: LogExtent) -> SignedReading | None:
        """The reading that closes the rental, if it was signed on its own."""
        if extent.ended_ms is None:
            return None
        until = tables.signed_reading.c.until
        return self._first(_signed_alone(extent).where(until == extent.ended_ms))

    def certain_size(self, extent: LogExtent) -> int:
        """How many samples the log has for certain, whenever the rental ends: those that the
        reading of its end is signed over, once it is; before that those of the newest reading that
        is dated no later than what is confirmed, for the last one covers them too."""
        signed = tables.signed_reading.c
        latest_ms = extent.final_ms if extent.ended_ms is None else extent.ended_ms
        query = _of_log(extent, func.max(signed.log_size)).where(signed.until <= latest_ms)
        with self._store.read() as connection:
            found = connection.execute(query).scalar()
        if extent.log_size is not None and found is None:
            return extent.log_size
        return int(found or 0)

    def signed_readings(self, extent: LogExtent) -> Iterator[Reading]:
        """All readings of the rental that are kept, signed alone or in a batch, in order of size;
        the same one may come twice."""
        of_log = _of_log(extent, tables.signed_reading)
        batched, identity = tables.batch_reading, extent.identity
        of_batch = select(batched).where(
            batched.c.rental == extent.rental,
            batched.c.drill == identity.drill,
            batched.c.tariff == identity.tariff,
            batched.c.opened_at == identity.opened_at,
            batched.c.customer == identity.customer,
        )
        if extent.ended_ms is not None:
            of_batch = of_batch.where(batched.c.until <= extent.ended_ms)
        with self._store.read() as connection:
            found = [
                reading_of(row)
                for query in (of_log, of_batch)
                for row in connection.execute(query).mappings()
            ]
        yield from sorted(found, key=lambda one: (one.log_size, one.until))

    def _first(self, query: Select[Any]) -> SignedReading | None:
        with self._store.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else SignedReading(reading_of(row), bytes(row["signature"]))


def _of_log(extent: LogExtent, *selected: Any) -> Select[Any]:
    """Readings signed for this very rental, not for another one that had its number."""
    known, signed, identity = tables.rental.c, tables.signed_reading.c, extent.identity
    query = (
        select(*selected)
        .select_from(tables.signed_reading)
        .join(tables.rental, and_(known.rental == signed.rental, known.era == signed.era))
        .where(
            signed.rental == extent.rental,
            known.drill == identity.drill,
            known.tariff == identity.tariff,
            known.opened_at == identity.opened_at,
            known.customer == identity.customer,
        )
    )
    if extent.ended_ms is not None:
        query = query.where(signed.until <= extent.ended_ms)
    return query


def _signed_alone(extent: LogExtent) -> Select[Any]:
    signed, alone = tables.signed_reading.c, tables.receipt_signature.c
    query = _of_log(extent, tables.signed_reading, alone.signature)
    return query.join(
        tables.receipt_signature,
        and_(alone.rental == signed.rental, alone.until == signed.until),
    )


def _is(extent: LogExtent) -> Any:
    table, identity = tables.log_extent.c, extent.identity
    return and_(
        table.rental == extent.rental,
        table.drill == identity.drill,
        table.tariff == identity.tariff,
        table.opened_at == identity.opened_at,
        table.customer == identity.customer,
        table.ended_ms.is_not_distinct_from(extent.ended_ms),
    )


def _row(extent: LogExtent) -> dict[str, Any]:
    identity = extent.identity
    return {
        "rental": identity.rental,
        "drill": identity.drill,
        "tariff": identity.tariff,
        "opened_at": identity.opened_at,
        "customer": identity.customer,
        "final_ms": extent.final_ms,
        "ended_ms": extent.ended_ms,
        "closed": int(extent.closed),
    }


def _extent(row: Any) -> LogExtent:
    return LogExtent(
        identity=RentalIdentity(row.rental, row.drill, row.tariff, row.opened_at, row.customer),
        final_ms=row.final_ms,
        ended_ms=row.ended_ms,
        closed=bool(row.closed),
        log_size=row.log_size,
    )
