"""What the edge side keeps: samples, checkpoints and what was signed. See `tables`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from chain.views import RentalView
from oracle.errors import DamagedError
from oracle.journal import tables
from oracle.journal.heights import LeaseHeights
from oracle.journal.rows import insert_new, reading_of
from oracle.journal.sample_rows import unpack_row
from oracle.journal.signed import SignedJournal
from oracle.journal.store import Store
from oracle.meter.meter import MeterState, Triple
from oracle.meter.order import SampleOrder
from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.merkle import Frontier
from protocol.records import Registers
from protocol.sample import Sample, decode_sample
from protocol.sample_row import checksum, pack_row

REPLAY_CHUNK = 5_000
"""Samples read at a time when a log is rebuilt: about a megabyte."""


@dataclass(frozen=True, slots=True)
class SignedMark:
    """The newest reading that was signed for a rental's number."""

    until: int = 0
    log_size: int = 0
    registers: Registers = field(default_factory=Registers)


@dataclass(frozen=True, slots=True)
class Received:
    """Samples to make durable, and those that came too late for their place in the log."""

    accepted: Sequence[LoggedSample]
    late: Sequence[LoggedSample]


class Journal:
    """The edge side's part of the store. Every method may raise JournalError."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.signed = SignedJournal(store)
        self.heights = LeaseHeights(store)

    @property
    def has_reserve(self) -> bool:
        """Whether there is room for the last records when the disk is full."""
        return self._store.has_reserve

    def take_reserve(self) -> None:
        """Set that room aside again, if the disk has enough."""
        self._store.take_reserve()

    def order(self, drill: int) -> SampleOrder:
        """How far the drill's samples are durable."""
        table = tables.sample.c
        with self._store.read() as connection:
            row = connection.execute(
                select(table.sequence, table.time_ms, table.raw)
                .where(table.drill == drill)
                .order_by(table.sequence.desc())
                .limit(1)
            ).first()
        if row is None:
            return SampleOrder(drill)
        try:
            last = decode_sample(unpack_row(drill, row.sequence, row.time_ms, row.raw))
        except DamagedError:
            # Whose it is and whether the motor ran is not known until the next one comes.
            return SampleOrder(drill, row.sequence, row.time_ms, motor_on=True)
        return SampleOrder(
            drill, last.sequence, last.time_ms, rental=last.rental, motor_on=last.motor_on
        )

    def add_samples(self, received: Received) -> None:
        """Make samples durable, all or none; those that are here already change nothing."""
        late = self._unknown(received) if received.late else []
        if not received.accepted and not late:
            return
        with self._store.write() as connection:
            if received.accepted:
                _insert_samples(connection, tables.sample, received.accepted)
            if late:
                _insert_samples(connection, tables.late_sample, late)

    def _unknown(self, received: Received) -> list[LoggedSample]:
        """The late samples that are in neither table of samples, and do not repeat what is about to
        be written to one."""
        wanted = {(one.sample.drill, one.sample.sequence): one for one in received.late}
        for one in received.accepted:
            wanted.pop((one.sample.drill, one.sample.sequence), None)
        with self._store.read() as connection:
            for drill in {drill for drill, _ in wanted}:
                numbers = [sequence for owner, sequence in wanted if owner == drill]
                for table in (tables.sample.c, tables.late_sample.c):
                    found = connection.execute(
                        select(table.sequence).where(
                            table.drill == drill,
                            table.sequence.between(min(numbers), max(numbers)),
                        )
                    )
                    for sequence in found.scalars():
                        wanted.pop((drill, sequence), None)
                    numbers = [sequence for owner, sequence in wanted if owner == drill]
                    if not numbers:
                        break
        return [*wanted.values()]

    def samples_after(
        self, drill: int, sequence: int, rental: int | None = None
    ) -> Iterator[LoggedSample]:
        """The drill's samples after `sequence`, or those of them that name `rental`, sequences
        rising; raises DamagedError at one that is not as it was stored."""
        table = tables.sample.c
        while True:
            query = select(table.sequence, table.time_ms, table.raw).where(
                table.drill == drill, table.sequence > sequence
            )
            if rental is not None:
                query = query.where(table.rental == rental)
            with self._store.read() as connection:
                rows = connection.execute(query.order_by(table.sequence).limit(REPLAY_CHUNK)).all()
            for row in rows:
                raw = unpack_row(drill, row.sequence, row.time_ms, row.raw)
                yield LoggedSample(decode_sample(raw), raw)
            if len(rows) < REPLAY_CHUNK:
                return
            sequence = rows[-1].sequence

    def sequence_before(self, rental: int) -> int:
        """The sequence of the last sample that may name the number and is not this rental's, but
        of another one that had it on a vanished chain; 0 if there is none."""
        table = tables.rental.c
        with self._store.read() as connection:
            query = select(table.after_sequence).where(table.rental == rental)
            return int(connection.execute(query).scalar() or 0)

    def know_rentals(self, views: Sequence[RentalView]) -> dict[int, SignedMark]:
        """What was signed last for each rental's number. What else belonged to another rental of
        the same number, on a vanished chain, is forgotten; what was signed never is."""
        if not views:
            return {}
        with self._store.write() as connection:
            return {view.rental: _know(connection, view) for view in views}

    def add_checkpoint(self, log: RentalLog) -> None:
        """Remember a log, to replay from; one of the same size is the same log."""
        last = log.meter.last
        if last is None:
            return
        table = tables.checkpoint
        row: dict[str, Any] = {
            "rental": log.rental,
            "log_size": log.frontier.size,
            "sequence": log.sequence,
            "counted_sequence": last.sequence,
            "until": last.time_ms,
        }
        for level in range(3):
            row[f"active_ms_{level + 1}"] = str(log.meter.active_ms[level])
            row[f"rpm_ms_{level + 1}"] = str(log.meter.rpm_ms[level])
        peaks = b"".join(log.frontier.peaks)
        row["peaks"] = peaks + checksum(_checkpoint_text(row), peaks)
        with self._store.write() as connection:
            connection.execute(
                delete(table).where(
                    table.c.rental == log.rental, table.c.log_size == log.frontier.size
                )
            )
            connection.execute(insert(table), row)

    def checkpoint(self, view: RentalView, max_rpm: Triple, largest: int | None) -> RentalLog:
        """The newest remembered log of at most `largest` samples; an empty one if there is none.
        Raises DamagedError when it is not as it was stored."""
        table = tables.checkpoint
        query = select(table).where(table.c.rental == view.rental)
        if largest is not None:
            query = query.where(table.c.log_size <= largest)
        with self._store.read() as connection:
            row = (
                connection.execute(query.order_by(table.c.log_size.desc()).limit(1))
                .mappings()
                .first()
            )
            if row is None:
                return RentalLog(view.rental, max_rpm, sequence=self.sequence_before(view.rental))
            replaced = self._replaced(connection, view.rental)
            last = self._counted(connection, view.drill, row["counted_sequence"])
        stored = bytes(row["peaks"])
        peaks = stored[: len(stored) // 32 * 32]
        if len(stored) % 32 and stored != peaks + checksum(_checkpoint_text(row), peaks):
            raise DamagedError(f"a checkpoint of rental {view.rental} was changed in the journal")
        meter = MeterState(
            (int(row["active_ms_1"]), int(row["active_ms_2"]), int(row["active_ms_3"])),
            (int(row["rpm_ms_1"]), int(row["rpm_ms_2"]), int(row["rpm_ms_3"])),
            last,
        )
        frontier = Frontier(
            row["log_size"], tuple(peaks[start : start + 32] for start in range(0, len(peaks), 32))
        )
        return RentalLog(view.rental, max_rpm, meter, frontier, row["sequence"], replaced=replaced)

    def _counted(self, connection: Connection, drill: int, sequence: int) -> Sample:
        """The sample that a checkpoint's meter counted last."""
        table = tables.sample.c
        query = select(table.time_ms, table.raw)
        row = connection.execute(
            query.where(table.drill == drill, table.sequence == sequence)
        ).first()
        if row is None:
            raise DamagedError(f"sample {sequence} of drill {drill} is gone from the journal")
        return decode_sample(unpack_row(drill, sequence, row.time_ms, row.raw))

    def note_replaced(self, rental: int, sequence: int) -> None:
        """The drill's controller was replaced during a rental, before this sample."""
        table = tables.controller_replaced
        row = {"rental": rental, "sequence": sequence}
        with self._store.write() as connection:
            connection.execute(insert_new(connection, table), row)

    @staticmethod
    def _replaced(connection: Connection, rental: int) -> bool:
        table = tables.controller_replaced.c
        query = select(table.sequence).where(table.rental == rental)
        return connection.execute(query).first() is not None

    def forget_closed(self, view: RentalView) -> None:
        """Drop what only an unfinished rental needs; its samples stay, and what was signed from
        shortly before the settled reading on."""
        table = tables.checkpoint
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.rental == view.rental))
            _forget_replaced(connection, view.rental)
        self.signed.forget_settled(view)


