"""dispute: the penalty, once for each key, and a bond that is too small for what is due."""

from __future__ import annotations

import pytest
from contracts.builders import EVIDENCE_PERIOD, GRACE_PERIOD, PENALTY, RESERVE, Yard, new_key
from contracts.evidence import (
    BOND,
    CLAIMED_MS,
    DUE,
    SETTLED_MS,
    amounts,
    collected_lie,
    dated,
    dispute,
    disputed,
    lower,
    post_bond,
    posted,
)
from contracts.evm import NOBODY, reverts

from lab.rig.contract import Compiled

NOTHING = "disputes: nothing overcharged"


def penalised(yard: Yard, key: str) -> bool:
    """Whether a key has paid its penalty."""
    return bool(yard.call("signing_key", key)["penalised"])


# A bond that is short -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bond", "refund", "penalty"),
    [
        (0, 0, 0),
        (1, 1, 0),
        (DUE - 1, DUE - 1, 0),
        (DUE, DUE, 0),
        (DUE + 1, DUE, 1),
        (DUE + PENALTY - 1, DUE, PENALTY - 1),
        (DUE + PENALTY, DUE, PENALTY),
        (DUE + PENALTY + 1, DUE, PENALTY),
    ],
)
def test_dispute__bond_of_this_size__pays_refund_before_penalty(
    any_yard: Yard, bond, refund, penalty
):
    any_yard.deposit(1_000)
    if bond:
        post_bond(any_yard, bond)
    told = collected_lie(any_yard)
    before = any_yard.money()
    receipt = dispute(any_yard, told.receipt)
    key = any_yard.oracle_key.address
    assert receipt.named("UsageDisputed") == [disputed(told.receipt, key, refund, penalty)]
    moved = RESERVE - SETTLED_MS + refund + penalty
    assert any_yard.money() - before == {"customer.account": moved}
    assert posted(any_yard) == bond - refund - penalty
    assert any_yard.call("refunded", told.rental) == refund
    assert any_yard.call("oracle", any_yard.oracle)["suspended"] is True
    # What cannot be paid at all is not used up.
    assert penalised(any_yard, key) is (penalty > 0)


def test_dispute__bond_was_short_and_is_posted_again__brings_the_rest_with_the_same_receipt(
    yard: Yard,
):
    post_bond(yard, 500)
    told = collected_lie(yard)
    assert amounts(dispute(yard, told.receipt)) == (500, 0)
    assert amounts(dispute(yard, told.receipt)) == (0, 0)
    post_bond(yard, 100)
    assert amounts(dispute(yard, told.receipt)) == (100, 0)
    post_bond(yard)
    assert amounts(dispute(yard, told.receipt)) == (DUE - 600, PENALTY)
    with reverts(NOTHING):
        dispute(yard, told.receipt)
    assert yard.call("refunded", told.rental) == DUE


def test_dispute__bond_was_short__a_lower_receipt_brings_all_that_is_missing(yard: Yard):
    post_bond(yard, 500)
    told = collected_lie(yard)
    dispute(yard, told.receipt)
    post_bond(yard)
    refund = SETTLED_MS - 1_000 - 500
    assert amounts(dispute(yard, lower(told.settled, 1_000))) == (refund, PENALTY)


def test_dispute__bond_was_short_of_the_penalty__does_not_bring_the_rest_of_it(yard: Yard):
    post_bond(yard, DUE + 1)
    told = collected_lie(yard)
    assert amounts(dispute(yard, told.receipt)) == (DUE, 1)
    post_bond(yard)
    assert amounts(dispute(yard, lower(told.settled, 0))) == (SETTLED_MS - DUE, 0)


def test_dispute__bond_was_released__brings_nothing(yard: Yard, provider):
    post_bond(yard, 500)
    yard.provide("announce_bond_release", 500)
    yard.chain.advance(GRACE_PERIOD + 2 * EVIDENCE_PERIOD)
    told = collected_lie(yard)
    yard.provide("release_bond", provider.address)
    before = yard.money()
    assert amounts(dispute(yard, told.receipt)) == (0, 0)
    assert yard.money() - before == {"customer.account": RESERVE - SETTLED_MS}


