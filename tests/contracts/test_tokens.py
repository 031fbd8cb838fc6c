"""Tokens as they are found in the wild: with fees, bonuses, without answers, with wrong ones."""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, RESERVE, Yard
from contracts.evm import reverts

ANOTHER = "vault: another amount delivered"
REFUSED = "vault: token refused"


@pytest.mark.parametrize(
    "name", ["token", "token_fee", "token_false", "token_silent", "token_hook"]
)
def test_token__that_delivers_what_was_asked__serves_a_whole_rental(
    make_yard, name, customer, provider
):
    yard = make_yard(name)
    before = yard.money()
    rental = yard.open(RESERVE)
    yard.deposit(1_000)
    yard.meter.transact(customer, "top_up", rental, 1_000)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    yard.finish(rental)
    charge = yard.call("charge", rental)
    assert charge == (1_000 * 1_103 + 11_000 * 97) // 1000
    refund = yard.account(customer)
    assert refund == RESERVE + 1_000 - charge
    yard.meter.transact(customer, "withdraw", refund, customer.address)
    yard.provide("collect", [], provider.address)
    assert yard.money() - before == {"customer.wallet": -charge, "provider.wallet": charge}


@pytest.mark.parametrize("fee", [1, 10, 100, 101, -1, -100])
def test_deposit__token_delivers_more_or_less__reverts(make_yard, customer, fee):
    yard = make_yard("token_fee")
    yard.deposit(1_000)
    yard.token.transact(customer, "set_fee", fee)
    before = yard.money()
    with reverts(ANOTHER):
        yard.deposit(100)
    assert yard.money() - before == {}


def test_deposit__token_takes_from_the_receiver__reverts(make_yard, customer):
    yard = make_yard("token_fee")
    yard.deposit(1_000)
    yard.token.transact(customer, "set_fee", 300)
    with reverts(ANOTHER):
        yard.deposit(100)
    assert yard.wallet(yard.meter) == yard.call("held") == 1_000


def test_deposit__token_returns_false__reverts(make_yard, customer):
    yard = make_yard("token_false")
    yard.token.transact(customer, "set_refusing", True)
    before = yard.money()
    with reverts(REFUSED):
        yard.deposit(100)
    assert yard.money() - before == {}


def test_deposit__token_returns_false_for_want_of_an_allowance__reverts(make_yard, customer):
    yard = make_yard("token_false")
    with reverts(REFUSED):
        yard.meter.transact(customer, "deposit", customer.address, 1)
    assert yard.account(customer) == 0


def test_withdraw__token_returns_false__reverts_and_keeps_the_account(make_yard, customer):
    yard = make_yard("token_false")
    yard.deposit(100)
    yard.token.transact(customer, "set_refusing", True)
    before = yard.money()
    with reverts(REFUSED):
        yard.meter.transact(customer, "withdraw", 100, customer.address)
    assert yard.money() - before == {}


def test_collect__token_returns_false__reverts_and_keeps_the_revenue(make_yard, provider):
    yard = make_yard("token_false")
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental)
    yard.token.transact(provider, "set_refusing", True)
    before = yard.money()
    with reverts(REFUSED):
        yard.provide("collect", [rental], provider.address)
    assert yard.money() - before == {}
    assert yard.call("earned", rental) == 970


def test_token__paused_while_a_rental_runs__holds_up_nothing_but_the_transfer(
    token_yard: Yard, customer, provider
):
    rental = token_yard.open()
    token_yard.chain.advance(10)
    token_yard.token.transact(provider, "set_paused", True)
    token_yard.use(rental, token_yard.now_ms - 1)
    token_yard.end(rental)
    token_yard.chain.advance(GRACE_PERIOD)
    token_yard.meter.transact(customer, "close_rental", rental)
    refund = token_yard.account(customer)
    with reverts("token: paused"):
        token_yard.meter.transact(customer, "withdraw", refund, customer.address)
    token_yard.token.transact(provider, "set_paused", False)
    token_yard.meter.transact(customer, "withdraw", refund, customer.address)
    assert token_yard.account(customer) == 0


def test_deposit__more_tokens_than_the_payer_has__reverts(token_yard: Yard, customer):
    with reverts("token: balance"):
        token_yard.deposit(2**200)
    assert token_yard.call("held") == 0
