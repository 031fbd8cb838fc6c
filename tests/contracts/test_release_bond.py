"""release_bond: how the bond leaves, and what disputes have taken out of it before."""

from __future__ import annotations

import pytest
from contracts.builders import EVIDENCE_PERIOD, GRACE_PERIOD, PENALTY, Yard
from contracts.evidence import (
    BOND,
    DUE,
    amounts,
    announce_release,
    collected_lie,
    dispute,
    post_bond,
    posted,
)
from contracts.evm import NOBODY, event, reverts
from contracts.sources import mock

NOTICE = GRACE_PERIOD + 2 * EVIDENCE_PERIOD
WINDOW = 7 * 86_400
NOT_OWNER = "ownable: caller is not the owner"
NOTHING = "bonds: nothing to release"
TOO_SOON = "bonds: notice has not passed"
AGAIN = "bonds: announce it again"
TOO_MUCH = "bonds: more than is posted"
OTHERS = pytest.mark.parametrize("role", ["customer", "oracle", "relayer", "stranger"])


def release(yard: Yard) -> None:
    """Release to the provider."""
    yard.provide("release_bond", yard.provider.address)


@pytest.mark.parametrize("after", [0, 1, WINDOW - 1])
def test_release_bond__within_the_week__pays_and_logs(any_yard: Yard, stranger, after):
    post_bond(any_yard, 700)
    any_yard.chain.set_time(announce_release(any_yard, 300) + after)
    before = any_yard.money()
    receipt = any_yard.provide("release_bond", stranger.address)
    assert receipt.named("BondReleased") == [event("BondReleased", to=stranger.address, amount=300)]
    moved = {"held": -300, "coins": -300, "stranger.wallet": 300}
    assert any_yard.money() - before == moved
    assert (posted(any_yard), any_yard.call("bond")["releasing"]) == (400, 0)


@pytest.mark.parametrize(
    ("after", "reason"),
    [(-NOTICE, TOO_SOON), (-1, TOO_SOON), (WINDOW, AGAIN), (WINDOW + 1, AGAIN), (10**9, AGAIN)],
)
def test_release_bond__outside_of_the_week__reverts(any_yard: Yard, after, reason):
    post_bond(any_yard, 700)
    any_yard.chain.set_time(announce_release(any_yard, 300) + after)
    with reverts(reason):
        release(any_yard)
    assert posted(any_yard) == any_yard.call("held") == 700


def test_release_bond__all_of_it__leaves_nothing(any_yard: Yard, provider):
    before = any_yard.money()
    post_bond(any_yard, 700)
    any_yard.chain.set_time(announce_release(any_yard, 700))
    release(any_yard)
    assert any_yard.money() - before == {}
    assert posted(any_yard) == 0


def test_release_bond__never_announced__reverts(yard: Yard):
    with reverts(NOTHING):
        release(yard)
    post_bond(yard, 700)
    with reverts(NOTHING):
        release(yard)


def test_release_bond__twice__reverts(yard: Yard):
    post_bond(yard, 700)
    yard.chain.set_time(announce_release(yard, 300))
    release(yard)
    with reverts(NOTHING):
        release(yard)
    assert posted(yard) == 400


def test_release_bond__more_was_posted_since__pays_what_was_announced(yard: Yard):
    post_bond(yard, 700)
    at = announce_release(yard, 700)
    post_bond(yard, 100)
    yard.chain.set_time(at)
    release(yard)
    assert posted(yard) == yard.call("held") == 100


@OTHERS
def test_release_bond__by_anybody_else__reverts(yard: Yard, role):
    post_bond(yard, 700)
    yard.chain.set_time(announce_release(yard, 300))
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "release_bond", yard.people[role].address)
    release(yard)


def test_release_bond__ownership_has_passed_on__is_the_new_owners(yard: Yard, provider, stranger):
    post_bond(yard, 700)
    yard.chain.set_time(announce_release(yard, 300))
    yard.provide("transfer_ownership", stranger.address)
    with reverts(NOT_OWNER):
        yard.meter.transact(stranger, "release_bond", stranger.address)
    yard.meter.transact(stranger, "accept_ownership")
    for function, argument in (
        ("release_bond", provider.address),
        ("announce_bond_release", 1),
        ("post_bond", 1),
    ):
        with reverts(NOT_OWNER):
            yard.provide(function, argument)
    before = yard.money()
    yard.meter.transact(stranger, "release_bond", stranger.address)
    assert yard.money() - before == {"held": -300, "coins": -300, "stranger.wallet": 300}
    post_bond(yard, 5, stranger)
    yard.meter.transact(stranger, "announce_bond_release", 405)
    assert (posted(yard), yard.call("bond")["releasing"]) == (405, 405)


