"""The journal's tables. Integers only; what may exceed 64 bits is decimal text, bytes are bytes.

sample            every sample that was acknowledged, as it came, with a checksum (`sample_rows`)
late_sample       samples that came after their place in the log was signed past
rental            what was signed last for each rental number; `era` counts the rentals that had it,
                  and samples up to `after_sequence` that name it are of an earlier one
signed_reading    readings that were signed, for as long as another one could contradict them
receipt_signature the signatures of those of them that were signed one by one
forgotten_reading  until when a rental's readings before the settled one are dropped
signing           the key that signs, and how often it did
checkpoint        meter and frontier after so many samples, to replay from; a checksum of all is
                  behind the peaks
controller_replaced  rentals whose drill got another controller, and its first sample
log_extent        how far each rental's log is final, and its size once nothing can follow
lease_height      the highest block on which a lease of a drill rested, by finality policy
block             the newest blocks, to recognise a reorganisation
balance_positive  the log entries that leases rest on
batch             signed batches on their way to the chain
batch_reading     their readings, in order, and which rental each is of: numbers may be given anew
settle_transaction  raw transactions, stored before they are broadcast; `batch` is minus the
                  rental's number where one closes a rental
schema_step       which version of all this it is, and which release brought it there (`versions`)
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from protocol.records import Registers

IDENTITY = ("drill", "tariff", "opened_at", "customer")
"""The columns that hold a rental's identity."""

OPEN, SETTLED, DROPPED = "open", "settled", "dropped"
"""The states of a batch."""

metadata = MetaData()


def _key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _registers() -> list[Column[str]]:
    return [_text(name) for name in Registers.__dataclass_fields__]


journal_info = Table(
    "journal_info", metadata, _key("version"), _number("chain_id"), _text("contract")
)

sample = Table(
    "sample",
    metadata,
    _key("drill"),
    _key("sequence"),
    _number("rental"),
    _number("time_ms"),
    _bytes("raw"),
    sqlite_with_rowid=False,
)
Index("sample_rental", sample.c.drill, sample.c.rental, sample.c.sequence)

late_sample = Table(
    "late_sample",
    metadata,
    _key("drill"),
    _key("sequence"),
    _number("rental"),
    _number("time_ms"),
    _bytes("raw"),
)

rental = Table(
    "rental",
    metadata,
    _key("rental"),
    _number("drill"),
    _number("tariff"),
    _number("opened_at"),
    _text("customer"),
    _number("era"),
    _number("signed_until"),
    _number("after_sequence"),
)

signed_reading = Table(
    "signed_reading",
    metadata,
    _key("rental"),
    _key("until"),
    *_registers(),
    _number("log_size"),
    _bytes("log_root"),
    _number("era"),
)

receipt_signature = Table(
    "receipt_signature", metadata, _key("rental"), _key("until"), _bytes("signature")
)

signing = Table("signing", metadata, Column("key", Text, primary_key=True), _number("signatures"))

checkpoint = Table(
    "checkpoint",
    metadata,
    _key("rental"),
    _key("log_size"),
    _number("sequence"),
    _number("counted_sequence"),
    _number("until"),
    _text("active_ms_1"),
    _text("active_ms_2"),
    _text("active_ms_3"),
    _text("rpm_ms_1"),
    _text("rpm_ms_2"),
    _text("rpm_ms_3"),
    _bytes("peaks"),
)

controller_replaced = Table("controller_replaced", metadata, _key("rental"), _number("sequence"))

log_extent = Table(
    "log_extent",
    metadata,
    _key("rental"),
    _number("drill"),
    _number("tariff"),
    _number("opened_at"),
    _text("customer"),
    _number("final_ms"),
    Column("ended_ms", BigInteger),
    _number("closed"),
    Column("log_size", BigInteger),
)

block = Table("block", metadata, _key("number"), _bytes("hash"), _bytes("parent_hash"))

balance_positive = Table(
    "balance_positive",
    metadata,
    _key("block_number"),
    _key("log_index"),
    _number("rental"),
    _number("drill"),
    _text("balance"),
    _bytes("block_hash"),
    _bytes("transaction_hash"),
)

forgotten_reading = Table("forgotten_reading", metadata, _key("rental"), _number("until"))

lease_height = Table(
    "lease_height",
    metadata,
    _key("drill"),
    Column("policy", Text, primary_key=True),
    _number("block_number"),
)

batch = Table(
    "batch",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _number("created_ms"),
    _bytes("signature"),
    _text("state"),
    _text("note"),
)

batch_reading = Table(
    "batch_reading",
    metadata,
    _key("batch"),
    _key("position"),
    _number("drill"),
    _number("tariff"),
    _number("opened_at"),
    _text("customer"),
    _number("rental"),
    _number("until"),
    *_registers(),
    _number("log_size"),
    _bytes("log_root"),
)

settle_transaction = Table(
    "settle_transaction",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    _number("batch"),
    _number("nonce"),
    _bytes("raw"),
    _text("max_fee_wei"),
    _text("priority_fee_wei"),
    _number("sent_ms"),
)
Index("settle_transaction_batch", settle_transaction.c.batch)
