"""What a capped rental owes as readings settle, is topped up, collected and closed."""

from __future__ import annotations

import pytest
from contracts.builders import GRACE_PERIOD, Yard
from contracts.capped import DEAR, HOUR_MS, NO_CAP, most, open_capped, owed
from contracts.evm import Receipt, event

RESERVE = 10_000
PER_HOUR = 3_600
"""A unit each second, after 3,600 to start with."""


def now_and(yard: Yard, elapsed_ms: int) -> int:
    """A time after the opening (which was just now), reached by the chain; Unix ms."""
    opened_ms = yard.now_ms
    yard.chain.advance(-(-elapsed_ms // 1_000))
    return opened_ms + elapsed_ms


def news(receipt: Receipt) -> list[tuple[str, int]]:
    """Which of the two events about the credit came, with limit or credit."""
    return [
        (e.name, e.args["limit"] if e.name == "BalanceExhausted" else e.args["balance"])
        for e in receipt.events
        if e.name in ("BalanceExhausted", "BalancePositive")
    ]


# The most that is owed ---------------------------------------------------------------------------

ELAPSED = (1, 2, 999, 1_000, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS - 1, 2 * HOUR_MS)


@pytest.mark.parametrize("elapsed_ms", ELAPSED)
@pytest.mark.parametrize("per_hour", [1, 2, PER_HOUR, 3_599_999, 3_600_007, 10**11 + 3])
def test_limit__by_the_hour__has_one_hours_head_start(yard: Yard, elapsed_ms, per_hour):
    rental = open_capped(yard, 10**18, per_hour=per_hour, of=DEAR)
    until = now_and(yard, elapsed_ms)
    yard.use(rental, until, active_ms_1=elapsed_ms)
    assert owed(yard, rental) == most(10**18, NO_CAP, per_hour, elapsed_ms)
    assert yard.call("charge", rental) == elapsed_ms * 10**12


@pytest.mark.parametrize(
    ("elapsed_ms", "limit"),
    [
        (514_285, 7),
        (514_286, 8),
        (514_287, 8),
        (1_028_571, 8),
        (1_028_572, 9),
        (HOUR_MS - 1, 13),
        (HOUR_MS, 14),
        (10 * HOUR_MS - 1, 76),
        (10 * HOUR_MS, 77),
    ],
)
def test_limit__seven_an_hour__is_rounded_down(yard: Yard, elapsed_ms, limit):
    """A seventh of an hour is 514,285.7 ms."""
    rental = open_capped(yard, 10**18, per_hour=7, of=DEAR)
    yard.use(rental, now_and(yard, elapsed_ms), active_ms_1=elapsed_ms)
    assert owed(yard, rental) == limit


@pytest.mark.parametrize("spared", [-1, 0, 1])
@pytest.mark.parametrize("least", ["reserve", "per_rental", "per_hour"])
def test_limit__of_three__is_the_least(yard: Yard, least, spared):
    """Each in turn lies just below, at and just above the two others."""
    at = 5_000
    of = {"reserve": at, "per_rental": at, "per_hour": at} | {least: at + spared}
    rental = open_capped(yard, *of.values(), of=DEAR)
    yard.use(rental, now_and(yard, 1), active_ms_1=1)
    assert owed(yard, rental) == min(at, at + spared)


def test_limit__the_longest_rental_at_the_widest_cap__does_not_overflow(yard: Yard):
    rental = open_capped(yard, NO_CAP, per_hour=NO_CAP - 1, of=DEAR)
    yard.chain.set_time((2**43 - 1) // 1_000)
    yard.use(rental, active_ms_1=2**37 - 1)
    assert owed(yard, rental) == (2**37 - 1) * 10**12


@pytest.mark.parametrize("active_ms", [4_999, 5_000, 5_001, 9_000])
def test_settle__around_the_cap__registers_go_on_and_the_debt_stops(
    yard: Yard, customer, active_ms
):
    rental = open_capped(yard, RESERVE, per_rental=5_000)
    yard.chain.advance(60)
    before = yard.money()
    receipt = yard.use(rental, active_ms_1=active_ms)
    assert yard.money() - before == {}
    (settled,) = receipt.named("UsageSettled")
    assert settled.args["charge"] == yard.call("charge", rental) == active_ms
    assert yard.call("registers", rental)["active_ms_1"] == active_ms
    assert yard.call("earned", rental) == min(active_ms, 5_000)
    assert yard.call("balance_of", rental) == RESERVE - min(active_ms, 5_000)
    receipt = yard.finish(rental)
    assert receipt.events[-1] == event(
        "RentalClosed",
        rental=rental,
        customer=customer.address,
        charge=active_ms,
        refund=RESERVE - min(active_ms, 5_000),
    )
    assert yard.money() - before == {
        "revenue": min(active_ms, 5_000),
        "customer.account": RESERVE - min(active_ms, 5_000),
    }


@pytest.mark.parametrize("late_ms", [0, 1_000, 5_000])
def test_close_rental__silent_oracle__owes_by_the_hour_up_to_the_last_reading(
    yard: Yard, customer, late_ms
):
    """Time without a reading raises no limit."""
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    until = now_and(yard, 10_000)
    yard.use(rental, until, active_ms_1=4_000)
    yard.chain.advance(late_ms // 1_000)
    yard.end(rental)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "close_rental", rental)
    assert yard.account(customer) == RESERVE - 3_610
    assert yard.call("revenue") == 3_610
    assert yard.call("earned", rental) == 0
    assert yard.call("balance_of", rental) == RESERVE - 3_610


# What is said ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active_ms", "said"),
    [
        (4_999, []),
        (5_000, [("BalanceExhausted", 5_000)]),
        (5_001, [("BalanceExhausted", 5_000)]),
    ],
)
def test_settle__charge_reaches_the_rentals_cap__says_so_once(yard: Yard, active_ms, said):
    rental = open_capped(yard, RESERVE, per_rental=5_000)
    yard.chain.advance(30)
    assert news(yard.use(rental, active_ms_1=active_ms)) == said
    yard.chain.advance(30)
    assert news(yard.use(rental, active_ms_1=active_ms)) == []
    yard.chain.advance(30)
    later = [] if said else [("BalanceExhausted", 5_000)]
    assert news(yard.use(rental, active_ms_1=active_ms + 1)) == later


@pytest.mark.parametrize(
    ("active_ms", "said"),
    [
        (3_609, []),
        (3_610, [("BalanceExhausted", 3_610)]),
        (3_611, [("BalanceExhausted", 3_610)]),
    ],
)
def test_settle__charge_reaches_the_hourly_cap__says_so(yard: Yard, active_ms, said):
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    yard.chain.advance(10)
    assert news(yard.use(rental, active_ms_1=active_ms)) == said


def test_settle__exhausted__names_rental_charge_and_limit(yard: Yard, customer):
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    yard.chain.advance(10)
    receipt = yard.use(rental, active_ms_1=4_000)
    assert receipt.events[1:] == [
        event("BalanceExhausted", rental=rental, charge=4_000, limit=3_610)
    ]
    yard.chain.advance(391)
    receipt = yard.use(rental, active_ms_1=4_000)
    assert receipt.events[1:] == [
        event(
            "BalancePositive",
            rental=rental,
            drill=yard.call("rental", rental)["drill"],
            customer=customer.address,
            balance=1,
        )
    ]


def test_settle__hourly_cap_lets_more_be_owed__says_so_exactly_at_the_crossing(yard: Yard):
    """One reading a second; (active ms so far, what is said). The limit rises by one a second."""
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    yard.chain.advance(10)
    for active_ms, said in (
        (3_611, [("BalanceExhausted", 3_610)]),
        (3_611, []),
        (3_611, [("BalancePositive", 1)]),
        (3_611, []),
        (3_613, []),
        (3_615, [("BalanceExhausted", 3_615)]),
        (3_617, []),
        (3_617, []),
        (3_618, []),
        (3_618, [("BalancePositive", 1)]),
    ):
        assert news(yard.use(rental, active_ms_1=active_ms)) == said
        yard.chain.advance(1)


def test_settle__credit_before_and_after__says_nothing_though_the_limit_rose(yard: Yard):
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    for active_ms in (3_000, 3_601, 3_800):
        yard.chain.advance(300)
        assert news(yard.use(rental, active_ms_1=active_ms)) == []


def test_settle__uncapped_and_exhausted__is_never_positive_again(yard: Yard):
    rental = yard.open_simple(5_000)
    yard.chain.advance(60)
    assert news(yard.use(rental, active_ms_1=5_000)) == [("BalanceExhausted", 5_000)]
    yard.chain.advance(4 * 3_600)
    assert news(yard.use(rental, active_ms_1=5_000)) == []


def test_settle__other_cap_is_reached_by_then__is_not_positive(yard: Yard):
    """The hour would allow more, the rental's own cap does not."""
    rental = open_capped(yard, RESERVE, per_rental=3_650, per_hour=PER_HOUR)
    yard.chain.advance(10)
    assert news(yard.use(rental, active_ms_1=3_650)) == [("BalanceExhausted", 3_610)]
    yard.chain.advance(1_000)
    assert news(yard.use(rental, active_ms_1=3_650)) == []
    assert owed(yard, rental) == 3_650


def test_settle__final_reading_lets_more_be_owed__is_positive_and_closes(yard: Yard):
    rental = open_capped(yard, RESERVE, per_hour=PER_HOUR)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=3_620)
    yard.chain.advance(20)
    receipt = yard.finish(rental)
    assert [e.name for e in receipt.events] == ["UsageSettled", "BalancePositive", "RentalClosed"]
    assert news(receipt) == [("BalancePositive", 11)]
    assert yard.account(yard.customer) == RESERVE - 3_620