def _insert_samples(connection: Connection, table: Table, samples: Sequence[LoggedSample]) -> None:
    """By the driver itself: SQLAlchemy takes longer over ten thousand rows than SQLite does."""
    place = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} (drill, sequence, rental, time_ms, raw) "  # noqa: S608  # ours
        f"VALUES ({place}, {place}, {place}, {place}, {place})",
        [
            (*place, sample.rental, sample.time_ms, pack_row(*place, sample.time_ms, logged.raw))
            for logged in samples
            for sample in (logged.sample,)
            for place in ((sample.drill, sample.sequence),)
        ],
    )


def _checkpoint_text(row: Any) -> bytes:
    """What a checkpoint's checksum covers beside the peaks."""
    names = ["rental", "log_size", "sequence", "counted_sequence", "until"]
    names += [f"{name}_{level}" for name in ("active_ms", "rpm_ms") for level in (1, 2, 3)]
    return " ".join(str(row[name]) for name in names).encode("ascii")


def _forget_replaced(connection: Connection, rental: int) -> None:
    table = tables.controller_replaced
    connection.execute(delete(table).where(table.c.rental == rental))


def _know(connection: Connection, view: RentalView) -> SignedMark:
    table, signed = tables.rental, tables.signed_reading
    row = connection.execute(select(table).where(table.c.rental == view.rental)).first()
    identity = dict(zip(tables.IDENTITY, view.identity, strict=True))
    if row is None:
        new = identity | {
            "rental": view.rental,
            "era": 1,
            "signed_until": 0,
            "after_sequence": 0,
        }
        connection.execute(insert(table), new)
        return SignedMark()
    if (row.drill, row.tariff, row.opened_at, row.customer) != view.identity:
        _forget(connection, view.rental)
        renamed = update(table).where(table.c.rental == view.rental)
        samples = tables.sample.c
        newest_sample = select(func.max(samples.sequence)).where(samples.drill == view.drill)
        after = int(connection.execute(newest_sample).scalar() or 0)
        connection.execute(renamed.values(era=table.c.era + 1, after_sequence=after, **identity))
    newest = select(signed).where(
        signed.c.rental == view.rental, signed.c.until == row.signed_until
    )
    found = connection.execute(newest).mappings().first()
    if found is None:
        return SignedMark(row.signed_until)
    reading = reading_of(found)
    return SignedMark(reading.until, reading.log_size, reading.registers)


def _forget(connection: Connection, rental: int) -> None:
    """Batches for a rental are worth nothing to another one of the same number, and its
    checkpoints are wrong for it. What was signed still names the number, and stays."""
    readings, batch = tables.batch_reading.c, tables.batch
    with_it = select(readings.batch).where(readings.rental == rental)
    connection.execute(
        update(batch)
        .where(batch.c.state == tables.OPEN, batch.c.number.in_(with_it))
        .values(state=tables.DROPPED, note=f"rental {rental} is another one now")
    )
    connection.execute(delete(tables.checkpoint).where(tables.checkpoint.c.rental == rental))
    _forget_replaced(connection, rental)
