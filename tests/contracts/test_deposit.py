"""deposit: money into an account. Tokens that misbehave are in test_tokens.py."""

from __future__ import annotations

import pytest
from contracts.builders import Yard
from contracts.evm import NOBODY, event, reverts


def test_deposit__native__credits_the_account(yard: Yard, customer):
    before = yard.money()
    receipt = yard.meter.transact(customer, "deposit", customer.address, 5, value=5)
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=5)
    ]
    assert yard.money() - before == {
        "held": 5,
        "coins": 5,
        "customer.account": 5,
        "customer.wallet": -5,
    }


def test_deposit__for_another__credits_the_other(yard: Yard, customer, stranger):
    before = yard.money()
    receipt = yard.meter.transact(stranger, "deposit", customer.address, 7, value=7)
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=stranger.address, amount=7)
    ]
    assert yard.money() - before == {
        "held": 7,
        "coins": 7,
        "customer.account": 7,
        "stranger.wallet": -7,
    }


def test_deposit__twice__adds_up(yard: Yard, customer):
    yard.deposit(5)
    yard.deposit(6)
    assert yard.account(customer) == yard.call("held") == 11


def test_deposit__token__takes_what_was_approved(token_yard: Yard, customer):
    token_yard.token.transact(customer, "approve", token_yard.meter.address, 9)
    before = token_yard.money()
    receipt = token_yard.meter.transact(customer, "deposit", customer.address, 9)
    assert receipt.events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=9)
    ]
    assert token_yard.money() - before == {
        "held": 9,
        "coins": 9,
        "customer.account": 9,
        "customer.wallet": -9,
    }
    assert token_yard.token.call("allowance", customer.address, token_yard.meter.address) == 0


def test_deposit__token_for_another__takes_it_from_the_sender(token_yard: Yard, customer, stranger):
    token_yard.token.transact(stranger, "approve", token_yard.meter.address, 9)
    before = token_yard.money()
    token_yard.meter.transact(stranger, "deposit", customer.address, 9)
    assert token_yard.money() - before == {
        "held": 9,
        "coins": 9,
        "customer.account": 9,
        "stranger.wallet": -9,
    }


@pytest.mark.parametrize("value", [0, 4, 6])
def test_deposit__native_amount_is_not_the_value__reverts(yard: Yard, customer, value):
    before = yard.money()
    with reverts("vault: amount is not the value"):
        yard.meter.transact(customer, "deposit", customer.address, 5, value=value)
    assert yard.money() - before == {}


def test_deposit__nothing__reverts(any_yard: Yard, customer):
    with reverts("vault: nothing to take"):
        any_yard.meter.transact(customer, "deposit", customer.address, 0)


def test_deposit__zero_address__reverts(any_yard: Yard, customer):
    with reverts("vault: account is zero"):
        any_yard.meter.transact(customer, "deposit", NOBODY, 5)


@pytest.mark.parametrize("value", [1, 5])
def test_deposit__coins_with_a_token_deployment__reverts(token_yard: Yard, customer, value):
    token_yard.token.transact(customer, "approve", token_yard.meter.address, 5)
    before = token_yard.money()
    with reverts("vault: takes tokens, not coins"):
        token_yard.meter.transact(customer, "deposit", customer.address, 5, value=value)
    assert token_yard.money() - before == {}
    assert token_yard.chain.coins(token_yard.meter) == 0


def test_deposit__token_not_approved__reverts_with_the_tokens_reason(token_yard: Yard, customer):
    token_yard.token.transact(customer, "approve", token_yard.meter.address, 4)
    with reverts("token: allowance"):
        token_yard.meter.transact(customer, "deposit", customer.address, 5)
    assert token_yard.account(customer) == token_yard.call("held") == 0


def test_deposit__paused__still_works(yard: Yard, customer):
    yard.provide("pause")
    yard.deposit(5)
    assert yard.account(customer) == 5
