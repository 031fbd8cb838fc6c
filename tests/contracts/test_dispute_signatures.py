"""dispute: who signed the receipt. Digests are eth-account's and never from code of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import PENALTY, Yard, deploy_yard
from contracts.evidence import DUE, Lie, amounts, dated, dispute, lie, packed, post_bond, words
from contracts.evm import NOBODY, Chain, reverts
from contracts.test_settle_signatures import FIELDS
from contracts.wallet_signatures import (
    HALF_ORDER,
    ORDER,
    PARITY,
    key_that_signs_with,
    message_of,
    sign,
)

NOT_SIGNED = "disputes: not signed by the key"
WON = (DUE, PENALTY)


@pytest.fixture
def told(yard: Yard) -> Lie:
    """A settled lie and its receipt; the bond is posted and five seconds have passed."""
    post_bond(yard)
    return lie(yard)


def test_dispute__signed_by_another_than_named__reverts(yard: Yard, told, stranger):
    with reverts(NOT_SIGNED):
        dispute(yard, told.receipt, key=stranger, named=yard.oracle_key.address)
    with reverts(NOT_SIGNED):
        dispute(yard, told.receipt, named=stranger.address)


@pytest.mark.parametrize("r", [0, 1, ORDER - 1, ORDER, 2**256 - 1])
@pytest.mark.parametrize("vs", [0, 1, PARITY, 2**256 - 1])
def test_dispute__malformed_signature__reverts(yard: Yard, told, r, vs):
    for named in (NOBODY, yard.oracle_key.address):
        with reverts(NOT_SIGNED):
            dispute(yard, told.receipt, named=named, signature=(r, vs))


def test_dispute__malleable_twin__reverts(yard: Yard, told):
    r, vs = sign(yard, told.receipt)
    twin = ORDER - (vs & ~PARITY)
    for forged in (twin, twin | PARITY, (twin | PARITY) ^ PARITY, (twin % PARITY) | PARITY):
        with reverts(NOT_SIGNED):
            dispute(yard, told.receipt, signature=(r, forged))


def test_dispute__flipped_parity__reverts(yard: Yard, told):
    r, vs = sign(yard, told.receipt)
    with reverts(NOT_SIGNED):
        dispute(yard, told.receipt, signature=(r, vs ^ PARITY))


@pytest.mark.parametrize(
    ("s", "fits"), [(1, True), (HALF_ORDER, True), (HALF_ORDER + 1, False), (PARITY - 1, False)]
)
def test_dispute__good_signature_with_this_s__counts_up_to_half_the_order(
    yard: Yard, told, s, fits
):
    receipt = dated(told, yard.now_ms)
    key, signature = key_that_signs_with(s, message_of(yard, receipt))
    yard.provide("rotate_oracle", yard.oracle, key.address)
    if fits:
        assert amounts(dispute(yard, receipt, named=key.address, signature=signature)) == WON
    else:
        with reverts(NOT_SIGNED):
            dispute(yard, receipt, named=key.address, signature=signature)


@pytest.mark.parametrize("change", FIELDS, ids=lambda change: next(iter(change)))
def test_dispute__one_field_differs_from_what_was_signed__reverts(yard: Yard, told, change):
    signature = sign(yard, told.receipt)
    field, value = next(iter(change.items()))
    if hasattr(told.receipt.registers, field):
        registers = replace(told.receipt.registers, **{field: value})
        forged = replace(told.receipt, registers=registers)
    else:
        forged = replace(told.receipt, **{field: value})
    with reverts(NOT_SIGNED):
        dispute(yard, forged, signature=signature)
    assert amounts(dispute(yard, told.receipt, signature=signature)) == WON


def test_dispute__signed_in_a_batch_of_two__is_no_receipt(yard: Yard, told):
    later = replace(told.receipt, until=told.receipt.until + 1)
    signature = sign(yard, told.receipt, later)
    for reading in (told.receipt, later):
        with reverts(NOT_SIGNED):
            dispute(yard, reading, signature=signature)


def test_dispute__signed_batch_without_readings__is_no_receipt(yard: Yard, told):
    with reverts(NOT_SIGNED):
        dispute(yard, told.receipt, signature=sign(yard))


@pytest.mark.parametrize(
    "domain",
    [{"chainId": 1}, {"verifyingContract": NOBODY}, {"name": "drillmeter"}, {"version": "2"}],
    ids=lambda domain: next(iter(domain)),
)
def test_dispute__signed_for_another_domain__reverts(yard: Yard, told, domain):
    with reverts(NOT_SIGNED):
        dispute(yard, told.receipt, signature=sign(yard, told.receipt, **domain))


def test_dispute__signed_for_the_same_rental_of_another_contract__counts_there_only(
    yard: Yard, told, compiled, people
):
    other = deploy_yard(yard.chain, compiled, people)
    post_bond(other)
    lied = lie(other)
    assert lied.rental == told.rental
    signature = sign(other, lied.receipt)
    with reverts(NOT_SIGNED):
        dispute(yard, lied.receipt, signature=signature)
    assert amounts(dispute(other, lied.receipt, signature=signature)) == WON


def test_dispute__signed_for_this_address_on_another_chain__reverts(yard: Yard, told):
    elsewhere = Chain(chain_id=1)
    elsewhere.adopt(yard.meter, yard.chain.code(yard.meter))
    there = elsewhere.attach(yard.meter.address, yard.meter.abi)
    r, vs = words(*sign(yard, told.receipt))
    with reverts(NOT_SIGNED):
        arguments = packed(told.receipt), yard.oracle_key.address, r, vs
        there.transact(yard.provider, "dispute", *arguments)
