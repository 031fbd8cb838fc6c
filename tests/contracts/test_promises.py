"""Promises 1 to 3 of the protocol, each by name: solvency, no overcharge, settled at most once.

Promises 4 and 5 are in test_promises_4_and_5.py; test_promises_machine.py attacks all at random.

Each docstring names a one-line break of the contract that makes the test fail.
"""

from __future__ import annotations

from fractions import Fraction

from contracts.builders import (
    GRACE_PERIOD,
    RESERVE,
    TARIFF,
    Yard,
    with_level,
)
from contracts.evm import reverts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.records import Reading, Registers

random = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def owed(yard: Yard) -> int:
    """Accounts, open balances and revenue that is not collected, from the views."""
    total = sum(yard.account(person) for person in yard.people.values()) + yard.call("revenue")
    for rental in range(1, yard.call("rental_count") + 1):
        if yard.call("rental", rental)["state"] != 4:
            total += yard.call("balance_of", rental) + yard.call("earned", rental)
    return int(total)


# 1. The contract always holds at least what it owes. ---------------------------------------------


def test_promise_1__each_step_of_a_story__holds_what_it_owes(any_yard: Yard, customer, stranger):
    """Broken by leaving out `self.held -= amount` or a `party.collected` in `_settle_up`."""
    yard = any_yard

    def check() -> None:
        assert yard.wallet(yard.meter) == yard.call("held") == owed(yard)

    yard.deposit(3 * RESERVE)
    first = yard.open()
    second = yard.open(who=stranger, drill=yard.list_drill())
    for step in range(1, 4):
        yard.chain.advance(60)
        yard.use(first, active_ms_1=20_000 * step)
        yard.use(second, active_ms_3=50_000 * step)
        check()
        yard.provide("collect", [first], yard.provider.address)
        check()
    yard.meter.transact(customer, "top_up", second, 5_000)
    check()
    yard.finish(first)
    check()
    yard.meter.transact(stranger, "end_rental", second)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(stranger, "close_rental", second)
    check()
    for person in (customer, stranger):
        yard.meter.transact(person, "withdraw", yard.account(person), person.address)
        check()
    yard.provide("collect", [first, second], yard.provider.address)
    check()
    assert yard.wallet(yard.meter) == 0


# 2. Nobody is charged too much. -------------------------------------------------------------------


def test_promise_2__overused__costs_what_was_funded_and_no_more(yard: Yard, customer):
    """Broken by `earned = charge` in place of `min(charge, terms.funded)` in `_settle_up`."""
    yard.deposit(7)
    rental = yard.open_simple(10_000)
    yard.chain.advance(3_600)
    yard.use(rental, active_ms_1=3_000_000)
    assert yard.call("charge", rental) == 3_000_000
    yard.finish(rental)
    assert yard.call("revenue") == 10_000
    assert yard.account(customer) == 7


@random
@given(data=st.data())
def test_promise_2__hostile_oracle__charges_no_more_than_the_wall_clock(yard: Yard, data):
    """Broken by leaving out the comparison of active time with `until` in `_plausible`."""
    rental = yard.open(2**90, drill=yard.list_drill())
    opened_at_ms = yard.now_ms
    active, turned = [0] * 3, [0] * 3
    for _ in range(6):
        yard.chain.advance(data.draw(st.integers(1, 60)))
        level = data.draw(st.integers(0, 2))
        grown = data.draw(st.integers(0, 60_000) | st.integers(0, 600_000))
        fastest = grown * TARIFF.levels[level].max_rpm // 60_000
        spun = data.draw(st.integers(0, fastest + 1))
        claim = [a + grown * (i == level) for i, a in enumerate(active)]
        spin = [t + spun * (i == level) for i, t in enumerate(turned)]
        registers = Registers.from_levels((*claim,), (*spin,))
        reading = Reading(rental, yard.now_ms, registers, 1, bytes(32))
        if yard.settle(yard.signed(reading)).named("UsageSettled"):
            active, turned = claim, spin
    elapsed = Fraction(yard.now_ms - opened_at_ms, 1000)
    highest = max(
        rate.price_per_second + Fraction(rate.max_rpm, 60_000) * rate.price_per_1000_revolutions
        for rate in TARIFF.levels
    )
    assert yard.call("charge", rental) <= elapsed * (highest + TARIFF.standing_price_per_second)


def test_promise_2__everything_about_the_tariff_changes__the_rental_keeps_its_own(yard: Yard):
    """Broken by reading the drill's tariff and not the rental's in `_settle` or `_charge`."""
    rental = yard.open()
    dear = yard.publish(with_level(TARIFF, 1, price_per_second=10**9))
    yard.provide("retire_tariff", yard.tariff)
    with reverts("drills: in a rental"):
        yard.provide("reassign_drill", yard.drill, yard.oracle, dear)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    yard.finish(rental)
    yard.provide("reassign_drill", yard.drill, yard.oracle, dear)
    assert yard.call("charge", rental) == (1_000 * 1_103 + 11_000 * 97) // 1000
    assert yard.call("rental", rental)["tariff"] == yard.tariff


def test_promise_2__ended__time_after_the_end_costs_nothing(yard: Yard):
    """Broken by leaving out the check "after the end" in `_settle`."""
    rental = yard.open()
    ended_at_ms = yard.end(rental) * 1000
    yard.chain.advance(60)
    yard.use(rental, yard.now_ms, active_ms_1=30_000)
    yard.use(rental, ended_at_ms)
    assert yard.call("charge", rental) == 97


# 3. A reading settles at most once; order, loss and repetition do not matter. ---------------------


@random
@given(data=st.data())
def test_promise_3__any_order_loss_and_repetition__the_same_bill(yard: Yard, data):
    """Broken by `<` in place of `<=` at "not later than the last", or by adding registers up."""
    rental = yard.open_simple(10**9)
    readings, registers = [], {"active_ms_1": 0, "active_ms_2": 0}
    for _ in range(data.draw(st.integers(1, 8))):
        yard.chain.advance(data.draw(st.integers(1, 30)))
        registers["active_ms_1"] += data.draw(st.integers(0, 500))
        registers["active_ms_2"] += data.draw(st.integers(0, 500))
        readings.append(yard.reading(rental, **registers))
    final = yard.reading(rental, yard.end(rental) * 1000, **registers)
    before = yard.money()
    delivered = data.draw(st.lists(st.sampled_from(readings), max_size=20))
    settled = []
    while delivered:
        size = data.draw(st.integers(1, len(delivered)))
        batch, delivered = delivered[:size], delivered[size:]
        settled += [e.args["meter"] for e in yard.settle(yard.signed(*batch)).named("UsageSettled")]
    settled += [e.args["meter"] for e in yard.settle(yard.signed(final)).named("UsageSettled")]
    assert len(settled) == len(set(settled))
    bill = sum(registers.values())
    assert yard.call("charge", rental) == bill
    assert (yard.money() - before).get("revenue", 0) == bill
    again = yard.settle(yard.signed(*readings, final))
    assert {e.name for e in again.events} == {"ReadingRejected"}
