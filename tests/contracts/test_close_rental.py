"""close_rental: the rest back to the customer, the earnings to the provider, the drill free."""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, RESERVE, Yard
from contracts.evm import event, reverts

CHARGE = (4_000 * 1_103 + 10_000 * 97) // 1000


def used_and_ended(yard: Yard) -> int:
    """A rental that was used for ten seconds, settled, and ended ten seconds later."""
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=4_000)
    yard.chain.advance(9)
    yard.end(rental)
    return rental


def test_close_rental__after_the_grace_period__refunds_and_books(yard: Yard, customer, stranger):
    rental = used_and_ended(yard)
    yard.chain.advance(GRACE_PERIOD)
    before = yard.money()
    receipt = yard.meter.transact(stranger, "close_rental", rental)
    assert receipt.events == [
        event(
            "RentalClosed",
            rental=rental,
            customer=customer.address,
            charge=CHARGE,
            refund=RESERVE - CHARGE,
        )
    ]
    assert yard.money() - before == {"revenue": CHARGE, "customer.account": RESERVE - CHARGE}
    state = yard.call("rental", rental)
    assert (state["state"], state["collected"], state["funded"]) == (4, CHARGE, RESERVE)
    assert yard.call("balance_of", rental) == RESERVE - CHARGE
    assert yard.call("earned", rental) == 0
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_close_rental__one_second_before_the_grace_period_ends__reverts(yard: Yard, customer):
    rental = used_and_ended(yard)
    yard.chain.advance(GRACE_PERIOD - 1)
    with reverts("rentals: awaiting final reading"):
        yard.meter.transact(customer, "close_rental", rental)
    assert yard.call("drill", yard.drill)["rental"] == rental


@pytest.mark.parametrize("late", [0, 1, 10**6])
def test_close_rental__when_the_grace_period_has_passed__closes(yard: Yard, relayer, late):
    rental = used_and_ended(yard)
    yard.chain.advance(GRACE_PERIOD + late)
    yard.meter.transact(relayer, "close_rental", rental)
    assert yard.call("rental", rental)["state"] == 4


def test_close_rental__last_reading_is_a_millisecond_short__waits(yard: Yard, stranger):
    rental = yard.open()
    yard.chain.advance(10)
    ended_at = yard.end(rental)
    yard.use(rental, ended_at * 1000 - 1, active_ms_1=4_000)
    with reverts("rentals: awaiting final reading"):
        yard.meter.transact(stranger, "close_rental", rental)


def test_close_rental__silent_oracle__refunds_all(yard: Yard, customer):
    rental = yard.open()
    yard.chain.advance(10_000)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "close_rental", rental)
    assert yard.account(customer) == RESERVE
    assert yard.call("revenue") == 0


def test_close_rental__used_up_and_more__refunds_nothing_and_books_the_funds(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, yard.now_ms - 1, active_ms_1=10_500)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    before = yard.money()
    receipt = yard.meter.transact(customer, "close_rental", rental)
    assert receipt.events == [
        event("RentalClosed", rental=rental, customer=customer.address, charge=10_500, refund=0)
    ]
    assert yard.money() - before == {"revenue": 10_000}


def test_close_rental__partly_collected__books_the_rest(yard: Yard, provider):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, yard.now_ms - 10_000, active_ms_1=3_000)
    yard.provide("collect", [rental], provider.address)
    yard.use(rental, yard.now_ms - 1, active_ms_1=5_000)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    before = yard.money()
    yard.meter.transact(provider, "close_rental", rental)
    assert yard.money() - before == {"revenue": 2_000, "customer.account": 5_000}
    assert yard.call("rental", rental)["collected"] == 5_000


def test_close_rental__wholly_collected__books_nothing_more(yard: Yard, provider):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=3_000)
    yard.provide("collect", [rental], provider.address)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    before = yard.money()
    yard.meter.transact(provider, "close_rental", rental)
    assert yard.money() - before == {"customer.account": 7_000}


def test_close_rental__another_rental_is_open__leaves_it_alone(yard: Yard, stranger):
    rental = used_and_ended(yard)
    other_drill = yard.list_drill()
    other = yard.open(who=stranger, drill=other_drill)
    yard.chain.advance(GRACE_PERIOD)
    before = yard.call("rental", other)
    yard.meter.transact(stranger, "close_rental", rental)
    assert yard.call("rental", other) == before
    assert yard.call("drill", other_drill)["rental"] == other
    assert yard.account(stranger) == 0


@pytest.mark.parametrize("rental", [0, 2, 2**256 - 1])
def test_close_rental__no_such_rental__reverts(yard: Yard, customer, rental):
    yard.open()
    with reverts("rentals: no such rental"):
        yard.meter.transact(customer, "close_rental", rental)


@pytest.mark.parametrize("role", ["customer", "provider", "stranger"])
def test_close_rental__not_ended__reverts(yard: Yard, role):
    rental = yard.open()
    yard.chain.advance(10 * GRACE_PERIOD)
    with reverts("rentals: not ended"):
        yard.meter.transact(yard.people[role], "close_rental", rental)


def test_close_rental__closed__reverts(yard: Yard, customer):
    rental = used_and_ended(yard)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "close_rental", rental)
    before = yard.money()
    with reverts("rentals: closed"):
        yard.meter.transact(customer, "close_rental", rental)
    assert yard.money() - before == {}


def test_close_rental__closed_by_the_final_reading__reverts(yard: Yard, customer):
    rental = used_and_ended(yard)
    yard.use(rental, active_ms_1=4_000)
    with reverts("rentals: closed"):
        yard.meter.transact(customer, "close_rental", rental)


def test_close_rental__paused__still_works(yard: Yard, customer):
    rental = used_and_ended(yard)
    yard.chain.advance(GRACE_PERIOD)
    yard.provide("pause")
    yard.meter.transact(customer, "close_rental", rental)
    assert yard.account(customer) == RESERVE - CHARGE


def test_close_rental__drill_was_freed_and_rented_again__keeps_the_new_rental(
    yard: Yard, customer, stranger
):
    first = yard.open()
    yard.finish(first)
    second = yard.open(who=stranger)
    with reverts("rentals: closed"):
        yard.meter.transact(customer, "close_rental", first)
    assert yard.call("drill", yard.drill)["rental"] == second
