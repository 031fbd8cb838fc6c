"""dispute: receipts of P-256 keys. The chain has at 0x100 what EIP-7951 puts there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import PENALTY, Yard, new_key, oracle_view
from contracts.evidence import DUE, Lie, amounts, dispute, disputed, lie, lower, post_bond
from contracts.evm import NOBODY, Chain, Receipt, event, reverts
from contracts.p256 import KEY, OTHER, approve, enrol, forget_p256, outcome, teach_p256
from contracts.wallet_signatures import PARITY, message_of

from protocol.p256 import ORDER as N
from protocol.records import Reading

NOT_SIGNED = "not signed by its oracle"
NO_RECEIPT = "disputes: not signed by the key"


@pytest.fixture
def chain() -> Chain:
    """A chain that checks P-256 signatures."""
    chain = Chain()
    teach_p256(chain)
    return chain


@pytest.fixture
def secure(yard: Yard) -> Yard:
    """A yard whose oracle has signed with KEY from the first second on."""
    enrol(yard, KEY)
    yard.provide("rotate_oracle", yard.oracle, KEY.address)
    return yard


@pytest.fixture
def told(secure: Yard) -> Lie:
    """A lie that KEY has signed and settled, and its receipt; the bond is posted."""
    post_bond(secure)
    rental = secure.open_simple()
    secure.chain.advance(10)
    settled = secure.reading(rental, active_ms_1=6_000)
    assert outcome(secure, approve(secure, settled)) == [""]
    secure.chain.advance(5)
    return Lie(settled, lower(settled, 6_000 - DUE))


def evidence(yard: Yard, receipt: Reading, *, high_s: bool = False) -> Receipt:
    """Dispute with a receipt that KEY has signed."""
    signature = KEY.sign(message_of(yard, receipt), high_s=high_s)
    return dispute(yard, receipt, named=KEY.address, signature=signature)


@pytest.mark.parametrize("high_s", [False, True])
def test_dispute__receipt_of_a_p256_key__pays_and_suspends(secure: Yard, told, high_s):
    before = secure.money()
    receipt = evidence(secure, told.receipt, high_s=high_s)
    assert receipt.events[2:] == [
        disputed(told.receipt, KEY.address, DUE, PENALTY, from_revenue=DUE),
        event("OracleSuspended", oracle=secure.oracle, key=KEY.address),
    ]
    moved = secure.money() - before
    assert moved["customer.account"] == secure.call("balance_of", told.rental) + DUE + PENALTY
    view = oracle_view(KEY.address, epoch=2, suspended=True, is_p256=True)
    assert secure.call("oracle", secure.oracle) == view
    record = secure.call("signing_key", KEY.address)
    assert (record["penalised"], record["is_p256"], record["until"]) == (True, True, 0)
    secure.chain.advance(5)
    later = replace(told.settled, until=secure.now_ms)
    assert outcome(secure, approve(secure, later)) == [NOT_SIGNED]


def test_dispute__p256_key_a_second_time__brings_no_penalty(secure: Yard, told):
    evidence(secure, told.receipt)
    assert amounts(evidence(secure, lower(told.settled, 100))) == (3_900, 0)


def test_dispute__p256_key_was_rotated_away__still_counts(secure: Yard, told):
    new = new_key("next")
    secure.provide("rotate_oracle", secure.oracle, new.address)
    secure.chain.advance(5)
    with reverts("disputes: not while in force"):
        evidence(secure, replace(told.receipt, until=secure.now_ms - 4_999))
    assert amounts(evidence(secure, told.receipt)) == (DUE, PENALTY)
    assert secure.call("oracle", secure.oracle) == oracle_view(new.address, epoch=3)


def test_dispute__p256_key_came_after_a_secp256k1_lie__counts(yard: Yard):
    post_bond(yard)
    told = lie(yard)
    enrol(yard, KEY)
    yard.provide("rotate_oracle", yard.oracle, KEY.address)
    receipt = lower(told.settled, 5_000, yard.now_ms)
    assert amounts(evidence(yard, receipt)) == (1_000, PENALTY)
    assert amounts(dispute(yard, told.receipt)) == (DUE - 1_000, PENALTY)


def test_dispute__not_what_the_p256_key_signed__reverts(secure: Yard, told):
    receipt, message = told.receipt, message_of(secure, told.receipt)
    r, s = KEY.sign(message)
    later = replace(receipt, until=receipt.until + 1)
    forged = [
        (r ^ 1, s),
        (r, s ^ 1),
        (r, s ^ PARITY),
        (s, r),
        (0, 0),
        (r, 0),
        (N, N),
        OTHER.sign(message),
        KEY.sign(message_of(secure, receipt, later)),
        KEY.sign(message_of(secure)),
        KEY.sign(message_of(secure, later)),
        KEY.sign(message_of(secure, receipt, chainId=1)),
        KEY.sign(message_of(secure, receipt, verifyingContract=NOBODY)),
    ]
    for signature in forged:
        with reverts(NO_RECEIPT):
            dispute(secure, receipt, named=KEY.address, signature=signature)


def test_dispute__signature_of_the_other_kind__reverts(secure: Yard, told, oracle_key):
    signature = KEY.sign(message_of(secure, told.receipt))
    with reverts(NO_RECEIPT):
        dispute(secure, told.receipt, named=oracle_key.address, signature=signature)
    with reverts(NO_RECEIPT):
        dispute(secure, told.receipt, key=oracle_key, named=KEY.address)


def test_dispute__p256_key_of_another_oracle_or_none__reverts(secure: Yard, told):
    signature = OTHER.sign(message_of(secure, told.receipt))
    for act, reason in (
        (lambda: None, NO_RECEIPT),
        (lambda: enrol(secure, OTHER), "disputes: key of another oracle"),
        (
            lambda: secure.provide("register_oracle", OTHER.address),
            "disputes: key of another oracle",
        ),
    ):
        act()
        with reverts(reason):
            dispute(secure, told.receipt, named=OTHER.address, signature=signature)


def test_dispute__chain_does_not_check_p256_any_more__reverts(secure: Yard, told):
    forget_p256(secure.chain)
    with reverts(NO_RECEIPT):
        evidence(secure, told.receipt)
