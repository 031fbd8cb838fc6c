"""A receipt under this box's key that its journal knows nothing of: another box has the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import role_account
from oracle_box import DOMAIN
from oracle_builders import LEASE_LIMITS, NOW_MS, TARIFF, make_rental

from oracle.copies import foreign_receipt
from oracle.lease_policy import credit
from oracle.publish import reading_message
from protocol.messages import ReadingMessage
from protocol.records import Domain, Reading, Registers
from protocol.typed_data import batch_digest, sign_digest

KEY, STRANGER = role_account("oracle"), role_account("stranger")
RENTAL = make_rental()
READING = Reading(7, NOW_MS, Registers(5_000, 0, 0, 0, 0, 0), 50, bytes(32))


def receipt(signer: Any = KEY, domain: Domain = DOMAIN) -> ReadingMessage:
    signature = sign_digest(bytes(signer.key), batch_digest(domain, [READING]))
    usage = credit(RENTAL, TARIFF, READING.registers, READING.until, LEASE_LIMITS)
    return reading_message(domain, READING, signature, rental=RENTAL, tariff=TARIFF, usage=usage)


def found(held: ReadingMessage, signed_until: int) -> str | None:
    return foreign_receipt([held], DOMAIN, (KEY.address,), {7: signed_until}.__getitem__)


def test_foreign_receipt__later_than_all_that_is_signed__names_rental_and_key() -> None:
    told = found(receipt(), NOW_MS - 1)

    assert told is not None
    assert "rental 7" in told
    assert KEY.address in told


@pytest.mark.parametrize("signed_until", [NOW_MS, NOW_MS + 1])
def test_foreign_receipt__signed_by_this_journal__none(signed_until: int) -> None:
    assert found(receipt(), signed_until) is None


@pytest.mark.parametrize(
    "held",
    [
        receipt(STRANGER),
        receipt(domain=replace(DOMAIN, chain_id=1)),
        receipt().model_copy(update={"signature": "0x" + 130 * "f"}),
        receipt().model_copy(update={"charge": "1", "until": NOW_MS + 5}),
    ],
    ids=["stranger", "other chain", "no signature", "changed"],
)
def test_foreign_receipt__not_signed_by_our_key__nobodys(held: ReadingMessage) -> None:
    assert found(held, 0) is None
