"""Tokens that pause and tokens that block addresses: only the transfer itself waits, or fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.builders import GRACE_PERIOD, PENALTY, RESERVE, Yard
from contracts.evidence import DUE, announce_release, dispute, lie, post_bond
from contracts.evm import reverts

from lab.rig.plan import UNBOUND

PAUSED = "token: paused"
PAYER = "token: payer is blocked"
RECEIVER = "token: receiver is blocked"


@pytest.fixture
def blocking_yard(make_yard) -> Yard:
    return make_yard("token_blocking")


def block(yard: Yard, address: str, *, blocked: bool = True) -> None:
    yard.token.transact(yard.provider, "set_blocked", address, blocked)


def pause(yard: Yard, *, paused: bool = True) -> None:
    yard.token.transact(yard.provider, "set_paused", paused)


def transfers(yard: Yard, rental: int) -> dict[str, Callable[[], object]]:
    """Every transaction that asks the token to move; all are ready to go through."""
    customer, provider = yard.customer, yard.provider
    yard.chain.set_time(announce_release(yard, 500))
    yard.token.transact(customer, "approve", yard.meter.address, 2**200)
    yard.token.transact(provider, "approve", yard.meter.address, 2**200)
    permit = (customer.address, 50, 0, 27, bytes(32), bytes(32))
    return {
        "deposit": lambda: yard.meter.transact(customer, "deposit", customer.address, 50),
        "permit": lambda: yard.meter.transact(customer, "deposit_with_permit", *permit),
        "withdraw": lambda: yard.meter.transact(customer, "withdraw", 60, customer.address),
        "collect": lambda: yard.provide("collect", [rental], provider.address),
        "post_bond": lambda: yard.provide("post_bond", 70),
        "release_bond": lambda: yard.provide("release_bond", provider.address),
    }


TRANSFERS = ("deposit", "permit", "withdraw", "collect", "post_bond", "release_bond")


def busy(yard: Yard) -> int:
    """A bond, money on the customer's account, a rental with usage; returns its number."""
    post_bond(yard, 100_000)
    yard.deposit(1_000)
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=5_000)
    return rental


@pytest.mark.parametrize("way", TRANSFERS)
def test_transfer__token_is_paused__waits_and_goes_through_later(token_yard: Yard, way):
    yard = token_yard
    transfer = transfers(yard, busy(yard))[way]
    pause(yard)
    before = yard.money()
    with reverts(PAUSED):
        transfer()
    assert yard.money() - before == {}
    pause(yard, paused=False)
    transfer()
    assert yard.wallet(yard.meter) == yard.call("held")


def live_and_dispute(yard: Yard, rental: int, evidence_of: int) -> None:
    """All that a rental goes through without a transfer: settled, ended, closed, disputed."""
    told = lie(yard, evidence_of)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=9_000)
    yard.meter.transact(yard.provider, "end_rental", rental)
    yard.end(evidence_of)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(yard.people["stranger"], "close_rental", evidence_of)
    dispute(yard, told.receipt)
    states = [yard.call("rental", number)["state"] for number in (rental, evidence_of)]
    assert states == [4, 4]
    assert yard.account(yard.customer) >= DUE + PENALTY


def test_rental__token_is_paused__goes_on_to_its_end_and_its_dispute(token_yard: Yard, customer):
    yard = token_yard
    rental, other = busy(yard), yard.open_simple()
    pause(yard)
    live_and_dispute(yard, rental, other)
    pause(yard, paused=False)
    account = yard.account(customer)
    yard.meter.transact(customer, "withdraw", account, customer.address)
    assert yard.wallet(yard.meter) == yard.call("held")


def test_open_and_top_up__token_is_paused__go_on_from_the_account(token_yard: Yard, customer):
    token_yard.deposit(2 * RESERVE)
    pause(token_yard)
    arguments = (token_yard.drill, token_yard.tariff, RESERVE)
    rental = token_yard.meter.transact(customer, "open_rental", *arguments, *UNBOUND).result
    token_yard.meter.transact(customer, "top_up", rental, RESERVE)
    assert token_yard.call("balance_of", rental) == 2 * RESERVE


@pytest.mark.parametrize("way", TRANSFERS)
def test_transfer__token_has_blocked_the_contract__fails_until_it_is_lifted(blocking_yard, way):
    yard = blocking_yard
    transfer = transfers(yard, busy(yard))[way]
    block(yard, yard.meter.address)
    before = yard.money()
    with reverts(RECEIVER if way in ("deposit", "permit", "post_bond") else PAYER):
        transfer()
    assert yard.money() - before == {}
    block(yard, yard.meter.address, blocked=False)
    transfer()
    assert yard.wallet(yard.meter) == yard.call("held")


def test_rental__token_has_blocked_the_contract__goes_on_to_its_end_and_its_dispute(
    blocking_yard,
):
    rental, other = busy(blocking_yard), blocking_yard.open_simple()
    block(blocking_yard, blocking_yard.meter.address)
    live_and_dispute(blocking_yard, rental, other)


def test_rental__token_has_blocked_its_customer__goes_on_to_its_end_and_its_dispute(blocking_yard):
    """Whatever is owed to the customer lands on an account, which no token can block."""
    rental, other = busy(blocking_yard), blocking_yard.open_simple()
    block(blocking_yard, blocking_yard.customer.address)
    live_and_dispute(blocking_yard, rental, other)


def test_withdraw__token_has_blocked_its_customer__another_address_can_be_paid(
    blocking_yard, customer, stranger
):
    yard = blocking_yard
    yard.deposit(1_000)
    block(yard, customer.address)
    before = yard.money()
    with reverts(RECEIVER):
        yard.meter.transact(customer, "withdraw", 400, customer.address)
    assert yard.money() - before == {}
    yard.meter.transact(customer, "withdraw", 400, stranger.address)
    assert yard.money() - before == {
        "held": -400,
        "coins": -400,
        "customer.account": -400,
        "stranger.wallet": 400,
    }


def test_transfer__token_has_blocked_a_customer__others_are_served(
    blocking_yard, customer, stranger, provider
):
    yard = blocking_yard
    rental = busy(yard)
    yard.deposit(1_000, stranger)
    block(yard, customer.address)
    with reverts(PAYER):
        yard.deposit(1)
    yard.meter.transact(stranger, "withdraw", 400, stranger.address)
    yard.deposit(5, stranger)
    yard.provide("collect", [rental], provider.address)
    post_bond(yard, 5)
    yard.open(who=stranger, drill=yard.list_drill())
    assert yard.wallet(yard.meter) == yard.call("held")


def test_withdraw__token_has_blocked_the_provider__customers_are_served(
    blocking_yard, customer, provider, stranger
):
    yard = blocking_yard
    rental = busy(yard)
    block(yard, provider.address)
    with reverts(RECEIVER):
        yard.provide("collect", [rental], provider.address)
    yard.provide("collect", [rental], stranger.address)
    yard.finish(rental)
    yard.meter.transact(customer, "withdraw", yard.account(customer), customer.address)
    assert yard.account(customer) == 0
