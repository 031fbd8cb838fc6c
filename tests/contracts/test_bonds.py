"""post_bond, announce_bond_release: what is put down, and given notice of."""

from __future__ import annotations

import pytest
from contracts.builders import EVIDENCE_PERIOD, GRACE_PERIOD, PENALTY, Yard, deploy_yard
from contracts.evidence import (
    BOND,
    DUE,
    announce_release,
    collected_lie,
    dispute,
    fund,
    post_bond,
    posted,
)
from contracts.evm import Chain, event, reverts
from contracts.sources import mock

NOTICE = GRACE_PERIOD + 2 * EVIDENCE_PERIOD
NOT_OWNER = "ownable: caller is not the owner"
NOTHING = "bonds: nothing to release"
TOO_SOON = "bonds: notice has not passed"
TOO_MUCH = "bonds: more than is posted"
OTHERS = pytest.mark.parametrize("role", ["customer", "oracle", "relayer", "stranger"])


def release(yard: Yard) -> None:
    """Release to the provider."""
    yard.provide("release_bond", yard.provider.address)


# Posting --------------------------------------------------------------------------------------


def test_bond__nothing_was_posted__is_empty(yard: Yard):
    assert yard.call("bond") == {"posted": 0, "releasing": 0, "releasable_at": 0}


def test_post_bond__by_the_provider__is_held_and_logged(any_yard: Yard):
    before = any_yard.money()
    receipt = post_bond(any_yard, 700)
    assert receipt.named("BondPosted") == [event("BondPosted", amount=700, bond=700)]
    assert any_yard.call("bond") == {"posted": 700, "releasing": 0, "releasable_at": 0}
    assert any_yard.money() - before == {"held": 700, "coins": 700, "provider.wallet": -700}


def test_post_bond__again__adds(any_yard: Yard):
    post_bond(any_yard, 700)
    receipt = post_bond(any_yard, 1)
    assert receipt.named("BondPosted") == [event("BondPosted", amount=1, bond=701)]
    assert posted(any_yard) == any_yard.call("held") == 701


@OTHERS
def test_post_bond__by_anybody_else__reverts(any_yard: Yard, role):
    before = any_yard.money()
    with reverts(NOT_OWNER):
        post_bond(any_yard, 700, any_yard.people[role])
    assert any_yard.money() - before == {}


def test_post_bond__nothing__reverts(any_yard: Yard):
    with reverts("vault: nothing to take"):
        post_bond(any_yard, 0)


@pytest.mark.parametrize("value", [0, 699, 701])
def test_post_bond__not_the_value_sent__reverts(yard: Yard, provider, value):
    with reverts("vault: amount is not the value"):
        yard.meter.transact(provider, "post_bond", 700, value=value)
    assert posted(yard) == yard.call("held") == 0


def test_post_bond__coins_with_tokens__reverts(token_yard: Yard, provider):
    fund(token_yard, provider, 700)
    with reverts("vault: takes tokens, not coins"):
        token_yard.meter.transact(provider, "post_bond", 700, value=700)


def test_post_bond__tokens_not_approved__reverts(token_yard: Yard, provider):
    fund(token_yard, provider, 699)
    with reverts("token: allowance"):
        token_yard.meter.transact(provider, "post_bond", 700)
    assert posted(token_yard) == token_yard.call("held") == 0


def test_post_bond__token_with_a_fee__reverts(chain: Chain, compiled, people, provider):
    yard = deploy_yard(chain, compiled, people, chain.deploy(mock("token_fee"), provider))
    yard.token.transact(provider, "set_fee", 1)
    with reverts("vault: another amount delivered"):
        post_bond(yard, 700)
    assert posted(yard) == yard.call("held") == 0


def test_post_bond__paused__still_works(yard: Yard):
    yard.provide("pause")
    post_bond(yard, 700)
    assert posted(yard) == 700


# Announcing -----------------------------------------------------------------------------------


def test_announce_bond_release__part_of_it__is_kept_and_logged(any_yard: Yard):
    post_bond(any_yard, 700)
    any_yard.chain.advance(5)
    before = any_yard.money()
    receipt = any_yard.provide("announce_bond_release", 300)
    at = any_yard.chain.now + NOTICE
    assert receipt.events == [event("BondReleaseAnnounced", amount=300, releasable_at=at)]
    assert any_yard.call("bond") == {"posted": 700, "releasing": 300, "releasable_at": at}
    assert any_yard.money() - before == {}


@pytest.mark.parametrize("amount", [701, 2**256 - 1])
def test_announce_bond_release__more_than_is_posted__reverts(yard: Yard, amount):
    post_bond(yard, 700)
    with reverts(TOO_MUCH):
        yard.provide("announce_bond_release", amount)
    announce_release(yard, 700)


def test_announce_bond_release__more_than_a_dispute_has_left__reverts(yard: Yard):
    post_bond(yard)
    dispute(yard, collected_lie(yard).receipt)
    left = BOND - DUE - PENALTY
    with reverts(TOO_MUCH):
        yard.provide("announce_bond_release", left + 1)
    announce_release(yard, left)


@OTHERS
def test_announce_bond_release__by_anybody_else__reverts(yard: Yard, role):
    post_bond(yard, 700)
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "announce_bond_release", 1)
    assert yard.call("bond")["releasable_at"] == 0


@pytest.mark.parametrize("amount", [1, 300, 700])
def test_announce_bond_release__again__replaces_amount_and_notice(yard: Yard, amount):
    post_bond(yard, 700)
    first = announce_release(yard, 300)
    yard.chain.advance(NOTICE - 1)
    second = announce_release(yard, amount)
    assert yard.call("bond") == {"posted": 700, "releasing": amount, "releasable_at": second}
    for too_soon in (first, second - 1):
        yard.chain.set_time(too_soon)
        with reverts(TOO_SOON):
            release(yard)
    yard.chain.set_time(second)
    release(yard)
    assert posted(yard) == 700 - amount


def test_announce_bond_release__again_while_one_is_due__starts_the_notice_anew(yard: Yard):
    post_bond(yard, 700)
    yard.chain.set_time(announce_release(yard, 300))
    announce_release(yard, 400)
    with reverts(TOO_SOON):
        release(yard)


@pytest.mark.parametrize("waited", [0, NOTICE])
def test_announce_bond_release__nothing__withdraws_the_announcement(yard: Yard, waited):
    post_bond(yard, 700)
    announce_release(yard, 300)
    yard.chain.advance(waited)
    receipt = yard.provide("announce_bond_release", 0)
    at = yard.chain.now + NOTICE
    assert receipt.events == [event("BondReleaseAnnounced", amount=0, releasable_at=at)]
    for now in (yard.chain.now, at):
        yard.chain.set_time(now)
        with reverts(NOTHING):
            release(yard)
    assert posted(yard) == 700
