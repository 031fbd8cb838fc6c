"""What the chain side keeps: blocks, evidence and the outbox. See `tables`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from chain.ports import KEPT_BLOCKS, SentTransaction
from chain.views import BalanceEvidence, BlockSummary, Identity
from oracle.journal import tables
from oracle.journal.rows import reading_of, row_of
from oracle.journal.store import Store
from oracle.ports import JournalBatch
from protocol.records import Reading


class ChainJournal:
    """The chain side's part of the store. Every method may raise JournalError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def cursor(self) -> BlockSummary | None:
        """The newest block whose events were read."""
        with self._store.read() as connection:
            row = connection.execute(
                select(tables.block).order_by(tables.block.c.number.desc()).limit(1)
            ).first()
        return None if row is None else BlockSummary(row.number, row.hash, row.parent_hash, 0)

    def block_hash(self, number: int) -> bytes | None:
        """The hash of a remembered block."""
        with self._store.read() as connection:
            found = connection.execute(
                select(tables.block.c.hash).where(tables.block.c.number == number)
            ).scalar()
        return None if found is None else bytes(found)

    def add_block(self, header: BlockSummary, evidence: Sequence[BalanceEvidence]) -> None:
        """Remember a block and the evidence found up to it, and forget blocks long past."""
        with self._store.write() as connection:
            connection.execute(
                insert(tables.block),
                {
                    "number": header.number,
                    "hash": header.hash,
                    "parent_hash": header.parent_hash,
                },
            )
            oldest = header.number - KEPT_BLOCKS
            connection.execute(delete(tables.block).where(tables.block.c.number < oldest))
            for found in evidence:
                connection.execute(insert(tables.balance_positive), _evidence_row(found))

    def roll_back(self, number: int) -> None:
        """Forget every block after `number` and what was derived from it."""
        with self._store.write() as connection:
            connection.execute(delete(tables.block).where(tables.block.c.number > number))
            table = tables.balance_positive
            connection.execute(delete(table).where(table.c.block_number > number))

    def evidence(self, rental: int) -> BalanceEvidence | None:
        """The newest BalancePositive entry of a rental."""
        table = tables.balance_positive
        with self._store.read() as connection:
            row = connection.execute(
                select(table)
                .where(table.c.rental == rental)
                .order_by(table.c.block_number.desc(), table.c.log_index.desc())
                .limit(1)
            ).first()
        if row is None:
            return None
        return BalanceEvidence(
            rental=row.rental,
            drill=row.drill,
            balance=int(row.balance),
            block_number=row.block_number,
            block_hash=bytes(row.block_hash),
            transaction_hash=bytes(row.transaction_hash),
            log_index=row.log_index,
        )

    def add_batch(
        self,
        created_ms: int,
        readings: Sequence[Reading],
        identities: Sequence[Identity],
        signature: bytes,
    ) -> JournalBatch:
        """Put a signed batch into the outbox; its readings were made durable before."""
        with self._store.write() as connection:
            number = connection.execute(
                insert(tables.batch).values(
                    created_ms=created_ms, signature=signature, state=tables.OPEN, note=""
                )
            ).inserted_primary_key
            if number is None:
                raise AssertionError("an inserted batch has a number")
            rows = [
                row_of(reading)
                | dict(zip(tables.IDENTITY, identity, strict=True))
                | {"batch": number[0], "position": position}
                for position, (reading, identity) in enumerate(
                    zip(readings, identities, strict=True)
                )
            ]
            connection.execute(insert(tables.batch_reading), rows)
        return JournalBatch(number[0], created_ms, tuple(readings), tuple(identities), signature)

    def open_batches(self) -> list[JournalBatch]:
        """The batches that are not finished, oldest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                select(tables.batch)
                .where(tables.batch.c.state == tables.OPEN)
                .order_by(tables.batch.c.number)
            ).all()
            batches = []
            for row in rows:
                readings = (
                    connection.execute(
                        select(tables.batch_reading)
                        .where(tables.batch_reading.c.batch == row.number)
                        .order_by(tables.batch_reading.c.position)
                    )
                    .mappings()
                    .all()
                )
                batches.append(
                    JournalBatch(
                        row.number,
                        row.created_ms,
                        tuple(reading_of(reading) for reading in readings),
                        tuple(
                            (one["drill"], one["tariff"], one["opened_at"], one["customer"])
                            for one in readings
                        ),
                        bytes(row.signature),
                    )
                )
        return batches

    def unsettled_rentals(self) -> set[int]:
        """The rentals that open batches settle."""
        return {one.rental for batch in self.open_batches() for one in batch.readings}

    def finish_batch(self, number: int, state: str, note: str) -> None:
        """Close a batch as `settled` or `dropped`, with a note for people."""
        with self._store.write() as connection:
            connection.execute(
                update(tables.batch)
                .where(tables.batch.c.number == number)
                .values(state=state, note=note[:500])
            )

    def add_transaction(self, sent: SentTransaction) -> None:
        """Store a transaction; only then may it be broadcast."""
        with self._store.write() as connection:
            connection.execute(
                insert(tables.settle_transaction),
                {
                    "hash": sent.hash,
                    "batch": sent.batch,
                    "nonce": sent.nonce,
                    "raw": sent.raw,
                    "max_fee_wei": str(sent.max_fee_wei),
                    "priority_fee_wei": str(sent.priority_fee_wei),
                    "sent_ms": sent.sent_ms,
                },
            )

    def transactions(self, batch: int) -> list[SentTransaction]:
        """The transactions that were made for a batch, oldest first."""
        table = tables.settle_transaction
        with self._store.read() as connection:
            rows = connection.execute(
                select(table).where(table.c.batch == batch).order_by(table.c.sent_ms)
            ).all()
        return [
            SentTransaction(
                hash=bytes(row.hash),
                batch=row.batch,
                nonce=row.nonce,
                raw=bytes(row.raw),
                max_fee_wei=int(row.max_fee_wei),
                priority_fee_wei=int(row.priority_fee_wei),
                sent_ms=row.sent_ms,
            )
            for row in rows
        ]

    def sent_since(self, time_ms: int) -> int:
        """How many transactions were sent since then, repeated and dearer ones not counted."""
        table = tables.settle_transaction
        with self._store.read() as connection:
            found = connection.execute(
                select(func.count(func.distinct(table.c.nonce))).where(table.c.sent_ms >= time_ms)
            )
            return int(found.scalar_one())

    def count(self, name: str) -> int:
        """How many rows a table has."""
        with self._store.read() as connection:
            found = connection.execute(select(func.count()).select_from(metadata_table(name)))
            return int(found.scalar_one())


def metadata_table(name: str) -> Any:
    """The table of that name."""
    return tables.metadata.tables[name]


def _evidence_row(found: BalanceEvidence) -> dict[str, Any]:
    return {
        "block_number": found.block_number,
        "log_index": found.log_index,
        "rental": found.rental,
        "drill": found.drill,
        "balance": str(found.balance),
        "block_hash": found.block_hash,
        "transaction_hash": found.transaction_hash,
    }
