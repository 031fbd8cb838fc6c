"""settle: a reading has to have grown out of the last one.

Active time cannot outgrow the wall clock, revolutions not what the highest rpm allows, and no
register falls.
"""

from __future__ import annotations

import pytest
from contracts.builders import TARIFF, Yard, with_level
from contracts.evm import Receipt

from protocol.records import Registers

LEVELS = pytest.mark.parametrize("level", [1, 2, 3])
MAX_RPM = {level: TARIFF.levels[level - 1].max_rpm for level in (1, 2, 3)}

BASE = {
    "active_ms_1": 20_000,
    "active_ms_2": 20_000,
    "active_ms_3": 20_000,
    "revolutions_1": 200,
    "revolutions_2": 150,
    "revolutions_3": 100,
}


def is_settled(receipt: Receipt) -> bool:
    """Whether a settlement of one reading took it; otherwise it must be implausible."""
    if receipt.events[0].name == "UsageSettled":
        return True
    assert [e.name for e in receipt.events] == ["ReadingRejected"]
    assert receipt.events[0].args["reason"] == "implausible registers"
    return False


def used(yard: Yard) -> tuple[int, int]:
    """A rental with the registers of BASE at the time that is returned (ms), ten minutes ago."""
    rental = yard.open(10**12)
    until = yard.chain.advance(120) * 1000
    assert is_settled(yard.use(rental, until, **BASE))
    yard.chain.advance(600)
    return rental, until


@pytest.mark.parametrize("register", list(BASE))
def test_settle__one_register_falls_by_one__is_rejected(yard: Yard, register):
    rental, until = used(yard)
    fallen = BASE | {register: BASE[register] - 1}
    assert not is_settled(yard.use(rental, until + 60_000, **fallen))
    assert tuple(yard.call("registers", rental).values()) == Registers(**BASE).as_tuple()


@pytest.mark.parametrize("register", list(BASE))
def test_settle__one_register_falls_to_nothing__is_rejected(yard: Yard, register):
    rental, until = used(yard)
    assert not is_settled(yard.use(rental, until + 60_000, **(BASE | {register: 0})))


@LEVELS
def test_settle__one_level_falls_as_another_rises__is_rejected(yard: Yard, level):
    rental, until = used(yard)
    other = level % 3 + 1
    moved = BASE | {
        f"active_ms_{level}": BASE[f"active_ms_{level}"] - 1_000,
        f"active_ms_{other}": BASE[f"active_ms_{other}"] + 1_000,
    }
    assert not is_settled(yard.use(rental, until + 60_000, **moved))


def test_settle__nothing_but_time_passed__settles(yard: Yard):
    rental, until = used(yard)
    assert is_settled(yard.use(rental, until + 1, **BASE))


@LEVELS
@pytest.mark.parametrize(("beyond", "settles"), [(-1, True), (0, True), (1, False)])
def test_settle__active_time_against_the_wall_clock__may_be_equal(
    yard: Yard, level, beyond, settles
):
    rental, until = used(yard)
    register = f"active_ms_{level}"
    raised = BASE | {register: BASE[register] + 5_000 + beyond}
    assert is_settled(yard.use(rental, until + 5_000, **raised)) is settles


@pytest.mark.parametrize(("beyond", "settles"), [(0, True), (1, False)])
def test_settle__active_time_of_all_levels_together__fits_the_wall_clock(
    yard: Yard, beyond, settles
):
    rental, until = used(yard)
    raised = BASE | {
        "active_ms_1": 20_000 + 1_000,
        "active_ms_2": 20_000 + 2_000,
        "active_ms_3": 20_000 + 3_000 + beyond,
    }
    assert is_settled(yard.use(rental, until + 6_000, **raised)) is settles


@LEVELS
@pytest.mark.parametrize(("beyond", "settles"), [(-1, True), (0, True), (1, False)])
def test_settle__revolutions_of_a_rental__stay_within_the_highest_rpm(
    yard: Yard, level, beyond, settles
):
    rental = yard.open(10**12)
    yard.chain.advance(60)
    highest = 30_000 * MAX_RPM[level] // 60_000
    registers = {f"active_ms_{level}": 30_000, f"revolutions_{level}": highest + beyond}
    assert is_settled(yard.use(rental, **registers)) is settles


