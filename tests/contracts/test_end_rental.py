"""end_rental: fixes the second after which nothing is charged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import GRACE_PERIOD, RESERVE, SIMPLE, Yard, new_key
from contracts.capped import open_capped
from contracts.evm import NOBODY, event, reverts
from contracts.sources import mock


def test_end_rental__by_the_customer__fixes_the_end(yard: Yard, customer):
    rental = yard.open()
    now = yard.chain.advance(77)
    before = yard.money()
    receipt = yard.meter.transact(customer, "end_rental", rental)
    assert receipt.events == [
        event("RentalEnded", rental=rental, by=customer.address, ended_at=now)
    ]
    assert yard.money() - before == {}
    state = yard.call("rental", rental)
    assert (state["state"], state["ended_at"]) == (2, now)
    assert yard.call("drill", yard.drill)["rental"] == rental


def test_end_rental__by_the_provider__fixes_the_end(yard: Yard, provider):
    rental = yard.open()
    now = yard.chain.advance(77)
    receipt = yard.provide("end_rental", rental)
    assert receipt.events == [
        event("RentalEnded", rental=rental, by=provider.address, ended_at=now)
    ]
    assert yard.call("rental", rental)["ended_at"] == now


@pytest.mark.parametrize("role", ["stranger", "relayer", "oracle"])
def test_end_rental__by_anybody_else__reverts(yard: Yard, role):
    rental = yard.open()
    with reverts("rentals: not yours to end"):
        yard.meter.transact(yard.people[role], "end_rental", rental)
    assert yard.call("rental", rental)["state"] == 1


def test_end_rental__by_the_customer_of_another_rental__reverts(yard: Yard, stranger):
    rental = yard.open()
    yard.open(who=stranger, drill=yard.list_drill())
    with reverts("rentals: not yours to end"):
        yard.meter.transact(stranger, "end_rental", rental)


def test_end_rental__by_a_former_provider__reverts(yard: Yard, provider):
    rental = yard.open()
    new = new_key("new provider")
    yard.provide("transfer_ownership", new.address)
    yard.meter.transact(new, "accept_ownership")
    yard.chain.advance(1)
    with reverts("rentals: not yours to end"):
        yard.meter.transact(provider, "end_rental", rental)
    yard.meter.transact(new, "end_rental", rental)
    assert yard.call("rental", rental)["state"] == 2


@pytest.mark.parametrize("role", ["customer", "provider"])
def test_end_rental__through_somebody_elses_contract__reverts(yard: Yard, role, stranger):
    """Who calls counts, not who sent the transaction."""
    rental = yard.open()
    contract = yard.chain.deploy(mock("wallet_reentrant"), stranger)
    call = yard.meter.encode("end_rental", rental)
    with reverts("rentals: not yours to end"):
        contract.transact(yard.people[role], "execute", yard.meter.address, call)
    assert yard.call("rental", rental)["state"] == 1


@pytest.mark.parametrize("role", ["customer", "provider", "stranger"])
@pytest.mark.parametrize("rental", [0, 2, 2**256 - 1])
def test_end_rental__no_such_rental__reverts(yard: Yard, role, rental):
    yard.open()
    with reverts("rentals: no such rental"):
        yard.meter.transact(yard.people[role], "end_rental", rental)


@pytest.mark.parametrize("role", ["customer", "provider"])
def test_end_rental__already_ended__reverts_and_keeps_the_first_end(yard: Yard, role):
    rental = yard.open()
    ended_at = yard.end(rental)
    yard.chain.advance(1)
    with reverts("rentals: ended"):
        yard.meter.transact(yard.people[role], "end_rental", rental)
    assert yard.call("rental", rental)["ended_at"] == ended_at


@pytest.mark.parametrize("role", ["customer", "provider"])
def test_end_rental__closed__reverts(yard: Yard, role):
    rental = yard.open()
    yard.finish(rental)
    with reverts("rentals: closed"):
        yard.meter.transact(yard.people[role], "end_rental", rental)


def test_end_rental__paused__still_works(yard: Yard):
    rental = yard.open()
    yard.provide("pause")
    yard.end(rental)
    assert yard.call("rental", rental)["state"] == 2


def test_end_rental__exhausted__still_works(yard: Yard):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_500)
    yard.end(rental)
    assert yard.call("rental", rental)["state"] == 2


def test_end_rental__reading_of_this_very_second_has_settled__closes_at_once(yard: Yard, customer):
    rental = yard.open()
    now = yard.chain.advance(10)
    yard.use(rental, active_ms_1=4_000)
    charge = (4_000 * 1_103 + 10_000 * 97) // 1000
    before = yard.money()
    receipt = yard.meter.transact(customer, "end_rental", rental)
    assert receipt.events == [
        event("RentalEnded", rental=rental, by=customer.address, ended_at=now),
        event(
            "RentalClosed",
            rental=rental,
            customer=customer.address,
            charge=charge,
            refund=RESERVE - charge,
        ),
    ]
    assert yard.money() - before == {"revenue": charge, "customer.account": RESERVE - charge}
    state = yard.call("rental", rental)
    assert (state["state"], state["ended_at"]) == (4, now)
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_end_rental__in_the_second_it_was_opened__closes_and_refunds_all(yard: Yard, customer):
    rental = yard.open()
    receipt = yard.meter.transact(customer, "end_rental", rental)
    assert [e.name for e in receipt.events] == ["RentalEnded", "RentalClosed"]
    assert yard.account(customer) == RESERVE


def test_end_rental__last_reading_is_a_millisecond_short__does_not_close(yard: Yard, customer):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, yard.now_ms - 1)
    receipt = yard.meter.transact(customer, "end_rental", rental)
    assert [e.name for e in receipt.events] == ["RentalEnded"]
    assert yard.call("rental", rental)["state"] == 2


def test_end_rental__usage_before_the_end__still_settles(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    until = yard.now_ms
    yard.chain.advance(10)
    yard.end(rental)
    yard.chain.advance(10)
    yard.use(rental, until, active_ms_1=1_000)
    assert yard.call("balance_of", rental) == RESERVE - (1_103_000 + 970_000) // 1000


# Who else may: the operator, and anybody where nothing has been left for the grace period.

NOT_YOURS = "rentals: not yours to end"
STANDING = replace(SIMPLE, standing_price_per_second=10)


def by_stranger(yard: Yard, rental: int) -> None:
    """Ended by somebody whom it does not concern."""
    yard.meter.transact(yard.people["stranger"], "end_rental", rental)
    assert yard.call("rental", rental)["state"] == 2


def refuses_a_stranger(yard: Yard, rental: int) -> None:
    """And stays open."""
    with reverts(NOT_YOURS):
        yard.meter.transact(yard.people["stranger"], "end_rental", rental)
    assert yard.call("rental", rental)["state"] == 1


def test_end_rental__by_the_operator__fixes_the_end(yard: Yard, stranger):
    rental = yard.open()
    receipt = yard.provide("set_operator", stranger.address)
    assert receipt.events == [event("OperatorSet", operator=stranger.address)]
    assert yard.call("operator") == stranger.address
    now = yard.chain.advance(5)
    receipt = yard.meter.transact(stranger, "end_rental", rental)
    assert receipt.events == [
        event("RentalEnded", rental=rental, by=stranger.address, ended_at=now)
    ]


def test_end_rental__by_a_former_operator__reverts(yard: Yard, stranger):
    rental = yard.open()
    yard.provide("set_operator", stranger.address)
    yard.provide("set_operator", yard.people["relayer"].address)
    refuses_a_stranger(yard, rental)
    yard.provide("set_operator", NOBODY)
    refuses_a_stranger(yard, rental)


@pytest.mark.parametrize("role", ["customer", "stranger", "oracle"])
def test_set_operator__by_anybody_but_the_owner__reverts(yard: Yard, role):
    yard.provide("set_operator", yard.people["relayer"].address)
    for somebody in (yard.people[role], yard.people["relayer"]):
        with reverts("ownable: caller is not the owner"):
            yard.meter.transact(somebody, "set_operator", somebody.address)


def test_end_rental__used_up_for_the_grace_period__by_anybody(yard: Yard):
    """A tenth of a cent does not keep a drill for ever."""
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_000)
    yard.chain.advance(GRACE_PERIOD - 1)
    refuses_a_stranger(yard, rental)
    yard.chain.advance(1)
    by_stranger(yard, rental)


def test_end_rental__one_unit_is_left__is_the_customers(yard: Yard):
    rental = yard.open_simple(10_001)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_000)
    yard.chain.advance(50 * GRACE_PERIOD)
    refuses_a_stranger(yard, rental)


def test_end_rental__topped_up__is_the_customers_until_that_is_used_up(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_500)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "top_up", rental, 501, value=501)
    refuses_a_stranger(yard, rental)
    yard.chain.advance(1)
    yard.use(rental, active_ms_1=10_501)
    yard.chain.advance(GRACE_PERIOD - 1)
    refuses_a_stranger(yard, rental)
    yard.chain.advance(1)
    by_stranger(yard, rental)


def test_end_rental__never_used_nor_read__by_anybody_when_standing_has_used_it_up(yard: Yard):
    tariff = yard.publish(STANDING)
    rental = yard.open(10_000, drill=yard.list_drill(tariff=tariff), tariff=tariff)
    yard.chain.advance(1_000 + GRACE_PERIOD - 1)
    refuses_a_stranger(yard, rental)
    yard.chain.advance(1)
    by_stranger(yard, rental)


def test_end_rental__never_used_and_nothing_for_standing__is_the_customers(yard: Yard):
    """What costs nothing is not used up: the operator ends it."""
    rental = yard.open_simple(10_000)
    yard.chain.advance(50 * GRACE_PERIOD)
    refuses_a_stranger(yard, rental)


def test_end_rental__just_opened_with_nothing_left__not_before_the_grace_period(yard: Yard):
    tariff = yard.publish(replace(SIMPLE, standing_price_per_second=10**6))
    rental = yard.open(1, drill=yard.list_drill(tariff=tariff), tariff=tariff)
    yard.chain.advance(GRACE_PERIOD)
    refuses_a_stranger(yard, rental)
    yard.chain.advance(1)
    by_stranger(yard, rental)


def test_end_rental__used_up_under_the_cap_of_the_rental__by_anybody(yard: Yard):
    rental = open_capped(yard, 20_000, per_rental=10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_000)
    yard.chain.advance(GRACE_PERIOD)
    by_stranger(yard, rental)


def test_end_rental__an_hourly_cap_that_gives_credit_again__is_the_customers(yard: Yard):
    rental = open_capped(yard, 60_000, per_hour=10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=50_000)
    for _ in range(3):
        yard.chain.advance(GRACE_PERIOD)
        refuses_a_stranger(yard, rental)


def test_end_rental__by_anybody__takes_nothing_from_the_customer(yard: Yard):
    """A silent box: what nobody has read is not billed, and the rest comes back."""
    tariff = yard.publish(STANDING)
    rental = yard.open(10_000, drill=yard.list_drill(tariff=tariff), tariff=tariff)
    yard.chain.advance(1_000 + GRACE_PERIOD)
    by_stranger(yard, rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(yard.people["stranger"], "close_rental", rental)
    assert yard.account(yard.customer) == 10_000
