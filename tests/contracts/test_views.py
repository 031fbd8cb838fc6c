"""What a page, an edge box or an auditor reads."""

from __future__ import annotations

from fractions import Fraction

import pytest
from contracts.builders import RESERVE, TARIFF, Yard
from contracts.evm import GENESIS_TIME, reverts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.records import LevelRate, Registers, Tariff

MAX_ELAPSED = 2**43 - 1
MAX_ACTIVE = 2**37 - 1
MAX_TURNED = 2**34 - 1
ZERO = (0,) * 6

UNKNOWN = {
    "rental": "rentals: no such rental",
    "registers": "rentals: no such rental",
    "charge": "rentals: no such rental",
    "balance_of": "rentals: no such rental",
    "earned": "rentals: no such rental",
    "tariff": "tariffs: no such tariff",
    "drill": "drills: no such drill",
    "oracle": "oracles: no such oracle",
}


@pytest.mark.parametrize(("view", "reason"), UNKNOWN.items())
@pytest.mark.parametrize("number", [0, 2, 2**30, 2**256 - 1])
def test_view__unknown_number__reverts(yard: Yard, view, reason, number):
    yard.open()
    with reverts(reason):
        yard.call(view, number)


@pytest.mark.parametrize("tariff", [0, 2, 2**256 - 1])
def test_quote__unknown_tariff__reverts(yard: Yard, tariff):
    with reverts("tariffs: no such tariff"):
        yard.call("quote", tariff, ZERO, 0)


def test_account__unknown_customer__has_nothing(yard: Yard, stranger):
    assert yard.account(stranger) == 0


def test_rental__through_its_life__shows_each_state(yard: Yard, customer):
    rental = yard.open()
    terms = {
        "customer": customer.address,
        "drill": yard.drill,
        "tariff": yard.tariff,
        "oracle": yard.oracle,
        "state": 1,
        "opened_at": GENESIS_TIME,
        "ended_at": 0,
        "until": GENESIS_TIME * 1000,
        "funded": RESERVE,
        "collected": 0,
    }
    assert yard.call("rental", rental) == terms
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    terms |= {"until": yard.now_ms}
    assert yard.call("rental", rental) == terms
    yard.provide("collect", [rental], yard.provider.address)
    terms |= {"collected": 2_073}
    assert yard.call("rental", rental) == terms
    yard.chain.advance(9)
    terms |= {"state": 2, "ended_at": yard.end(rental)}
    assert yard.call("rental", rental) == terms
    yard.use(rental, active_ms_1=2_000)
    terms |= {"state": 4, "until": yard.now_ms, "collected": 4_146}
    assert yard.call("rental", rental) == terms


def test_rental__widest_fields__stay_in_their_places(yard: Yard):
    rental = yard.open(2**96 - 1)
    yard.chain.advance(2**20 - 1)
    yard.end(rental)
    state = yard.call("rental", rental)
    assert (state["funded"], state["opened_at"]) == (2**96 - 1, GENESIS_TIME)
    assert state["ended_at"] == GENESIS_TIME + 2**20
    assert (state["tariff"], state["oracle"], state["drill"]) == (1, 1, 1)


def test_charge__over_the_funds__is_not_capped_and_the_balance_is(yard: Yard):
    rental = yard.open_simple(10_000)
    yard.chain.advance(60)
    yard.use(rental, active_ms_1=12_345)
    assert yard.call("charge", rental) == 12_345
    assert yard.call("balance_of", rental) == 0
    assert yard.call("earned", rental) == 10_000


@pytest.mark.parametrize(
    ("registers", "elapsed_ms", "reason"),
    [
        (ZERO, MAX_ELAPSED + 1, "meter: out of range"),
        (ZERO, 2**256 - 1, "meter: out of range"),
        *(
            ((0,) * i + (value,) + (0,) * (5 - i), 0, reason)
            for i, reason in enumerate(["meter: out of range"] * 6)
            for value in (MAX_ACTIVE + 1 if i < 3 else MAX_TURNED + 1, 2**256 - 1)
        ),
    ],
)
def test_quote__what_no_meter_can_hold__reverts(yard: Yard, registers, elapsed_ms, reason):
    with reverts(reason):
        yard.call("quote", yard.tariff, registers, elapsed_ms)


