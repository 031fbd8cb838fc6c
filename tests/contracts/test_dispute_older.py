"""dispute: a receipt from before the last settled reading, and what may have happened since.

An honest meter can have grown by the time that passed, and by the highest rpm over it; what was
settled beyond that comes back.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import PENALTY, SIMPLE, TARIFF, Yard, new_key
from contracts.evidence import amounts, dispute, lower, post_bond, posted
from contracts.evm import reverts

from protocol.records import LevelRate, Reading, Registers, Tariff

NOTHING = "disputes: nothing overcharged"
ACTIVE = ("active_ms_1", "active_ms_2", "active_ms_3")
TURNED = ("revolutions_1", "revolutions_2", "revolutions_3")
BY_THE_TURN = Tariff(tuple(LevelRate(0, 1_000, rate.max_rpm) for rate in TARIFF.levels), 0, 1)
"""One unit a revolution, at 3,000, 1,500 and 600 rpm."""


def open_under(yard: Yard, tariff: Tariff) -> int:
    """Post a bond and open a rental under a tariff of its own."""
    post_bond(yard)
    number = yard.publish(tariff)
    return yard.open(drill=yard.list_drill(tariff=number), tariff=number)


def settle(yard: Yard, rental: int, **registers: int) -> Reading:
    """Settle a reading of now."""
    settled = yard.reading(rental, **registers)
    receipt = yard.settle(yard.signed(settled))
    assert [e.name for e in receipt.events] == ["UsageSettled"]
    return settled


def ago(reading: Reading, ms: int, **registers: int) -> Reading:
    """What a receipt from `ms` before says."""
    changed = replace(reading.registers, **registers)
    return replace(reading, until=reading.until - ms, registers=changed)


@pytest.mark.parametrize("register", ACTIVE)
@pytest.mark.parametrize("passed_ms", [0, 1, 2_000, 10_000])
def test_dispute__older_receipt__allows_active_time_the_wall_clock_since(
    yard: Yard, register, passed_ms
):
    rental = open_under(yard, SIMPLE)
    yard.chain.advance(20)
    settled = settle(yard, rental, **{register: 15_000})
    shown = 15_000 - passed_ms
    with reverts(NOTHING):
        dispute(yard, ago(settled, passed_ms, **{register: shown}))
    receipt = ago(settled, passed_ms, **{register: shown - 1})
    assert amounts(dispute(yard, receipt)) == (1, PENALTY)
    receipt = ago(settled, passed_ms, **{register: 0})
    assert amounts(dispute(yard, receipt)) == (shown - 1, 0)


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("passed_ms", [0, 1, 99, 100, 101, 7_001])
def test_dispute__older_receipt__allows_revolutions_the_highest_rpm_since(
    yard: Yard, level, passed_ms
):
    """Registers are floored, so a growth is rounded up."""
    rental = open_under(yard, BY_THE_TURN)
    yard.chain.advance(20)
    register, active = TURNED[level - 1], ACTIVE[level - 1]
    turned = 20_000 * TARIFF.levels[level - 1].max_rpm // 60_000
    settled = settle(yard, rental, **{active: 20_000, register: turned})
    growth = -(-passed_ms * TARIFF.levels[level - 1].max_rpm // 60_000)
    shown = turned - growth
    with reverts(NOTHING):
        dispute(yard, ago(settled, passed_ms, **{register: shown}))
    receipt = ago(settled, passed_ms, **{register: shown - 1})
    assert amounts(dispute(yard, receipt)) == (1, PENALTY)
    receipt = ago(settled, passed_ms, **{register: 0})
    assert amounts(dispute(yard, receipt)) == (shown - 1, 0)


def test_dispute__older_receipt__allows_the_smallest_part_of_a_revolution(yard: Yard):
    """In 17,143 ms 7 rpm make two revolutions and a 60,000th."""
    rental = open_under(yard, Tariff((LevelRate(0, 1_000, 7),) * 3, 0, 1))
    yard.chain.advance(60)
    settled = settle(yard, rental, active_ms_1=60_000, revolutions_1=7)
    with reverts(NOTHING):
        dispute(yard, ago(settled, 17_143, revolutions_1=4))
    assert amounts(dispute(yard, ago(settled, 17_143, revolutions_1=3))) == (1, PENALTY)


def test_dispute__receipt_from_less_than_half_the_time_since_1970__allows_all_that_passed(
    yard: Yard,
):
    rental = open_under(yard, SIMPLE)
    opened_ms = yard.now_ms
    yard.chain.set_time(2 * yard.chain.now + 1)
    settled = settle(yard, rental, active_ms_1=9_000)
    with reverts(NOTHING):
        dispute(yard, lower(settled, 0, opened_ms))


@pytest.mark.parametrize("passed_ms", [0, 5_000])
def test_dispute__older_receipt__is_judged_register_by_register(yard: Yard, passed_ms):
    """One register shows a lie, the others show more than was settled."""
    rental = open_under(yard, TARIFF)
    yard.chain.advance(60)
    registers = Registers(20_000, 15_000, 10_000, 900, 300, 80)
    settled = replace(yard.reading(rental), registers=registers)
    yard.settle(yard.signed(settled))
    high = Registers(*[2**33] * 6)
    receipt = replace(
        settled,
        until=settled.until - passed_ms,
        registers=replace(high, active_ms_2=1_000),
    )
    was = 15_000 * 2_207
    now = (1_000 + passed_ms) * 2_207
    rest = 20_000 * 1_103 + 10_000 * 3_301 + 900 * 11_003 + 300 * 7_001 + 80 * 5_003 + 60_000 * 97
    due = (was + rest) // 1000 - (now + rest) // 1000
    assert amounts(dispute(yard, receipt)) == (due, PENALTY)


def test_dispute__receipt_from_before_the_opening__allows_all_that_can_have_been(yard: Yard):
    yard.chain.advance(100)
    rental = open_under(yard, SIMPLE)
    opened_ms = yard.now_ms
    yard.chain.advance(10)
    settled = settle(yard, rental, active_ms_1=10_000)
    for until in (opened_ms, opened_ms - 1, opened_ms - 100_000):
        with reverts(NOTHING):
            dispute(yard, lower(settled, 0, until))
    with reverts("disputes: not while in force"):
        dispute(yard, lower(settled, 0, opened_ms - 100_001))


def test_dispute__lie_was_followed_by_a_later_reading__the_older_receipt_still_counts(yard: Yard):
    rental = open_under(yard, SIMPLE)
    yard.chain.advance(10)
    lie = settle(yard, rental, active_ms_1=9_000)
    yard.chain.advance(2)
    settle(yard, rental, active_ms_1=9_000)
    assert amounts(dispute(yard, lower(lie, 1_000))) == (6_000, PENALTY)


def test_dispute__standing_price_since_an_older_receipt__is_never_refunded(yard: Yard):
    rental = open_under(yard, replace(SIMPLE, standing_price_per_second=100))
    yard.chain.advance(10)
    settled = settle(yard, rental, active_ms_1=9_000)
    yard.chain.advance(5)
    assert yard.call("charge", rental) == 10_000
    assert amounts(dispute(yard, ago(settled, 4_000, active_ms_1=0))) == (5_000, PENALTY)


@pytest.mark.parametrize("passed_ms", [1, 999, 60_000])
def test_dispute__honest_box_at_full_speed__is_never_convicted(yard: Yard, passed_ms):
    """Every register grows as fast as it may; both readings are floored as the meter does it."""
    rental = open_under(yard, TARIFF)
    yard.chain.advance(200)
    end_ms = 90_000
    rpm = TARIFF.levels[0].max_rpm
    settled = settle(yard, rental, active_ms_1=end_ms, revolutions_1=(end_ms * rpm) // 60_000)
    begin_ms = end_ms - passed_ms
    receipt = ago(settled, passed_ms, active_ms_1=begin_ms, revolutions_1=begin_ms * rpm // 60_000)
    with reverts(NOTHING):
        dispute(yard, receipt)
    assert posted(yard) > 0
    assert yard.call("oracle", yard.oracle)["suspended"] is False


@pytest.mark.parametrize("settled_by_the_next", [False, True])
def test_dispute__older_receipt_of_a_former_key__counts_until_the_next_key_has_settled(
    yard: Yard, settled_by_the_next
):
    rental = open_under(yard, SIMPLE)
    yard.chain.advance(10)
    settled = settle(yard, rental, active_ms_1=9_000)
    new = new_key("next")
    yard.provide("rotate_oracle", yard.oracle, new.address)
    yard.chain.advance(1)
    if not settled_by_the_next:
        assert amounts(dispute(yard, ago(settled, 3_000, active_ms_1=0))) == (6_000, PENALTY)
        return
    later = replace(settled, until=yard.now_ms)
    yard.settle(yard.signed(later, key=new))
    with reverts("disputes: a later key settled"):
        dispute(yard, ago(settled, 0, active_ms_1=0))
