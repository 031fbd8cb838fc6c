"""Bonds, lies and receipts for the tests of disputes; signatures are those of a wallet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from contracts.builders import EVIDENCE_PERIOD, GRACE_PERIOD, Yard
from contracts.evm import Account, Event, Receipt, event
from contracts.wallet_signatures import Signature, sign
from eth_account.signers.local import LocalAccount

from protocol.meter_word import pack_meter
from protocol.records import Reading

BOND = 10_000_000
"""More than any refund and penalty together, unless a test says otherwise."""

SETTLED_MS = 6_000
CLAIMED_MS = 4_000
DUE = SETTLED_MS - CLAIMED_MS
"""What a lie was settled with, what its receipt shows, and what that brings back (SIMPLE)."""


def words(*numbers: int) -> tuple[bytes, ...]:
    """Numbers as bytes32."""
    return tuple(number.to_bytes(32, "big") for number in numbers)


def packed(reading: Reading) -> tuple[int, int, int, bytes]:
    """A reading as the contract takes it."""
    word = pack_meter(reading.until, reading.registers)
    return reading.rental, word, reading.log_size, reading.log_root


def fund(yard: Yard, who: Account, amount: int) -> int:
    """Let the contract take `amount` from somebody; returns the coins to send along."""
    if yard.token is None:
        return amount
    yard.token.transact(who, "approve", yard.meter.address, amount)
    return 0


def post_bond(yard: Yard, amount: int = BOND, who: Account | None = None) -> Receipt:
    """Put a bond down, as the provider unless told."""
    owner = who or yard.provider
    value = fund(yard, owner, amount)
    return yard.meter.transact(owner, "post_bond", amount, value=value)


def announce_release(yard: Yard, amount: int) -> int:
    """Announce that some of the bond will be released; returns from when on."""
    yard.provide("announce_bond_release", amount)
    return yard.chain.now + GRACE_PERIOD + 2 * EVIDENCE_PERIOD


def posted(yard: Yard) -> int:
    """What is left of the bond."""
    return int(yard.call("bond")["posted"])


@dataclass(frozen=True)
class Lie:
    """A settled reading, and the receipt of the same moment that tells less."""

    settled: Reading
    receipt: Reading

    @property
    def rental(self) -> int:
        """Whose bill it is."""
        return self.settled.rental


def lie(yard: Yard, rental: int | None = None, *, active_ms: int = SETTLED_MS) -> Lie:
    """Settle a lie about a rental of SIMPLE, a new one unless told; five seconds pass after it.

    All of `active_ms` but DUE has really been used.
    """
    number = yard.open_simple() if rental is None else rental
    yard.chain.advance(10)
    settled = yard.reading(number, active_ms_1=active_ms)
    yard.settle(yard.signed(settled))
    yard.chain.advance(5)
    return Lie(settled, lower(settled, active_ms - DUE))


def collected_lie(yard: Yard, rental: int | None = None) -> Lie:
    """A lie whose earnings the provider has taken: only the bond is left to refund it from."""
    told = lie(yard, rental)
    yard.provide("collect", [told.rental], yard.provider.address)
    return told


def dated(told: Lie, until: int) -> Reading:
    """The receipt of a lie with another date."""
    return replace(told.receipt, until=until)


def lower(reading: Reading, active_ms: int, until: int | None = None) -> Reading:
    """A reading with another first register, and another `until` where told."""
    registers = replace(reading.registers, active_ms_1=active_ms)
    return replace(reading, registers=registers, until=reading.until if until is None else until)


def dispute(
    yard: Yard,
    receipt: Reading,
    *,
    key: LocalAccount | None = None,
    named: str | None = None,
    signature: Signature | None = None,
    sender: Account | None = None,
) -> Receipt:
    """Dispute with a receipt signed by `key`, the first oracle's unless told.

    `named` is the address that the sender says has signed it, `signature` a raw one instead.
    """
    signer = key or yard.oracle_key
    r, vs = words(*(signature or sign(yard, receipt, key=signer)))
    arguments = packed(receipt), named or signer.address, r, vs
    return yard.meter.transact(sender or yard.people["relayer"], "dispute", *arguments)


def disputed(
    receipt: Reading, key: str, refund: int, penalty: int, *, from_revenue: int = 0
) -> Event:
    """The event of a dispute; the rest of the refund, and the penalty, came from the bond."""
    return event(
        "UsageDisputed",
        rental=receipt.rental,
        key=key,
        until=receipt.until,
        meter=pack_meter(receipt.until, receipt.registers),
        refund=refund,
        from_revenue=from_revenue,
        penalty=penalty,
    )


def amounts(receipt: Receipt) -> tuple[int, int]:
    """Refund and penalty of a dispute."""
    (found,) = receipt.named("UsageDisputed")
    return found.args["refund"], found.args["penalty"]


def closing(yard: Yard, rental: int, by: Account, *, ended: bool = False) -> list[Event]:
    """The events by which a dispute sent by `by` has ended and closed a rental."""
    closed = event(
        "RentalClosed",
        rental=rental,
        customer=yard.call("rental", rental)["customer"],
        charge=yard.call("charge", rental),
        refund=yard.call("balance_of", rental),
    )
    if ended:
        return [closed]
    return [
        event("RentalEnded", rental=rental, by=by.address, ended_at=yard.chain.now),
        closed,
    ]


def standing(yard: Yard, rental: int) -> dict[str, Any]:
    """All of a rental that a dispute must leave as it is."""
    views = ("registers", "charge", "balance_of", "caps")
    return {view: yard.call(view, rental) for view in views}
