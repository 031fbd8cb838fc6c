"""top_up: more money for an open rental, anybody's."""

from __future__ import annotations

import pytest
from contracts.builders import RESERVE, Yard
from contracts.evm import event, reverts

OVERUSE = 500


def overused(yard: Yard) -> int:
    """A rental that was used for OVERUSE more than it was funded."""
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    receipt = yard.use(rental, active_ms_1=10_000 + OVERUSE)
    assert len(receipt.named("BalanceExhausted")) == 1
    return rental


def test_top_up__from_the_account__adds_to_the_funds(yard: Yard, customer):
    rental = yard.open()
    yard.deposit(70)
    before = yard.money()
    receipt = yard.meter.transact(customer, "top_up", rental, 60)
    assert receipt.events == [
        event("ToppedUp", rental=rental, payer=customer.address, amount=60, funded=RESERVE + 60)
    ]
    assert yard.money() - before == {"customer.account": -60}
    assert yard.call("balance_of", rental) == RESERVE + 60
    assert yard.call("rental", rental)["funded"] == RESERVE + 60


def test_top_up__with_coins_sent_along__deposits_first(yard: Yard, customer):
    rental = yard.open()
    before = yard.money()
    receipt = yard.meter.transact(customer, "top_up", rental, 60, value=75)
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=75),
        event("ToppedUp", rental=rental, payer=customer.address, amount=60, funded=RESERVE + 60),
    ]
    assert yard.money() - before == {
        "held": 75,
        "coins": 75,
        "customer.account": 15,
        "customer.wallet": -75,
    }


def test_top_up__anothers_rental__is_paid_by_the_sender(yard: Yard, stranger):
    rental = yard.open()
    before = yard.money()
    receipt = yard.meter.transact(stranger, "top_up", rental, 60, value=60)
    assert receipt.events[1] == event(
        "ToppedUp", rental=rental, payer=stranger.address, amount=60, funded=RESERVE + 60
    )
    assert yard.money() - before == {"held": 60, "coins": 60, "stranger.wallet": -60}


def test_top_up__token__comes_from_the_account(token_yard: Yard, customer):
    rental = token_yard.open()
    token_yard.deposit(60)
    before = token_yard.money()
    token_yard.meter.transact(customer, "top_up", rental, 60)
    assert token_yard.money() - before == {"customer.account": -60}


@pytest.mark.parametrize("amount", [1, OVERUSE - 1, OVERUSE])
def test_top_up__no_more_than_the_overuse__leaves_nothing_and_says_nothing(
    yard: Yard, customer, amount
):
    rental = overused(yard)
    receipt = yard.meter.transact(customer, "top_up", rental, amount, value=amount)
    assert receipt.named("BalancePositive") == []
    assert yard.call("balance_of", rental) == 0
    assert yard.call("earned", rental) == 10_000 + amount


def test_top_up__one_more_than_the_overuse__makes_the_balance_positive(
    yard: Yard, customer, stranger
):
    rental = overused(yard)
    receipt = yard.meter.transact(stranger, "top_up", rental, OVERUSE + 1, value=OVERUSE + 1)
    assert receipt.events[2:] == [
        event(
            "BalancePositive",
            rental=rental,
            drill=yard.call("rental", rental)["drill"],
            customer=customer.address,
            balance=1,
        )
    ]
    assert yard.call("balance_of", rental) == 1


def test_top_up__overuse_covered_in_two_steps__says_so_once(yard: Yard, customer):
    rental = overused(yard)
    first = yard.meter.transact(customer, "top_up", rental, OVERUSE, value=OVERUSE)
    second = yard.meter.transact(customer, "top_up", rental, 5, value=5)
    third = yard.meter.transact(customer, "top_up", rental, 5, value=5)
    positive = [r.named("BalancePositive") for r in (first, second, third)]
    assert [len(events) for events in positive] == [0, 1, 0]
    assert positive[1][0].args["balance"] == 5


def test_top_up__exhausted_to_the_unit__makes_the_balance_positive(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_000)
    receipt = yard.meter.transact(customer, "top_up", rental, 1, value=1)
    assert [e.args["balance"] for e in receipt.named("BalancePositive")] == [1]


def test_top_up__paused__reverts_and_returns_the_coins(yard: Yard, customer):
    rental = yard.open()
    yard.provide("pause")
    before = yard.money()
    with reverts("pausable: contract is paused"):
        yard.meter.transact(customer, "top_up", rental, 60, value=60)
    assert yard.money() - before == {}


def test_top_up__coins_with_a_token_deployment__reverts(token_yard: Yard, customer):
    rental = token_yard.open()
    with reverts("vault: takes tokens, not coins"):
        token_yard.meter.transact(customer, "top_up", rental, 60, value=60)


@pytest.mark.parametrize("rental", [0, 2, 2**256 - 1])
def test_top_up__no_such_rental__reverts(yard: Yard, customer, rental):
    yard.open()
    with reverts("rentals: no such rental"):
        yard.meter.transact(customer, "top_up", rental, 60, value=60)
    assert yard.account(customer) == 0


def test_top_up__ended__reverts(yard: Yard, customer):
    rental = yard.open()
    yard.end(rental)
    with reverts("rentals: ended"):
        yard.meter.transact(customer, "top_up", rental, 60, value=60)


def test_top_up__closed__reverts(yard: Yard, customer):
    rental = yard.open()
    yard.finish(rental)
    with reverts("rentals: closed"):
        yard.meter.transact(customer, "top_up", rental, 60, value=60)


def test_top_up__nothing__reverts(yard: Yard, customer):
    rental = yard.open()
    with reverts("rentals: nothing to top up"):
        yard.meter.transact(customer, "top_up", rental, 0)


def test_top_up__one_more_than_the_account_holds__reverts(yard: Yard, customer):
    rental = yard.open()
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "top_up", rental, 61, value=60)
    assert yard.call("rental", rental)["funded"] == RESERVE


def test_top_up__to_the_widest_funds__is_the_most(yard: Yard, customer):
    rental = yard.open()
    rest = 2**96 - 1 - RESERVE
    yard.deposit(rest + 1)
    with reverts("packing: funds over 2**96 - 1"):
        yard.meter.transact(customer, "top_up", rental, rest + 1)
    yard.meter.transact(customer, "top_up", rental, rest)
    assert yard.call("balance_of", rental) == 2**96 - 1
    assert yard.call("rental", rental)["state"] == 1


@pytest.mark.parametrize("amount", [2**256 - 1, 2**255])
def test_top_up__enormous__reverts(yard: Yard, customer, amount):
    rental = yard.open()
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "top_up", rental, amount, value=60)
