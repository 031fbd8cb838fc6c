"""Capped rentals: topping up, collecting, and that no order of readings changes the bill."""

from __future__ import annotations

from itertools import pairwise

import pytest
from contracts.builders import Yard, deploy_yard
from contracts.capped import NO_CAP, most, open_capped, owed
from contracts.evm import Chain, event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.records import Reading, Registers

RESERVE = 10_000
PER_HOUR = 3_600
"""A unit each second, after 3,600 to start with."""

random = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def top_up(yard: Yard, rental: int, amount: int) -> list[int]:
    """Top up with coins sent along; returns the credits of BalancePositive."""
    receipt = yard.meter.transact(yard.customer, "top_up", rental, amount, value=amount)
    assert len(receipt.named("ToppedUp")) == 1
    return [e.args["balance"] for e in receipt.named("BalancePositive")]


# top_up ------------------------------------------------------------------------------------------


def test_top_up__capped__raises_the_funds_and_not_the_caps(yard: Yard, customer):
    rental = open_capped(yard, RESERVE, 9_000, 8_000)
    yard.deposit(700)
    before = yard.money()
    receipt = yard.meter.transact(customer, "top_up", rental, 700)
    assert receipt.events == [
        event("ToppedUp", rental=rental, payer=customer.address, amount=700, funded=RESERVE + 700)
    ]
    assert yard.money() - before == {"customer.account": -700}
    assert yard.call("caps", rental) == {"per_rental": 9_000, "per_hour": 8_000}
    assert yard.call("rental", rental)["funded"] == RESERVE + 700
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=20_000)
    assert yard.call("balance_of", rental) == RESERVE + 700 - 8_133


@pytest.mark.parametrize(
    ("amount", "positive"),
    [
        (499, []),
        (500, []),
        (501, [1]),
        (999, [499]),
        (1_000, [500]),
        (1_001, [500]),
        (9_000, [500]),
    ],
)
def test_top_up__funds_were_the_limit__is_positive_up_to_the_cap(yard: Yard, amount, positive):
    rental = open_capped(yard, 4_000, per_rental=5_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=4_500)
    assert top_up(yard, rental, amount) == positive
    assert owed(yard, rental) == min(4_000 + amount, 4_500)
    assert yard.call("balance_of", rental) == 4_000 + amount - owed(yard, rental)


@pytest.mark.parametrize("active_ms", [5_000, 5_001, 8_000])
def test_top_up__a_cap_is_the_limit__is_not_positive_however_much(yard: Yard, active_ms):
    rental = open_capped(yard, 4_000, per_rental=5_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=active_ms)
    for amount in (999, 1, 1, 50_000):
        assert top_up(yard, rental, amount) == []
    assert owed(yard, rental) == 5_000
    assert yard.call("balance_of", rental) == 4_000 + 51_001 - 5_000


@pytest.mark.parametrize(("amount", "positive"), [(100, []), (101, [1]), (110, [10]), (111, [10])])
def test_top_up__hourly_cap_by_the_last_reading__bounds_the_credit(yard: Yard, amount, positive):
    """3,610 may be owed by the reading's time; that blocks have been mined since counts nothing."""
    rental = open_capped(yard, 3_500, per_hour=PER_HOUR)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=3_600)
    yard.chain.advance(5_000)
    assert top_up(yard, rental, amount) == positive


def test_top_up__capped_and_not_exhausted__says_nothing_of_a_balance(yard: Yard):
    rental = open_capped(yard, 4_000, per_rental=5_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=3_999)
    assert top_up(yard, rental, 1) == []
    assert top_up(yard, rental, 5_000) == []


# collect -----------------------------------------------------------------------------------------


def test_collect__capped__takes_what_is_owed_and_later_what_is_owed_more(yard: Yard, provider):
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=4_000)
    before = yard.money()
    assert yard.provide("collect", [rental], provider.address).result == 3_610
    assert yard.money() - before == {"held": -3_610, "coins": -3_610, "provider.wallet": 3_610}
    assert yard.call("earned", rental) == 0
    yard.chain.advance(90)
    yard.use(rental, active_ms_1=4_000)
    assert yard.provide("collect", [rental], provider.address).result == 90
    yard.chain.advance(1_000)
    yard.use(rental, active_ms_1=4_000)
    assert yard.provide("collect", [rental], provider.address).result == 300
    yard.finish(rental)
    assert yard.call("revenue") == 0
    assert yard.account(yard.customer) == RESERVE - 4_000


