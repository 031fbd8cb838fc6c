"""settle: what one reading does to the books, and each reason to reject it.

Signatures are in test_settle_signatures.py, batches in test_settle_batches.py.
"""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, LOG_ROOT, RESERVE, TARIFF, Yard
from contracts.evm import Event, Receipt, event

from protocol.meter_word import pack_meter
from protocol.records import Registers

RAISED = {"active_ms_1": 1_000, "revolutions_1": 30, "active_ms_2": 2_000, "revolutions_2": 40}
"""Within ten seconds and every level's highest rpm."""


def rejected(rental: int, until: int, reason: str) -> Event:
    return event("ReadingRejected", rental=rental, until=until, reason=reason)


def assert_rejected(yard: Yard, rental: int, reason: str, until: int, **registers: int) -> None:
    """Expect that one signed reading is skipped and changes nothing."""
    state, money = yard.call("rental", rental), yard.money()
    receipt = yard.use(rental, until, **registers)
    assert receipt.events == [rejected(rental, until, reason)]
    assert yard.call("rental", rental) == state
    assert yard.money() - money == {}


def assert_settled(receipt: Receipt) -> None:
    assert [e.name for e in receipt.events] == ["UsageSettled"]


def test_settle__a_reading__books_registers_and_charge(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    reading = yard.reading(rental, None, **RAISED)
    before = yard.money()
    receipt = yard.settle(yard.signed(reading))
    # (1,000 x 1,103 + 2,000 x 2,207 + 30 x 11,003 + 40 x 7,001 + 10,000 x 97) / 1000
    charge = (1_103_000 + 4_414_000 + 330_090 + 280_040 + 970_000) // 1000
    assert charge == 7_097
    assert receipt.events == [
        event(
            "UsageSettled",
            rental=rental,
            until=reading.until,
            meter=pack_meter(reading.until, reading.registers),
            log_size=reading.log_size,
            log_root=LOG_ROOT,
            charge=charge,
        )
    ]
    assert yard.money() - before == {}
    assert yard.call("charge", rental) == charge
    assert yard.call("balance_of", rental) == RESERVE - charge
    assert yard.call("earned", rental) == charge
    assert yard.call("rental", rental)["until"] == reading.until
    assert tuple(yard.call("registers", rental).values()) == reading.registers.as_tuple()


@pytest.mark.parametrize(
    ("register", "amount", "thousandths"),
    [
        ("active_ms_1", 10_000, 11_030_000),
        ("active_ms_2", 10_000, 22_070_000),
        ("active_ms_3", 10_000, 33_010_000),
    ],
)
def test_settle__each_level__costs_its_price(yard: Yard, register, amount, thousandths):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, **{register: amount})
    assert yard.call("charge", rental) == (thousandths + 10_000 * 97) // 1000


@pytest.mark.parametrize(
    ("level", "highest", "price"), [(1, 500, 11_003), (2, 250, 7_001), (3, 100, 5_003)]
)
def test_settle__revolutions_of_each_level__cost_their_price(yard: Yard, level, highest, price):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, **{f"active_ms_{level}": 10_000, f"revolutions_{level}": highest})
    active = 10_000 * TARIFF.levels[level - 1].price_per_second
    assert yard.call("charge", rental) == (active + highest * price + 970_000) // 1000


