"""The messages that the oracle publishes, built from values."""

from __future__ import annotations

from chain.views import BalanceEvidence, ChainView, RentalView
from oracle.leasing.lease_policy import Credit
from protocol.messages import EventMessage, LeaseMessage, ReadingMessage
from protocol.records import NONCE_BYTES, Domain, Lease, Reading, Tariff

LONGEST_TEXT = 200
"""ShortText of protocol.messages."""


def lease_message(
    lease: Lease, signature: bytes, view: ChainView, evidence: BalanceEvidence
) -> LeaseMessage:
    """A signed lease with the block and the log entry that it rests on."""
    return LeaseMessage(
        drill=lease.drill,
        rental=lease.rental,
        issued_at=lease.issued_at,
        expires_at=lease.expires_at,
        block_number=lease.block_number,
        nonce=f"0x{lease.nonce:0{2 * NONCE_BYTES}x}",
        signature="0x" + signature.hex(),
        block_hash="0x" + view.rested[lease.rental].header.hash.hex(),
        transaction_hash="0x" + evidence.transaction_hash.hex(),
        log_index=evidence.log_index,
    )


def reading_message(
    domain: Domain,
    reading: Reading,
    signature: bytes,
    *,
    rental: RentalView,
    tariff: Tariff,
    usage: Credit,
) -> ReadingMessage:
    """A live receipt: the signed reading with the accrued charge and the runway."""
    registers = reading.registers
    return ReadingMessage(
        chain_id=domain.chain_id,
        contract=domain.contract,
        drill=rental.drill,
        oracle=rental.oracle,
        rental=reading.rental,
        until=reading.until,
        active_ms_1=registers.active_ms_1,
        active_ms_2=registers.active_ms_2,
        active_ms_3=registers.active_ms_3,
        revolutions_1=registers.revolutions_1,
        revolutions_2=registers.revolutions_2,
        revolutions_3=registers.revolutions_3,
        log_size=reading.log_size,
        log_root="0x" + reading.log_root.hex(),
        signature="0x" + signature.hex(),
        charge=str(usage.charge),
        balance=str(usage.balance),
        headroom=str(usage.headroom),
        runway_seconds=usage.runway_seconds,
        settled_until=rental.until,
        settled_charge=str(rental.settled_charge(tariff)),
        warning=usage.warning,
    )


def event_message(drill: int, time_ms: int, event: str, reason: str) -> EventMessage:
    """A line in the drill's history."""
    return EventMessage(
        drill=drill, time_ms=time_ms, event=event[:LONGEST_TEXT], reason=reason[:LONGEST_TEXT]
    )