def test_release_bond__to_nobody__reverts(any_yard: Yard):
    post_bond(any_yard, 700)
    any_yard.chain.set_time(announce_release(any_yard, 300))
    for to in (NOBODY, any_yard.meter.address):
        with reverts("vault: cannot pay there"):
            any_yard.provide("release_bond", to)
    assert any_yard.call("bond")["releasing"] == 300


def test_release_bond__to_a_wallet_that_refuses_coins__can_be_paid_elsewhere(yard: Yard, stranger):
    wallet = yard.chain.deploy(mock("wallet_refusing"), stranger)
    post_bond(yard, 700)
    yard.chain.set_time(announce_release(yard, 300))
    before = yard.money()
    with reverts(""):
        yard.provide("release_bond", wallet.address)
    assert yard.money() - before == {}
    release(yard)
    assert posted(yard) == 400


def test_release_bond__token_refuses__keeps_the_bond(token_yard: Yard, provider):
    post_bond(token_yard, 700)
    token_yard.chain.set_time(announce_release(token_yard, 300))
    token_yard.token.transact(provider, "set_paused", True)
    with reverts("token: paused"):
        release(token_yard)
    token_yard.token.transact(provider, "set_paused", False)
    release(token_yard)
    assert posted(token_yard) == token_yard.call("held") == 400


@pytest.mark.parametrize("released", [BOND, BOND - DUE - PENALTY + 1])
def test_release_bond__dispute_in_between__pays_what_it_has_left(any_yard: Yard, released):
    post_bond(any_yard)
    told = collected_lie(any_yard)
    any_yard.chain.set_time(announce_release(any_yard, released))
    dispute(any_yard, told.receipt)
    before = any_yard.money()
    release(any_yard)
    left = BOND - DUE - PENALTY
    assert any_yard.money() - before == {"held": -left, "coins": -left, "provider.wallet": left}
    assert posted(any_yard) == 0


def test_release_bond__dispute_in_between_took_all_of_it__reverts(yard: Yard):
    post_bond(yard, DUE)
    told = collected_lie(yard)
    yard.chain.set_time(announce_release(yard, DUE))
    dispute(yard, told.receipt)
    with reverts(NOTHING):
        release(yard)


def test_release_bond__posted_anew_after_a_dispute__pays_only_what_was_announced_and_left(
    any_yard: Yard,
):
    post_bond(any_yard)
    told = collected_lie(any_yard)
    at = announce_release(any_yard, BOND)
    dispute(any_yard, told.receipt)
    left = BOND - DUE - PENALTY
    assert any_yard.call("bond") == {"posted": left, "releasing": left, "releasable_at": at}
    post_bond(any_yard, 1_000_000)
    any_yard.chain.set_time(at)
    release(any_yard)
    assert posted(any_yard) == 1_000_000


def test_release_bond__dispute_left_more_than_was_announced__pays_all_that_was(yard: Yard):
    post_bond(yard)
    told = collected_lie(yard)
    left = BOND - DUE - PENALTY
    yard.chain.set_time(announce_release(yard, left))
    dispute(yard, told.receipt)
    release(yard)
    assert posted(yard) == 0


def test_release_bond__among_others_money__takes_none_of_it(any_yard: Yard, customer, provider):
    """Accounts, a running rental and earnings lie beside the bond."""
    any_yard.deposit(1_000)
    rental = any_yard.open(10**9)
    any_yard.chain.advance(10)
    any_yard.use(rental, active_ms_1=5_000)
    before = any_yard.money()
    post_bond(any_yard, 700)
    with reverts(TOO_MUCH):
        any_yard.provide("announce_bond_release", 701)
    any_yard.chain.set_time(announce_release(any_yard, 700))
    release(any_yard)
    assert any_yard.money() - before == {}
    any_yard.finish(rental)
    any_yard.provide("collect", [], provider.address)
    all_of_it = any_yard.account(customer)
    any_yard.meter.transact(customer, "withdraw", all_of_it, customer.address)
    assert any_yard.wallet(any_yard.meter) == any_yard.call("held") == 0
    assert all_of_it > 10**8


def test_release_bond__announced_while_a_rental_runs__leaves_time_to_end_it_and_dispute(
    yard: Yard, customer
):
    """Whoever ends within the evidence period after the announcement comes before the release."""
    post_bond(yard)
    told = collected_lie(yard)
    at = announce_release(yard, BOND)
    yard.chain.advance(EVIDENCE_PERIOD)
    yard.meter.transact(customer, "end_rental", told.rental)
    yard.chain.set_time(at - 1)
    with reverts(TOO_SOON):
        release(yard)
    assert amounts(dispute(yard, told.receipt)) == (DUE, PENALTY)
    yard.chain.set_time(at)
    with reverts("disputes: too late"):
        dispute(yard, told.receipt)
    release(yard)