steps = st.lists(
    st.tuples(st.integers(1, 20_000), st.integers(0, 100), st.booleans(), st.integers(0, 2_000)),
    min_size=1,
    max_size=12,
)
"""(ms later, share of them active in %, whether the provider collects, how much is topped up)."""

caps_ = st.tuples(
    st.integers(1, 60_000),
    st.integers(1, 60_000) | st.just(NO_CAP),
    st.integers(1, 60_000) | st.just(NO_CAP),
)


@random
@given(caps=caps_, steps=steps)
def test_settle__any_story__owes_the_limit_never_less_and_no_more_is_collected(
    compiled, people, caps, steps
):
    yard = deploy_yard(Chain(), compiled, people)
    reserve, per_rental, per_hour = caps
    rental = open_capped(yard, *caps)
    opened_ms = until = yard.now_ms
    active_ms, funded, taken, debts = 0, reserve, 0, [0]
    for later_ms, share, collects, more in steps:
        until += later_ms
        active_ms += later_ms * share // 100
        yard.chain.set_time(-(-until // 1_000))
        was_out = debts[-1] == most(
            funded, per_rental, per_hour, yard_until(yard, rental) - opened_ms
        )
        receipt = yard.use(rental, until, active_ms_1=active_ms)
        limit = most(funded, per_rental, per_hour, until - opened_ms)
        assert len(receipt.named("BalanceExhausted")) == (not was_out and active_ms >= limit)
        assert len(receipt.named("BalancePositive")) == (was_out and active_ms < limit)
        debts.append(owed(yard, rental))
        assert debts[-1] == min(active_ms, limit)
        if collects and debts[-1] > taken:
            taken += yard.provide("collect", [rental], yard.provider.address).result
            assert taken == debts[-1]
        if more:
            top_up(yard, rental, more)
            funded += more
            debts.append(owed(yard, rental))
    assert all(earlier <= later for earlier, later in pairwise(debts))
    yard.chain.set_time(-(-until // 1_000))
    yard.finish(rental)
    last = most(funded, per_rental, per_hour, yard_until(yard, rental) - opened_ms)
    assert yard.call("revenue") + taken == min(active_ms, last)
    assert yard.account(yard.customer) == funded - min(active_ms, last)
    assert yard.call("held") == yard.wallet(yard.meter) == funded - taken


def yard_until(yard: Yard, rental: int) -> int:
    """When the last settled reading was taken, Unix ms."""
    return int(yard.call("rental", rental)["until"])


@random
@given(caps=caps_, steps=steps, order=st.randoms(use_true_random=False))
def test_settle__readings_shuffled_lost_and_repeated__bill_the_same(
    compiled, people, caps, steps, order
):
    """Whatever else arrived, the final reading alone makes the bill."""
    bills = set()
    for mixed in (False, True):
        yard = deploy_yard(Chain(), compiled, people)
        rental = open_capped(yard, *caps)
        until, active_ms, readings = yard.now_ms, 0, []
        for later_ms, share, _collects, _more in steps:
            until += later_ms
            active_ms += later_ms * share // 100
            readings.append(Reading(rental, until, Registers(active_ms), 1, bytes(32)))
        yard.chain.set_time(until // 1_000 + 1)
        if mixed:
            readings = order.choices(readings, k=len(readings) + 3)
        for reading in readings:
            yard.settle(yard.signed(reading))
        ended_ms = yard.end(rental) * 1_000
        yard.use(rental, ended_ms, active_ms_1=active_ms)
        assert yard.call("rental", rental)["state"] == 4
        refund, revenue = yard.account(yard.customer), yard.call("revenue")
        bills.add((refund, revenue, yard.call("charge", rental), yard.call("balance_of", rental)))
    assert len(bills) == 1