# The penalty ----------------------------------------------------------------------------------


def test_dispute__second_of_a_key_in_another_rental__brings_no_penalty(yard: Yard):
    post_bond(yard)
    first, second = collected_lie(yard), collected_lie(yard)
    key = yard.oracle_key.address
    assert not penalised(yard, key)
    assert amounts(dispute(yard, first.receipt)) == (DUE, PENALTY)
    assert penalised(yard, key)
    assert amounts(dispute(yard, second.receipt)) == (DUE, 0)
    assert posted(yard) == BOND - 2 * DUE - PENALTY


def test_dispute__second_of_a_key_that_was_rotated__brings_no_penalty(yard: Yard):
    post_bond(yard)
    first, second = collected_lie(yard), collected_lie(yard)
    dispute(yard, first.receipt)
    yard.provide("rotate_oracle", yard.oracle, new_key("next").address)
    assert penalised(yard, yard.oracle_key.address)
    assert amounts(dispute(yard, second.receipt)) == (DUE, 0)


def test_dispute__first_of_a_key_that_was_rotated_before__brings_the_penalty(yard: Yard):
    post_bond(yard)
    told = collected_lie(yard)
    new = new_key("next").address
    yard.provide("rotate_oracle", yard.oracle, new)
    assert amounts(dispute(yard, told.receipt)) == (DUE, PENALTY)
    assert penalised(yard, yard.oracle_key.address)
    assert not penalised(yard, new)


def test_dispute__first_of_a_revoked_oracles_key__brings_the_penalty(yard: Yard):
    post_bond(yard)
    told = collected_lie(yard)
    yard.provide("revoke_oracle", yard.oracle)
    assert amounts(dispute(yard, told.receipt)) == (DUE, PENALTY)


def test_dispute__both_keys_of_a_rental_have_lied__brings_a_penalty_for_each(yard: Yard):
    post_bond(yard)
    told = collected_lie(yard)
    new = new_key("next")
    yard.provide("rotate_oracle", yard.oracle, new.address)
    yard.chain.advance(1)
    assert amounts(dispute(yard, lower(told.settled, 5_000))) == (1_000, PENALTY)
    receipt = dated(told, yard.now_ms)
    assert amounts(dispute(yard, receipt, key=new)) == (DUE - 1_000, PENALTY)
    assert penalised(yard, new.address)


def test_dispute__rental_of_another_customer__pays_that_one(yard: Yard, stranger, customer):
    post_bond(yard)
    rental = yard.open(who=stranger)
    yard.chain.advance(10)
    settled = yard.reading(rental, active_ms_1=6_000)
    yard.settle(yard.signed(settled))
    yard.provide("collect", [rental], yard.provider.address)
    before = yard.money()
    receipt = dispute(yard, lower(settled, 5_000), sender=customer)
    refund, penalty = amounts(receipt)
    assert (refund, penalty) == ((6_000 * 1_103 + 970_000) // 1000 - 6_485, PENALTY)
    assert yard.money() - before == {
        "stranger.account": yard.call("balance_of", rental) + refund + penalty
    }


@pytest.mark.parametrize("penalty", [0, 1, 2**96 - 1])
def test_dispute__deployed_with_this_penalty__brings_it(
    chain, compiled: Compiled, people, provider, penalty
):
    terms = NOBODY, GRACE_PERIOD, EVIDENCE_PERIOD, penalty
    for person in people.values():
        chain.give(person, 10**30)
    yard = Yard(chain, chain.deploy(compiled, provider, *terms), people)
    post_bond(yard, 2**96 + DUE)
    told = collected_lie(yard)
    assert amounts(dispute(yard, told.receipt)) == (DUE, penalty)
    assert posted(yard) == 2**96 - penalty
    assert penalised(yard, yard.oracle_key.address)
    assert amounts(dispute(yard, lower(told.settled, CLAIMED_MS - 1))) == (1, 0)