def test_settle__a_later_reading__replaces_the_earlier(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    yard.chain.advance(10)
    assert_settled(yard.use(rental, active_ms_1=1_500, active_ms_3=4))
    registers = Registers(active_ms_1=1_500, active_ms_3=4)
    assert tuple(yard.call("registers", rental).values()) == registers.as_tuple()


def test_settle__standing_time_only__costs_the_standing_price(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, yard.now_ms - 1)
    assert yard.call("charge", rental) == 9_999 * 97 // 1000


def test_settle__the_charge__is_rounded_down_once(yard: Yard):
    rental = yard.open()
    yard.chain.advance(1)
    # 1,103 + 2,207 + 3,301 + 3 x 97 thousandths: rounded one by one it would be 6.
    yard.use(rental, yard.now_ms - 997, active_ms_1=1, active_ms_2=1, active_ms_3=1)
    assert yard.call("charge", rental) == 6_902 // 1000
    yard.use(rental, yard.now_ms - 995, active_ms_1=1, active_ms_2=1, active_ms_3=1)
    assert yard.call("charge", rental) == 7_096 // 1000


@pytest.mark.parametrize("late", [0, -1])
def test_settle__until_now_or_just_before__settles(yard: Yard, late):
    rental = yard.open()
    yard.chain.advance(10)
    assert_settled(yard.use(rental, yard.now_ms + late))


@pytest.mark.parametrize("early", [1, 999, 1_000])
def test_settle__until_after_now__is_rejected(yard: Yard, early):
    rental = yard.open()
    yard.chain.advance(10)
    assert_rejected(yard, rental, "in the future", yard.now_ms + early)


def test_settle__until_is_the_largest_time__is_rejected(yard: Yard):
    rental = yard.open()
    assert_rejected(yard, rental, "in the future", 2**43 - 1)


@pytest.mark.parametrize("later", [-1, 0])
def test_settle__not_later_than_the_last__is_rejected(yard: Yard, later):
    rental = yard.open()
    until = yard.now_ms + 5_000
    yard.chain.advance(10)
    yard.use(rental, until, active_ms_1=1_000)
    registers = {"active_ms_1": 1_000}
    assert_rejected(yard, rental, "not later than the last", until + later, **registers)
    assert_settled(yard.use(rental, until + 1, **registers))


@pytest.mark.parametrize("until", [0, 1])
def test_settle__at_or_before_the_opening__is_rejected(yard: Yard, until):
    rental = yard.open()
    opened_at_ms = yard.now_ms
    yard.chain.advance(10)
    assert_rejected(yard, rental, "not later than the last", opened_at_ms)
    assert_rejected(yard, rental, "not later than the last", until)


@pytest.mark.parametrize("beyond", [1, 1_000])
def test_settle__after_the_end__is_rejected(yard: Yard, beyond):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.advance(10)
    assert_rejected(yard, rental, "after the end", ended_at * 1000 + beyond)


def test_settle__just_before_the_end__settles_and_stays_ended(yard: Yard):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.advance(10)
    assert_settled(yard.use(rental, ended_at * 1000 - 1, active_ms_1=5))
    assert yard.call("rental", rental)["state"] == 2


def test_settle__at_the_end__closes_at_once(yard: Yard, customer):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.advance(10)
    before = yard.money()
    receipt = yard.use(rental, ended_at * 1000, active_ms_1=5_000)
    charge = (5_000 * 1_103 + 10_000 * 97) // 1000
    assert [e.name for e in receipt.events] == ["UsageSettled", "RentalClosed"]
    assert receipt.events[1] == event(
        "RentalClosed",
        rental=rental,
        customer=customer.address,
        charge=charge,
        refund=RESERVE - charge,
    )
    assert yard.money() - before == {"revenue": charge, "customer.account": RESERVE - charge}
    assert yard.call("rental", rental)["state"] == 4
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_settle__closed_rental__is_rejected(yard: Yard):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.advance(10)
    yard.use(rental, ended_at * 1000, active_ms_1=5_000)
    assert_rejected(yard, rental, "rental is closed", ended_at * 1000, active_ms_1=9_000)
    assert_rejected(yard, rental, "rental is closed", yard.now_ms, active_ms_1=9_000)


def test_settle__last_second_of_the_grace_period__still_settles(yard: Yard):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.set_time(ended_at + GRACE_PERIOD - 1)
    assert_settled(yard.use(rental, ended_at * 1000 - 500, active_ms_1=1_000))


@pytest.mark.parametrize("late", [0, 1, 10**6])
def test_settle__grace_period_is_over__is_rejected(yard: Yard, stranger, late):
    rental = yard.open()
    yard.chain.advance(9)
    ended_at = yard.end(rental)
    yard.chain.set_time(ended_at + GRACE_PERIOD + late)
    assert_rejected(yard, rental, "grace period is over", ended_at * 1000, active_ms_1=2_000)
    yard.meter.transact(stranger, "close_rental", rental)
    assert_rejected(yard, rental, "rental is closed", ended_at * 1000, active_ms_1=2_000)


def test_settle__paused__still_works(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    yard.provide("pause")
    assert_settled(yard.use(rental))


def test_settle__sent_by_anyone__works(yard: Yard, stranger, customer):
    rental = yard.open()
    for sender in (stranger, customer, yard.provider):
        yard.chain.advance(10)
        batch = yard.signed(yard.reading(rental))
        assert_settled(yard.settle(batch, sender=sender))


def test_settle__exhausts_the_balance__says_so_once(yard: Yard):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    steps = [(9_999, 0), (10_000, 1), (10_001, 0), (10_500, 0)]
    for number, (active_ms, exhausted) in enumerate(steps):
        receipt = yard.use(rental, yard.now_ms - 10_000 + 500 * number, active_ms_1=active_ms)
        assert receipt.events[1:] == exhausted * [
            event("BalanceExhausted", rental=rental, charge=active_ms, limit=10_000)
        ]
        assert yard.call("balance_of", rental) == max(10_000 - active_ms, 0)
        assert yard.call("charge", rental) == active_ms
        assert yard.call("earned", rental) == min(active_ms, 10_000)


def test_settle__crosses_with_one_reading__says_what_it_was_charged(yard: Yard):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    receipt = yard.use(rental, active_ms_2=10_777)
    assert receipt.named("BalanceExhausted") == [
        event("BalanceExhausted", rental=rental, charge=10_777, limit=10_000)
    ]


def test_settle__exhausts_again_after_a_top_up__says_so_again(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_000)
    yard.meter.transact(customer, "top_up", rental, 100, value=100)
    yard.chain.advance(60)
    assert_settled(yard.use(rental, yard.now_ms - 1, active_ms_1=10_099))
    receipt = yard.use(rental, active_ms_1=10_100)
    assert receipt.named("BalanceExhausted") == [
        event("BalanceExhausted", rental=rental, charge=10_100, limit=10_100)
    ]


def test_settle__overuse_covered_to_the_unit__does_not_say_exhausted_again(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=10_100)
    yard.meter.transact(customer, "top_up", rental, 100, value=100)
    yard.chain.advance(60)
    assert_settled(yard.use(rental, active_ms_1=10_200))


def test_settle__exhausted_and_final__closes_without_a_refund(yard: Yard, customer):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    ended_at = yard.end(rental)
    before = yard.money()
    receipt = yard.use(rental, ended_at * 1000, active_ms_1=12_000)
    assert [e.name for e in receipt.events] == ["UsageSettled", "BalanceExhausted", "RentalClosed"]
    assert receipt.events[2].args["refund"] == 0
    assert receipt.events[2].args["charge"] == 12_000
    assert yard.money() - before == {"revenue": 10_000}
