"""withdraw: money out of an account. Wallets that call back are in test_reentrancy.py."""

from __future__ import annotations

from contracts.builders import RESERVE, Yard
from contracts.evm import NOBODY, event, reverts
from contracts.sources import mock


def test_withdraw__part__pays_and_debits(any_yard: Yard, customer):
    any_yard.deposit(10)
    before = any_yard.money()
    receipt = any_yard.meter.transact(customer, "withdraw", 4, customer.address)
    assert receipt.events == [
        event("Withdrawn", account=customer.address, to=customer.address, amount=4)
    ]
    assert any_yard.money() - before == {
        "held": -4,
        "coins": -4,
        "customer.account": -4,
        "customer.wallet": 4,
    }


def test_withdraw__to_another__pays_the_other(any_yard: Yard, customer, stranger):
    any_yard.deposit(10)
    before = any_yard.money()
    receipt = any_yard.meter.transact(customer, "withdraw", 10, stranger.address)
    assert receipt.events == [
        event("Withdrawn", account=customer.address, to=stranger.address, amount=10)
    ]
    assert any_yard.money() - before == {
        "held": -10,
        "coins": -10,
        "customer.account": -10,
        "stranger.wallet": 10,
    }


def test_withdraw__one_more_than_the_account_holds__reverts(any_yard: Yard, customer, stranger):
    any_yard.deposit(10)
    any_yard.deposit(100, stranger)
    before = any_yard.money()
    with reverts("vault: more than the account has"):
        any_yard.meter.transact(customer, "withdraw", 11, customer.address)
    assert any_yard.money() - before == {}


def test_withdraw__what_is_reserved__reverts(yard: Yard, customer):
    yard.open()
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "withdraw", 1, customer.address)
    assert yard.call("held") == RESERVE


def test_withdraw__anothers_money__reverts(yard: Yard, stranger):
    yard.deposit(10)
    with reverts("vault: more than the account has"):
        yard.meter.transact(stranger, "withdraw", 1, stranger.address)


def test_withdraw__the_largest_number__reverts(yard: Yard, customer):
    yard.deposit(10)
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "withdraw", 2**256 - 1, customer.address)


def test_withdraw__nothing__reverts(yard: Yard, customer):
    yard.deposit(10)
    with reverts("vault: nothing to withdraw"):
        yard.meter.transact(customer, "withdraw", 0, customer.address)


def test_withdraw__to_the_zero_address__reverts(any_yard: Yard, customer):
    any_yard.deposit(10)
    with reverts("vault: cannot pay there"):
        any_yard.meter.transact(customer, "withdraw", 1, NOBODY)
    assert any_yard.account(customer) == 10


def test_withdraw__to_the_contract_itself__reverts(any_yard: Yard, customer):
    any_yard.deposit(10)
    with reverts("vault: cannot pay there"):
        any_yard.meter.transact(customer, "withdraw", 1, any_yard.meter.address)
    assert any_yard.account(customer) == 10


def test_withdraw__to_a_wallet_that_refuses_coins__reverts_and_keeps_the_account(
    yard: Yard, customer, stranger
):
    wallet = yard.chain.deploy(mock("wallet_refusing"), stranger)
    yard.deposit(10)
    before = yard.money()
    with reverts(""):
        yard.meter.transact(customer, "withdraw", 10, wallet.address)
    assert yard.money() - before == {}
    yard.meter.transact(customer, "withdraw", 10, customer.address)
    assert yard.account(customer) == 0


def test_withdraw__by_a_wallet_that_refuses_coins__can_pay_elsewhere(yard: Yard, stranger):
    wallet = yard.chain.deploy(mock("wallet_refusing"), stranger)
    deposit = yard.meter.encode("deposit", wallet.address, 10)
    wallet.transact(stranger, "execute", yard.meter.address, deposit, value=10)
    before = yard.money()
    withdraw = yard.meter.encode("withdraw", 10, stranger.address)
    wallet.transact(stranger, "execute", yard.meter.address, withdraw)
    assert yard.money() - before == {"held": -10, "coins": -10, "stranger.wallet": 10}


def test_withdraw__token_that_is_paused__reverts_and_keeps_the_account(token_yard: Yard, customer):
    token_yard.deposit(10)
    token_yard.token.transact(customer, "set_paused", True)
    with reverts("token: paused"):
        token_yard.meter.transact(customer, "withdraw", 10, customer.address)
    assert token_yard.account(customer) == token_yard.call("held") == 10


def test_withdraw__paused__still_works(yard: Yard, customer):
    yard.deposit(10)
    yard.provide("pause")
    yard.meter.transact(customer, "withdraw", 10, customer.address)
    assert yard.account(customer) == 0
