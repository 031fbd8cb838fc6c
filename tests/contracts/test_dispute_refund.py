"""dispute: what it brings, out of the revenue and then out of the bond, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import PENALTY, RESERVE, SIMPLE, TARIFF, Yard, with_level
from contracts.evidence import (
    BOND,
    CLAIMED_MS,
    DUE,
    SETTLED_MS,
    Lie,
    amounts,
    closing,
    collected_lie,
    dispute,
    disputed,
    lie,
    lower,
    post_bond,
    posted,
    standing,
)
from contracts.evm import event, reverts

from lab.rig.plan import NO_DEADLINE
from protocol.records import Registers, Tariff

NOTHING = "disputes: nothing overcharged"


@pytest.fixture
def told(yard: Yard) -> Lie:
    """A settled lie and its receipt; the bond is posted and five seconds have passed."""
    post_bond(yard)
    return lie(yard)


def bring(yard: Yard, told: Lie, active_ms: int) -> tuple[int, int]:
    """Refund and penalty of a receipt with this first register, dated as the settled one."""
    return amounts(dispute(yard, lower(told.settled, active_ms)))


def thousandths(registers: Registers, tariff: Tariff = TARIFF) -> int:
    """What registers cost without the standing price, in thousandths of a unit."""
    return sum(
        active * rate.price_per_second + turned * rate.price_per_1000_revolutions
        for active, turned, rate in zip(
            registers.active_ms, registers.revolutions, tariff.levels, strict=True
        )
    )


# What moves, and what does not ----------------------------------------------------------------


@pytest.mark.parametrize("state", ["open", "ended", "closed", "collected"])
def test_dispute__in_any_state__closes_and_pays_from_the_revenue_before_the_bond(
    any_yard: Yard, state
):
    post_bond(any_yard)
    told = lie(any_yard)
    if state == "collected":
        any_yard.provide("collect", [told.rental], any_yard.provider.address)
    if state == "ended":
        any_yard.end(told.rental)
    if state == "closed":
        any_yard.finish(told.rental)
        told = Lie(told.settled, replace(told.receipt, until=any_yard.now_ms))
    key, sender = any_yard.oracle_key.address, any_yard.people["relayer"]
    before, bill = any_yard.money(), standing(any_yard, told.rental)
    receipt = dispute(any_yard, told.receipt)
    from_revenue = 0 if state == "collected" else DUE
    closed = []
    if state != "closed":
        closed = closing(any_yard, told.rental, sender, ended=state == "ended")
    assert receipt.events == [
        *closed,
        disputed(told.receipt, key, DUE, PENALTY, from_revenue=from_revenue),
        event("OracleSuspended", oracle=any_yard.oracle, key=key),
    ]
    balance = 0 if state == "closed" else RESERVE - SETTLED_MS
    moved = any_yard.money() - before
    assert moved["customer.account"] == balance + DUE + PENALTY
    earned = {"closed": 0, "collected": 0}.get(state, SETTLED_MS)
    assert moved.pop("revenue", 0) == earned - from_revenue
    assert set(moved) == {"customer.account"}
    assert posted(any_yard) == BOND - (DUE - from_revenue) - PENALTY
    assert any_yard.call("refunded", told.rental) == DUE
    assert any_yard.call("earned", told.rental) == 0
    assert any_yard.call("rental", told.rental)["state"] == 4
    assert standing(any_yard, told.rental) == bill


def test_dispute__no_bond_at_all__is_paid_back_from_what_was_not_collected(any_yard: Yard):
    told = lie(any_yard)
    key = any_yard.oracle_key.address
    (event_,) = dispute(any_yard, told.receipt).named("UsageDisputed")
    assert event_ == disputed(told.receipt, key, DUE, 0, from_revenue=DUE)
    assert any_yard.account(any_yard.customer) == RESERVE - SETTLED_MS + DUE
    assert any_yard.call("revenue") == SETTLED_MS - DUE


@pytest.mark.parametrize("settled_elsewhere", [0, 1, DUE - 1, DUE, DUE + 1])
def test_dispute__rental_collected_and_other_revenue__takes_that_before_the_bond(
    yard: Yard, settled_elsewhere
):
    post_bond(yard)
    told = collected_lie(yard)
    other = yard.open_simple()
    yard.chain.advance(10)
    yard.use(other, active_ms_1=settled_elsewhere)
    yard.finish(other)
    assert yard.call("revenue") == settled_elsewhere
    (event_,) = dispute(yard, told.receipt).named("UsageDisputed")
    from_revenue = min(DUE, settled_elsewhere)
    assert event_ == disputed(
        told.receipt, yard.oracle_key.address, DUE, PENALTY, from_revenue=from_revenue
    )
    assert yard.call("revenue") == settled_elsewhere - from_revenue
    assert posted(yard) == BOND - (DUE - from_revenue) - PENALTY


def test_dispute__won__can_be_withdrawn_to_the_last_unit(any_yard: Yard, customer, provider):
    before = any_yard.money()
    post_bond(any_yard)
    told = lie(any_yard)
    dispute(any_yard, told.receipt)
    amount = any_yard.account(customer)
    any_yard.meter.transact(customer, "withdraw", amount, customer.address)
    any_yard.provide("collect", [], provider.address)
    paid = CLAIMED_MS - PENALTY
    left = BOND - PENALTY
    assert any_yard.money() - before == {
        "held": left,
        "coins": left,
        "customer.wallet": -paid,
        "provider.wallet": paid - left,
    }


def test_refunded__no_dispute__is_nothing(yard: Yard):
    assert yard.call("refunded", yard.open()) == yard.call("refunded", 99) == 0


# How much -------------------------------------------------------------------------------------

USED = Registers(20_000, 15_000, 10_000, 900, 300, 80)


@pytest.mark.parametrize("register", list(USED.__dataclass_fields__))
@pytest.mark.parametrize("less", [1, 77])
def test_dispute__one_register_is_lower_and_all_others_higher__brings_that_ones_difference(
    yard: Yard, register, less
):
    post_bond(yard)
    rental = yard.open()
    yard.chain.advance(60)
    settled = replace(yard.reading(rental), registers=USED)
    yard.settle(yard.signed(settled))
    higher = Registers(*(value + 2**33 for value in USED.as_tuple()))
    value = getattr(USED, register) - less
    receipt = replace(settled, registers=replace(higher, **{register: value}))
    true = replace(USED, **{register: value})
    standing_part = 60_000 * TARIFF.standing_price_per_second
    due = (thousandths(USED) + standing_part) // 1000 - (thousandths(true) + standing_part) // 1000
    assert due > 0
    assert amounts(dispute(yard, receipt)) == (due, PENALTY)


@pytest.mark.parametrize("later_ms", [0, 5_000])
def test_dispute__receipt_shows_nothing_used__leaves_the_standing_price(yard: Yard, later_ms):
    post_bond(yard)
    rental = yard.open()
    yard.chain.advance(60)
    settled = replace(yard.reading(rental), registers=USED)
    yard.settle(yard.signed(settled))
    charge = yard.call("charge", rental)
    yard.chain.advance(5)
    receipt = yard.reading(rental, settled.until + later_ms)
    refund, _ = amounts(dispute(yard, receipt))
    assert charge - refund == 60_000 * TARIFF.standing_price_per_second // 1000


def test_dispute__no_register_is_lower__reverts(yard: Yard, told):
    for active_ms in (SETTLED_MS, SETTLED_MS + 1, 2**37 - 1):
        with reverts(NOTHING):
            bring(yard, told, active_ms)
    assert bring(yard, told, SETTLED_MS - 1) == (1, PENALTY)


def test_dispute__lower_by_less_than_a_unit__reverts(yard: Yard):
    """A tenth of a unit a millisecond: 6,005 and 6,000 cost 600, and 5,999 costs 599."""
    post_bond(yard)
    tariff = yard.publish(with_level(SIMPLE, 1, price_per_second=100))
    rental = yard.open(drill=yard.list_drill(tariff=tariff), tariff=tariff)
    told = lie(yard, rental, active_ms=6_005)
    with reverts(NOTHING):
        bring(yard, told, 6_000)
    assert bring(yard, told, 5_999) == (1, PENALTY)


# What was owed and not what was charged -------------------------------------------------------


def test_dispute__charge_beyond_the_funds__brings_only_what_was_owed(yard: Yard):
    post_bond(yard)
    told = lie(yard, yard.open_simple(5_000))
    for active_ms in (5_999, 5_001, 5_000):
        with reverts(NOTHING):
            bring(yard, told, active_ms)
    assert bring(yard, told, 4_999) == (1, PENALTY)
    assert bring(yard, told, 0) == (4_999, 0)
    with reverts(NOTHING):
        bring(yard, told, 0)


def test_dispute__topped_up_since__brings_what_is_owed_by_now(yard: Yard, customer):
    post_bond(yard)
    told = lie(yard, yard.open_simple(5_000))
    yard.meter.transact(customer, "top_up", told.rental, 400, value=400)
    assert bring(yard, told, 4_500) == (900, PENALTY)
    with reverts(NOTHING):
        bring(yard, told, 4_500)
    assert yard.call("refunded", told.rental) == 900


@pytest.mark.parametrize(
    ("caps", "limit"),
    [
        # Ten seconds after the opening, an hour's head start makes 3,610 seconds.
        ((5_000, 2**96 - 1), 5_000),
        ((2**96 - 1, 3_600), 3_610),
        ((3_609, 3_600), 3_609),
    ],
)
def test_dispute__capped_rental__brings_only_what_was_owed(yard: Yard, customer, caps, limit):
    post_bond(yard)
    tariff = yard.publish(SIMPLE)
    drill = yard.list_drill(tariff=tariff)
    arguments = drill, tariff, 1_000_000, caps, NO_DEADLINE
    opened = yard.meter.transact(customer, "open_rental", *arguments, value=1_000_000)
    told = lie(yard, opened.result)
    assert yard.call("earned", told.rental) == limit
    yard.chain.advance(7_200)
    for until in (told.settled.until, yard.now_ms):
        with reverts(NOTHING):
            dispute(yard, lower(told.settled, limit, until))
    receipt = lower(told.settled, limit - 1, yard.now_ms)
    assert amounts(dispute(yard, receipt)) == (1, PENALTY)


# One receipt after the other ------------------------------------------------------------------


def test_dispute__lower_receipt_later__brings_only_the_difference(yard: Yard, told):
    assert bring(yard, told, 5_000) == (1_000, PENALTY)
    assert bring(yard, told, 4_999) == (1, 0)
    assert bring(yard, told, 100) == (4_899, 0)
    assert yard.call("refunded", told.rental) == 5_900
    assert posted(yard) == BOND - PENALTY
    assert yard.call("revenue") == 100


def test_dispute__same_or_higher_receipt_again__reverts(yard: Yard, told):
    bring(yard, told, 5_000)
    for active_ms in (5_000, 5_001, 5_500):
        with reverts(NOTHING):
            bring(yard, told, active_ms)
    with reverts(NOTHING):
        dispute(yard, lower(told.settled, 5_000, yard.now_ms))


def test_dispute__registers_lower_in_different_receipts__do_not_add_up(yard: Yard):
    """Each receipt is judged alone, and the best of them is what counts."""
    post_bond(yard)
    rental = yard.open_simple()
    yard.chain.advance(10)
    settled = yard.reading(rental, active_ms_1=3_000, active_ms_2=3_000)
    yard.settle(yard.signed(settled))
    first = replace(settled, registers=replace(settled.registers, active_ms_1=2_000))
    second = replace(settled, registers=replace(settled.registers, active_ms_2=1_500))
    assert amounts(dispute(yard, first)) == (1_000, PENALTY)
    assert amounts(dispute(yard, second)) == (500, 0)


def test_dispute__settled_three_times__is_held_against_the_last(yard: Yard):
    post_bond(yard)
    rental = yard.open_simple()
    for active_ms in (1_000, 2_000, 3_000):
        yard.chain.advance(10)
        settled = yard.reading(rental, active_ms_1=active_ms)
        yard.settle(yard.signed(settled))
    with reverts(NOTHING):
        dispute(yard, lower(settled, 0, settled.until - 10_000))
    assert amounts(dispute(yard, lower(settled, 500))) == (2_500, PENALTY)


def test_dispute__two_rentals__are_counted_apart(yard: Yard, told):
    other = lie(yard)
    assert bring(yard, told, CLAIMED_MS) == (DUE, PENALTY)
    assert bring(yard, other, CLAIMED_MS - 1) == (DUE + 1, 0)
    refunded = [yard.call("refunded", one.rental) for one in (told, other)]
    assert refunded == [DUE, DUE + 1]