@LEVELS
@pytest.mark.parametrize(("beyond", "settles"), [(0, True), (1, False)])
def test_settle__revolutions_since_the_last_reading__stay_within_the_highest_rpm(
    yard: Yard, level, beyond, settles
):
    # BASE turned slowly, so the totals would allow more.
    rental, until = used(yard)
    highest = 6_000 * MAX_RPM[level] // 60_000
    raised = BASE | {
        f"active_ms_{level}": 20_000 + 6_000,
        f"revolutions_{level}": BASE[f"revolutions_{level}"] + highest + beyond,
    }
    assert is_settled(yard.use(rental, until + 6_000, **raised)) is settles


@pytest.mark.parametrize(("turned", "settles"), [(1, True), (2, False)])
def test_settle__a_floored_revolution__may_appear_in_the_next_reading(yard: Yard, turned, settles):
    rental = yard.open(10**12)
    opened_at_ms = yard.now_ms
    yard.chain.advance(60)
    # At level 3's 600 rpm a revolution takes 100 ms: 99 ms make 0.99, 150 ms make 1.5.
    assert is_settled(yard.use(rental, opened_at_ms + 99, active_ms_3=99))
    raised = {"active_ms_3": 150, "revolutions_3": turned}
    assert is_settled(yard.use(rental, opened_at_ms + 150, **raised)) is settles


def test_settle__many_small_readings__gain_no_revolution_by_rounding(yard: Yard):
    rental = yard.open(10**12)
    opened_at_ms = yard.now_ms
    yard.chain.advance(60)
    taken = 0
    for step in range(1, 101):
        grown = {"active_ms_3": 10 * step, "revolutions_3": taken + 1}
        if is_settled(yard.use(rental, opened_at_ms + 10 * step, **grown)):
            taken += 1
    # A second at 600 rpm.
    assert taken == 10


@LEVELS
def test_settle__revolutions_at_standstill__are_rejected(yard: Yard, level):
    rental, until = used(yard)
    turned = BASE | {f"revolutions_{level}": BASE[f"revolutions_{level}"] + 1}
    assert not is_settled(yard.use(rental, until + 60_000, **turned))


@LEVELS
def test_settle__revolutions_under_the_slowest_tariff__are_rejected(yard: Yard, level):
    tariff = yard.publish(with_level(TARIFF, level, max_rpm=1))
    rental = yard.open(drill=yard.list_drill(tariff=tariff), tariff=tariff)
    yard.chain.advance(60)
    active = {f"active_ms_{level}": 30_000}
    turned = active | {f"revolutions_{level}": 1}
    assert not is_settled(yard.use(rental, yard.now_ms - 1, **turned))
    assert is_settled(yard.use(rental, **active))


@LEVELS
def test_settle__revolutions_of_another_level__do_not_lend_theirs(yard: Yard, level):
    rental, until = used(yard)
    other = level % 3 + 1
    raised = BASE | {
        f"active_ms_{other}": 20_000 + 6_000,
        f"revolutions_{level}": BASE[f"revolutions_{level}"] + 2,
    }
    assert not is_settled(yard.use(rental, until + 6_000, **raised))


@pytest.mark.parametrize("register", list(BASE))
def test_settle__a_register_is_full__is_rejected_without_reverting(yard: Yard, register):
    rental, until = used(yard)
    full = 2**37 - 1 if register.startswith("active") else 2**34 - 1
    assert not is_settled(yard.use(rental, until + 60_000, **(BASE | {register: full})))


def test_settle__widest_registers_over_years__settle_to_the_unit(yard: Yard):
    """The three active registers full, one after the other, with the widest prices there are."""
    price = 2**64 - 1
    wide = TARIFF
    for level in (1, 2, 3):
        changes = {"price_per_second": price, "price_per_1000_revolutions": price}
        wide = with_level(wide, level, max_rpm=2**20 - 1, **changes)
    wide = type(wide)(wide.levels, price, 1)
    tariff = yard.publish(wide)
    rental = yard.open(2**96 - 1, drill=yard.list_drill(tariff=tariff), tariff=tariff)
    opened_at_ms = yard.now_ms
    until = opened_at_ms + 3 * (2**37 - 1)
    yard.chain.set_time(until // 1000 + 1)
    active = {f"active_ms_{level}": 2**37 - 1 for level in (1, 2, 3)}
    turned = {f"revolutions_{level}": 2**34 - 1 for level in (1, 2, 3)}
    assert is_settled(yard.use(rental, until, **active, **turned))
    units = 6 * (2**37 - 1) + 3 * (2**34 - 1)
    assert yard.call("charge", rental) == units * price // 1000
    assert yard.call("balance_of", rental) == 2**96 - 1 - units * price // 1000
