"""collect: the provider's revenue, of closed rentals and of what running ones have earned."""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, Yard, new_key
from contracts.evm import NOBODY, event, reverts
from contracts.sources import mock

NOTHING = "collect: nothing to collect"


def running(yard: Yard, used: int, reserve: int = 10_000) -> int:
    """A rental that has used some units."""
    rental = yard.open_simple(reserve)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=used)
    return rental


def closed(yard: Yard, used: int) -> int:
    """A rental that has used some units and is closed."""
    rental = running(yard, used)
    yard.finish(rental)
    return rental


def test_collect__closed_rentals__pays_their_revenue(any_yard: Yard, provider):
    closed(any_yard, 300)
    closed(any_yard, 40)
    before = any_yard.money()
    receipt = any_yard.provide("collect", [], provider.address)
    assert receipt.result == 340
    assert receipt.events == [event("RevenueCollected", rental=0, to=provider.address, amount=340)]
    assert any_yard.money() - before == {
        "held": -340,
        "coins": -340,
        "revenue": -340,
        "provider.wallet": 340,
    }


def test_collect__to_another__pays_the_other(yard: Yard, stranger):
    closed(yard, 300)
    before = yard.money()
    receipt = yard.provide("collect", [], stranger.address)
    assert receipt.events == [event("RevenueCollected", rental=0, to=stranger.address, amount=300)]
    assert yard.money() - before == {
        "held": -300,
        "coins": -300,
        "revenue": -300,
        "stranger.wallet": 300,
    }


def test_collect__running_rental__pays_what_it_has_earned(yard: Yard, provider):
    rental = running(yard, 700)
    before = yard.money()
    receipt = yard.provide("collect", [rental], provider.address)
    assert receipt.result == 700
    assert receipt.events == [
        event("RevenueCollected", rental=rental, to=provider.address, amount=700)
    ]
    assert yard.money() - before == {"held": -700, "coins": -700, "provider.wallet": 700}
    assert yard.call("rental", rental)["collected"] == 700
    assert yard.call("earned", rental) == 0
    assert yard.call("balance_of", rental) == 9_300


def test_collect__running_rental_not_named__keeps_its_earnings(yard: Yard, provider):
    rental = running(yard, 700)
    closed(yard, 300)
    assert yard.provide("collect", [], provider.address).result == 300
    assert yard.call("earned", rental) == 700


def test_collect__running_rental_again__pays_only_what_is_new(yard: Yard, provider):
    rental = running(yard, 700)
    yard.provide("collect", [rental], provider.address)
    with reverts(NOTHING):
        yard.provide("collect", [rental], provider.address)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=900)
    assert yard.call("earned", rental) == 200
    assert yard.provide("collect", [rental], provider.address).result == 200


def test_collect__ended_rental__pays_what_it_has_earned(yard: Yard, provider):
    rental = running(yard, 700)
    yard.chain.advance(1)
    yard.end(rental)
    assert yard.provide("collect", [rental], provider.address).result == 700
    assert yard.call("rental", rental)["state"] == 2


def test_collect__named_twice__pays_once(yard: Yard, provider):
    rental = running(yard, 700)
    receipt = yard.provide("collect", [rental, rental, rental], provider.address)
    assert receipt.result == 700
    assert len(receipt.events) == 1


def test_collect__closed_and_running_together__adds_up(yard: Yard, provider):
    done = closed(yard, 300)
    rentals = [running(yard, 10), running(yard, 7)]
    receipt = yard.provide("collect", [*rentals, done], provider.address)
    assert receipt.result == 317
    assert receipt.events == [
        event("RevenueCollected", rental=rental, to=provider.address, amount=amount)
        for rental, amount in ((0, 300), (rentals[0], 10), (rentals[1], 7))
    ]


def test_collect__closed_rental_named__adds_nothing(yard: Yard, provider):
    rental = closed(yard, 300)
    assert yard.provide("collect", [rental], provider.address).result == 300
    with reverts(NOTHING):
        yard.provide("collect", [rental], provider.address)