def test_quote__the_most_that_a_meter_can_hold__is_exact(yard: Yard):
    price = 2**64 - 1
    widest = Tariff((LevelRate(price, price, 2**20 - 1),) * 3, price, 0)
    tariff = yard.publish(widest)
    registers = (MAX_ACTIVE,) * 3 + (MAX_TURNED,) * 3
    thousandths = (3 * MAX_ACTIVE + 3 * MAX_TURNED + MAX_ELAPSED) * price
    assert yard.call("quote", tariff, registers, MAX_ELAPSED) == thousandths // 1000


def test_quote__of_a_running_rental__is_its_charge(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_234, active_ms_2=777, revolutions_2=11)
    registers = tuple(yard.call("registers", rental).values())
    assert yard.call("quote", yard.tariff, registers, 10_000) == yard.call("charge", rental)


def test_quote__retired_tariff__still_quotes(yard: Yard):
    yard.provide("retire_tariff", yard.tariff)
    assert yard.call("quote", yard.tariff, ZERO, 1_000) == 97


def bill(tariff: Tariff, registers: Registers, elapsed_ms: int) -> int:
    """The bill of docs/protocol.md section 1, in exact fractions of a unit."""
    total = Fraction(tariff.standing_price_per_second) * Fraction(elapsed_ms, 1000)
    for level, rate in enumerate(tariff.levels):
        total += Fraction(registers.active_ms[level], 1000) * rate.price_per_second
        total += Fraction(registers.revolutions[level], 1000) * rate.price_per_1000_revolutions
    return total.__floor__()


prices = st.integers(0, 2**64 - 1) | st.integers(0, 5_000)
rates = st.builds(LevelRate, prices, prices, st.integers(1, 2**20 - 1))
tariffs = st.builds(Tariff, st.tuples(rates, rates, rates), prices, st.integers(0, 2**96 - 1))
meters = st.builds(Registers, *[st.integers(0, MAX_ACTIVE)] * 3, *[st.integers(0, MAX_TURNED)] * 3)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tariff=tariffs, registers=meters, elapsed_ms=st.integers(0, MAX_ELAPSED))
def test_quote__any_tariff_and_registers__is_the_bill(yard: Yard, tariff, registers, elapsed_ms):
    number = yard.publish(tariff)
    quoted = yard.call("quote", number, registers.as_tuple(), elapsed_ms)
    assert quoted == bill(tariff, registers, elapsed_ms)


def test_counts__after_each_kind_was_made__are_the_newest_numbers(yard: Yard):
    yard.open()
    yard.publish(TARIFF)
    yard.list_drill()
    counts = ("rental_count", "drill_count", "tariff_count", "oracle_count")
    assert [yard.call(view) for view in counts] == [1, 2, 2, 1]


def test_events__of_the_interface__are_all_in_the_abi(yard: Yard):
    named = {e["name"] for e in yard.meter.abi if e["type"] == "event"}
    assert named == {
        "Deposited",
        "Withdrawn",
        "RentalOpened",
        "BalancePositive",
        "ToppedUp",
        "UsageSettled",
        "ReadingRejected",
        "BalanceExhausted",
        "RentalEnded",
        "RentalClosed",
        "TariffPublished",
        "TariffRetired",
        "DrillListed",
        "DrillReassigned",
        "DrillRetired",
        "OracleRegistered",
        "OracleRotated",
        "OracleRevoked",
        "RevenueCollected",
        "RentalCapped",
        "UsageDisputed",
        "OracleSuspended",
        "KeyEnrolled",
        "BondPosted",
        "BondReleaseAnnounced",
        "BondReleased",
        "OperatorSet",
        "Paused",
        "Unpaused",
        "OwnershipTransferStarted",
        "OwnershipTransferred",
    }
