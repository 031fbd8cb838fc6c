"""open_rental's caps and caps(): what a customer lets a rental owe at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from contracts.builders import RESERVE, SIMPLE, TARIFF, Yard
from contracts.capped import NO_CAP, open_capped
from contracts.evm import Event, event, reverts

from lab.rig.plan import NO_DEADLINE

LEAST = TARIFF.least_reserve
STANDING_HOUR = 3_600 * TARIFF.standing_price_per_second
UNDER = "rentals: under the least reserve"
NOTHING = "rentals: nothing reserved"
LOW = "rentals: hourly cap is too low"
WIDE = "packing: cap over 2**96 - 1"


def opened(yard: Yard, per_rental: int, per_hour: int, reserve: int = RESERVE) -> list[Event]:
    """Open with coins sent along; returns the events."""
    arguments = (yard.drill, yard.tariff, reserve, (per_rental, per_hour), NO_DEADLINE)
    receipt = yard.meter.transact(yard.customer, "open_rental", *arguments, value=reserve)
    assert receipt.result == 1
    return receipt.events


def refused(
    yard: Yard, reason: str, per_rental: int, per_hour: int, reserve: int = RESERVE
) -> None:
    """Expect that nothing opens and no coin moves."""
    before = yard.money()
    with reverts(reason):
        opened(yard, per_rental, per_hour, reserve)
    assert yard.money() - before == {}
    assert yard.call("rental_count") == 0
    assert yard.call("drill", yard.drill)["rental"] == 0


def positive(events: list[Event]) -> int:
    """The credit that the drill may start on."""
    (found,) = [e.args["balance"] for e in events if e.name == "BalancePositive"]
    return int(found)


def test_open_rental__caps_and_coins_sent_along__says_everything_in_order(yard: Yard, customer):
    before = yard.money()
    events = opened(yard, 600_000, 400_000)
    assert events == [
        event("Deposited", account=customer.address, payer=customer.address, amount=RESERVE),
        event(
            "RentalOpened",
            rental=1,
            drill=yard.drill,
            customer=customer.address,
            tariff=yard.tariff,
            oracle=yard.oracle,
            funded=RESERVE,
        ),
        event("RentalCapped", rental=1, per_rental=600_000, per_hour=400_000),
        event(
            "BalancePositive",
            rental=1,
            drill=yard.drill,
            customer=customer.address,
            balance=400_000,
        ),
    ]
    assert yard.money() - before == {
        "held": RESERVE,
        "coins": RESERVE,
        "customer.wallet": -RESERVE,
    }
    assert yard.call("caps", 1) == {"per_rental": 600_000, "per_hour": 400_000}
    assert yard.call("balance_of", 1) == RESERVE
    assert yard.call("rental", 1)["funded"] == RESERVE


def test_open_rental__caps__sets_the_reserve_aside(yard: Yard, customer):
    yard.deposit(RESERVE + 5)
    before = yard.money()
    arguments = (yard.drill, yard.tariff, RESERVE, (LEAST, NO_CAP), NO_DEADLINE)
    yard.meter.transact(customer, "open_rental", *arguments)
    assert yard.money() - before == {"customer.account": -RESERVE}


def test_open_rental__caps_and_coins_with_a_token_deployment__reverts(token_yard: Yard, customer):
    token_yard.deposit(RESERVE)
    arguments = (token_yard.drill, token_yard.tariff, RESERVE, (LEAST, NO_CAP), NO_DEADLINE)
    with reverts("vault: takes tokens, not coins"):
        token_yard.meter.transact(customer, "open_rental", *arguments, value=1)


def test_open_rental__caps_with_a_token__comes_from_the_account(token_yard: Yard, customer):
    token_yard.deposit(RESERVE)
    before = token_yard.money()
    arguments = (token_yard.drill, token_yard.tariff, RESERVE, (LEAST, NO_CAP), NO_DEADLINE)
    token_yard.meter.transact(customer, "open_rental", *arguments)
    assert token_yard.money() - before == {"customer.account": -RESERVE}


@pytest.mark.parametrize(
    ("per_rental", "per_hour", "credit"),
    [
        (LEAST, NO_CAP, LEAST),
        (LEAST + 1, NO_CAP, LEAST + 1),
        (NO_CAP, STANDING_HOUR, STANDING_HOUR),
        (NO_CAP, STANDING_HOUR + 1, STANDING_HOUR + 1),
        (RESERVE - 1, NO_CAP, RESERVE - 1),
        (RESERVE, NO_CAP, RESERVE),
        (RESERVE + 1, NO_CAP, RESERVE),
        (NO_CAP - 1, NO_CAP, RESERVE),
        (NO_CAP, NO_CAP - 1, RESERVE),
        (NO_CAP - 1, NO_CAP - 1, RESERVE),
        (500_000, 500_001, 500_000),
        (500_001, 500_000, 500_000),
    ],
)
def test_open_rental__caps_in_range__start_on_the_least_of_all(
    yard: Yard, per_rental, per_hour, credit
):
    events = opened(yard, per_rental, per_hour)
    assert positive(events) == credit
    capped = [e.args for e in events if e.name == "RentalCapped"]
    assert capped == [{"rental": 1, "per_rental": per_rental, "per_hour": per_hour}]
    assert yard.call("caps", 1) == {"per_rental": per_rental, "per_hour": per_hour}


@pytest.mark.parametrize(
    ("per_rental", "per_hour", "reason"),
    [
        (0, NO_CAP, NOTHING),
        (1, NO_CAP, UNDER),
        (LEAST - 1, NO_CAP, UNDER),
        (LEAST - 1, STANDING_HOUR, UNDER),
        (NO_CAP, 0, LOW),
        (NO_CAP, 1, LOW),
        (NO_CAP, STANDING_HOUR - 1, LOW),
        (LEAST, STANDING_HOUR - 1, LOW),
        (0, 0, LOW),
        (2**96, STANDING_HOUR, WIDE),
        (LEAST, 2**96, WIDE),
        (2**256 - 1, STANDING_HOUR, WIDE),
        (2**96, NO_CAP, WIDE),
        (NO_CAP, 2**96, WIDE),
        (2**96, 2**96, WIDE),
        (2**256 - 1, 2**256 - 1, WIDE),
        (LEAST, 2**256 - 1, WIDE),
    ],
)
def test_open_rental__caps_out_of_range__reverts(yard: Yard, per_rental, per_hour, reason):
    refused(yard, reason, per_rental, per_hour)


@pytest.mark.parametrize("per_hour", [999, 1_000, 1_001])
def test_open_rental__hourly_cap_around_the_least_reserve__must_reach_it(yard: Yard, per_hour):
    """Where nothing is to be paid for standing, the least reserve still is."""
    tariff = replace(SIMPLE, least_reserve=1_000)
    if per_hour < 1_000:
        with reverts(UNDER):
            open_capped(yard, 5_000, per_hour=per_hour, of=tariff)
    else:
        rental = open_capped(yard, 5_000, per_hour=per_hour, of=tariff)
        assert yard.call("caps", rental)["per_hour"] == per_hour


@pytest.mark.parametrize(("per_rental", "per_hour"), [(0, 5), (5, 0), (0, 0)])
def test_open_rental__free_tariff_and_a_cap_of_zero__reverts(yard: Yard, per_rental, per_hour):
    tariff = replace(SIMPLE, least_reserve=0)
    with reverts(NOTHING):
        open_capped(yard, 5_000, per_rental, per_hour, of=tariff)


@pytest.mark.parametrize(
    ("reserve", "reason"),
    [(0, NOTHING), (LEAST - 1, UNDER), (2**96, "packing: funds over 2**96 - 1")],
)
def test_open_rental__caps_and_reserve_out_of_range__reverts(yard: Yard, reserve, reason):
    refused(yard, reason, NO_CAP - 1, NO_CAP, reserve)


REFUSALS: dict[str, Callable[[Yard], Any]] = {
    "pausable: contract is paused": lambda yard: yard.provide("pause"),
    "tariffs: retired": lambda yard: yard.provide("retire_tariff", yard.tariff),
    "drills: retired": lambda yard: yard.provide("retire_drill", yard.drill),
    "oracles: revoked": lambda yard: yard.provide("revoke_oracle", yard.oracle),
    "rentals: offered at other tariff": lambda yard: yard.provide(
        "reassign_drill", yard.drill, yard.oracle, yard.publish(SIMPLE)
    ),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_open_rental__caps_fit_and_something_else_does_not__reverts(yard: Yard, reason):
    REFUSALS[reason](yard)
    refused(yard, reason, LEAST, STANDING_HOUR)


def test_open_rental__caps_and_drill_is_rented__reverts(yard: Yard, customer, stranger):
    yard.open(who=stranger)
    with reverts("drills: in a rental"):
        opened(yard, LEAST, STANDING_HOUR)


@pytest.mark.parametrize(
    ("drill", "tariff", "reason"),
    [
        (2, 1, "drills: no such drill"),
        (1, 2, "tariffs: no such tariff"),
        (0, 0, "tariffs: no such tariff"),
    ],
)
def test_open_rental__caps_and_unknown_drill_or_tariff__reverts(
    yard: Yard, customer, drill, tariff, reason
):
    yard.deposit(RESERVE)
    with reverts(reason):
        yard.meter.transact(
            customer, "open_rental", drill, tariff, RESERVE, (LEAST, STANDING_HOUR), NO_DEADLINE
        )


def test_open_rental__caps_and_account_holds_one_less__reverts(yard: Yard, customer):
    yard.deposit(RESERVE - 1)
    arguments = (yard.drill, yard.tariff, RESERVE, (LEAST, STANDING_HOUR), NO_DEADLINE)
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "open_rental", *arguments)


def test_caps__of_an_uncapped_rental__are_the_widest(yard: Yard):
    assert yard.call("caps", yard.open()) == {"per_rental": NO_CAP, "per_hour": NO_CAP}


@pytest.mark.parametrize("rental", [0, 2, 2**256 - 1])
def test_caps__no_such_rental__reverts(yard: Yard, rental):
    opened(yard, LEAST, STANDING_HOUR)
    with reverts("rentals: no such rental"):
        yard.call("caps", rental)


def test_caps__of_two_rentals__are_each_its_own(yard: Yard):
    first = open_capped(yard, 9_000, 5_000, 6_000)
    second = open_capped(yard, 9_000, 7_000, 8_000)
    assert yard.call("caps", first) == {"per_rental": 5_000, "per_hour": 6_000}
    assert yard.call("caps", second) == {"per_rental": 7_000, "per_hour": 8_000}