def test_collect__overused_rental__pays_no_more_than_it_was_funded(yard: Yard, provider):
    rental = running(yard, 10_500)
    assert yard.provide("collect", [rental], provider.address).result == 10_000


def test_collect__overuse_covered_by_a_top_up__pays_the_rest(yard: Yard, provider, customer):
    rental = running(yard, 10_500)
    yard.provide("collect", [rental], provider.address)
    yard.meter.transact(customer, "top_up", rental, 700, value=700)
    assert yard.provide("collect", [rental], provider.address).result == 500
    assert yard.call("balance_of", rental) == 200


def test_collect__running_then_closed__pays_each_unit_once(yard: Yard, provider, customer):
    rental = running(yard, 700)
    paid = yard.provide("collect", [rental], provider.address).result
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=900)
    yard.chain.advance(1)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.provide("close_rental", rental)
    paid += yard.provide("collect", [rental], provider.address).result
    assert paid == 900
    assert yard.account(customer) == yard.call("held") == 9_100


def test_collect__64_rentals__pays_all(yard: Yard, provider):
    tariff = yard.tariff
    rentals = [yard.open(drill=yard.list_drill(tariff=tariff)) for _ in range(64)]
    yard.chain.advance(10)
    yard.settle(yard.signed(*(yard.reading(rental) for rental in rentals)))
    assert yard.provide("collect", rentals, provider.address).result == 64 * 970


def test_collect__65_rentals__reverts(yard: Yard, provider):
    rental = running(yard, 700)
    with reverts(""):
        yard.provide("collect", [rental] * 65, provider.address)


def test_collect__nothing__reverts(yard: Yard, provider):
    with reverts(NOTHING):
        yard.provide("collect", [], provider.address)
    with reverts(NOTHING):
        yard.provide("collect", [yard.open()], provider.address)


@pytest.mark.parametrize("unknown", [0, 2, 2**256 - 1])
def test_collect__no_such_rental__reverts_and_keeps_the_revenue(yard: Yard, provider, unknown):
    closed(yard, 300)
    with reverts("rentals: no such rental"):
        yard.provide("collect", [unknown], provider.address)
    assert yard.call("revenue") == 300


def test_collect__to_the_zero_address_or_itself__reverts(any_yard: Yard):
    closed(any_yard, 300)
    for to in (NOBODY, any_yard.meter.address):
        with reverts("vault: cannot pay there"):
            any_yard.provide("collect", [], to)
    assert any_yard.call("revenue") == 300


def test_collect__to_a_wallet_that_refuses_coins__reverts_and_keeps_the_revenue(
    yard: Yard, provider
):
    wallet = yard.chain.deploy(mock("wallet_refusing"), provider)
    closed(yard, 300)
    rental = running(yard, 700)
    before = yard.money()
    with reverts(""):
        yard.provide("collect", [rental], wallet.address)
    assert yard.money() - before == {}
    assert yard.call("earned", rental) == 700


@pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])
def test_collect__by_anybody_else__reverts(yard: Yard, role):
    closed(yard, 300)
    with reverts("ownable: caller is not the owner"):
        yard.meter.transact(yard.people[role], "collect", [], yard.people[role].address)


def test_collect__by_a_new_provider__takes_all_of_it(yard: Yard):
    closed(yard, 300)
    new = new_key("new provider")
    yard.provide("transfer_ownership", new.address)
    yard.meter.transact(new, "accept_ownership")
    assert yard.meter.transact(new, "collect", [], new.address).result == 300


def test_collect__customers_money__is_out_of_reach(yard: Yard, provider, customer):
    yard.deposit(5_000)
    rental = running(yard, 700)
    assert yard.provide("collect", [rental], provider.address).result == 700
    assert yard.account(customer) == 5_000
    assert yard.call("held") == 5_000 + 9_300


def test_collect__paused__still_works(yard: Yard, provider):
    closed(yard, 300)
    yard.provide("pause")
    assert yard.provide("collect", [], provider.address).result == 300
