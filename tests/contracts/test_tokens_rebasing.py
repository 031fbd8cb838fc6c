"""A token whose balances grow and shrink by themselves: what the vault promises, and what not.

After a fall no new money comes in, so that no late deposit pays out an early one; what is there
goes out in the order of asking, and nobody gets more than is on his account.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.builders import Yard
from contracts.evidence import announce_release, post_bond
from contracts.evm import reverts
from contracts.token_signatures import FOREVER

from lab.rig.plan import UNBOUND

VANISHED = "vault: tokens have vanished"
ANOTHER = "vault: another amount delivered"
JUNK = (27, b"\x11" * 32, b"\x22" * 32)


@pytest.fixture
def rebasing_yard(make_yard) -> Yard:
    """Customer and stranger have deposited 1,000 each."""
    yard = make_yard("token_rebasing")
    yard.deposit(1_000)
    yard.deposit(1_000, yard.people["stranger"])
    return yard


def rebase(yard: Yard, percent: int) -> None:
    yard.token.transact(yard.provider, "rebase", percent)


def pour(yard: Yard, amount: int) -> None:
    """Give the meter tokens for nothing, as much as makes its balance `amount` more."""
    yard.token.transact(yard.provider, "mint", yard.meter.address, amount)


def ways_in(yard: Yard) -> dict[str, Callable[[], object]]:
    """Each way that tokens come in, 100 of them; all are approved."""
    customer = yard.customer
    yard.token.transact(customer, "approve", yard.meter.address, 2**200)
    permitted = (customer.address, 100, FOREVER, *JUNK)
    authorized = (customer.address, 100, 0, FOREVER, bytes(32), *JUNK)
    return {
        "deposit": lambda: yard.meter.transact(customer, "deposit", customer.address, 100),
        "permit": lambda: yard.meter.transact(customer, "deposit_with_permit", *permitted),
        "authorization": lambda: yard.meter.transact(
            customer, "deposit_with_authorization", *authorized
        ),
        "bond": lambda: post_bond(yard, 100),
    }


WAYS_IN = ("deposit", "permit", "authorization", "bond")


@pytest.mark.parametrize("way", WAYS_IN)
def test_deposit__tokens_have_shrunk__takes_no_new_money(rebasing_yard, way):
    """Neither a customer's nor the provider's: it would only pay for what others have lost."""
    yard = rebasing_yard
    come_in = ways_in(yard)[way]
    rebase(yard, 50)
    before = yard.money()
    with reverts(VANISHED):
        come_in()
    assert yard.money() - before == {}


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_deposit__one_token_less_than_is_owed__decides(rebasing_yard, way, spare):
    yard = rebasing_yard
    come_in = ways_in(yard)[way]
    rebase(yard, 50)
    pour(yard, 1_000 + spare)
    assert yard.wallet(yard.meter) == yard.call("held") + spare
    if spare < 0:
        with reverts(VANISHED):
            come_in()
        return
    come_in()
    assert yard.call("held") == 2_100
    assert yard.wallet(yard.meter) == 2_100 + spare


@pytest.mark.parametrize("way", WAYS_IN)
def test_deposit__tokens_have_grown__credits_what_came_in_and_nothing_else(rebasing_yard, way):
    yard = rebasing_yard
    come_in = ways_in(yard)[way]
    rebase(yard, 200)
    come_in()
    assert yard.call("held") == 2_100
    assert yard.wallet(yard.meter) == 4_100


def test_deposit__scale_makes_amounts_uneven__is_refused_or_exact(rebasing_yard, customer):
    """At 300 % a share is three tokens: an amount that is not a multiple arrives as more."""
    yard = rebasing_yard
    rebase(yard, 300)
    with reverts(ANOTHER):
        yard.deposit(100)
    yard.deposit(99)
    assert yard.account(customer) == 1_099


def test_withdraw__tokens_have_shrunk__first_come_first_served(rebasing_yard, customer, stranger):
    yard = rebasing_yard
    rebase(yard, 60)
    before = yard.money()
    yard.meter.transact(stranger, "withdraw", 900, stranger.address)
    assert yard.money() - before == {
        "held": -900,
        "coins": -900,
        "stranger.account": -900,
        "stranger.wallet": 900,
    }
    with reverts("token: balance"):
        yard.meter.transact(customer, "withdraw", 301, customer.address)
    with reverts("vault: more than the account has"):
        yard.meter.transact(stranger, "withdraw", 101, stranger.address)
    yard.meter.transact(customer, "withdraw", 300, customer.address)
    assert yard.wallet(yard.meter) == 0
    assert yard.account(customer) == 700
    with reverts("token: balance"):
        yard.meter.transact(customer, "withdraw", 1, customer.address)


def test_withdraw__tokens_have_grown__pays_the_account_and_not_a_token_more(
    rebasing_yard, customer, stranger
):
    yard = rebasing_yard
    rebase(yard, 200)
    for who in (customer, stranger):
        with reverts("vault: more than the account has"):
            yard.meter.transact(who, "withdraw", 1_001, who.address)
        yard.meter.transact(who, "withdraw", 1_000, who.address)
    assert yard.call("held") == 0
    assert yard.wallet(yard.meter) == 2_000
    with reverts("collect: nothing to collect"):
        yard.provide("collect", [], yard.provider.address)


def test_rental__tokens_have_shrunk__settles_ends_and_closes(rebasing_yard, customer, provider):
    yard = rebasing_yard
    rental = yard.open()
    rebase(yard, 50)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    yard.finish(rental)
    assert yard.call("rental", rental)["state"] == 4
    charge = yard.call("charge", rental)
    before = yard.money()
    yard.provide("collect", [], provider.address)
    yard.meter.transact(customer, "withdraw", 1_000, customer.address)
    assert yard.money() - before == {
        "held": -charge - 1_000,
        "coins": -charge - 1_000,
        "revenue": -charge,
        "customer.account": -1_000,
        "customer.wallet": 1_000,
        "provider.wallet": charge,
    }


def test_open_rental__tokens_have_shrunk__moves_only_what_is_on_the_account(
    rebasing_yard, customer
):
    """Nothing comes in, so nothing stops it; and nothing more is promised than before."""
    yard = rebasing_yard
    yard.deposit(99_000)
    rebase(yard, 50)
    before = yard.money()
    yard.meter.transact(customer, "open_rental", yard.drill, yard.tariff, 100_000, *UNBOUND)
    assert yard.money() - before == {"customer.account": -100_000}


def test_release_bond__tokens_have_shrunk__stands_in_line_like_all(rebasing_yard, provider):
    yard = rebasing_yard
    post_bond(yard, 2_000)
    yard.chain.set_time(announce_release(yard, 2_000))
    rebase(yard, 49)
    with reverts("token: balance"):
        yard.provide("release_bond", provider.address)
    assert yard.call("bond")["posted"] == 2_000
    rebase(yard, 50)
    yard.provide("release_bond", provider.address)
    assert yard.wallet(yard.meter) == 0


def test_token__shrunk_and_made_whole_again__serves_as_before(rebasing_yard, customer):
    yard = rebasing_yard
    rebase(yard, 50)
    with reverts(VANISHED):
        yard.deposit(100)
    pour(yard, 1_000)
    yard.deposit(100)
    yard.meter.transact(customer, "withdraw", 1_100, customer.address)
    assert yard.wallet(yard.meter) == yard.call("held") == 1_000


def test_withdraw__scale_makes_amounts_uneven__takes_no_more_than_asked(rebasing_yard, customer):
    """34 shares are worth 102: the two would be others' money. 33 are worth what is asked."""
    yard = rebasing_yard
    rebase(yard, 300)
    with reverts("vault: another amount paid"):
        yard.meter.transact(customer, "withdraw", 100, customer.address)
    yard.meter.transact(customer, "withdraw", 99, customer.address)
    assert yard.account(customer) == 901
