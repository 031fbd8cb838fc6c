"""open_rental: one drill for one customer, with a reserve set aside."""

from __future__ import annotations

import pytest
from contracts.builders import RESERVE, SIMPLE, TARIFF, Yard
from contracts.evm import GENESIS_TIME, event, reverts

from lab.rig.plan import UNBOUND

LEAST = TARIFF.least_reserve
MAX_FUNDED = 2**96 - 1
NO_CAPS = (MAX_FUNDED, MAX_FUNDED)


def refuse(yard: Yard, reason: str, drill: int, tariff: int, reserve: int) -> None:
    """Expect that the customer, who can pay, cannot open; nothing changes."""
    yard.deposit(10 * RESERVE)
    before, drills = yard.money(), yard.call("rental_count")
    with reverts(reason):
        yard.meter.transact(yard.customer, "open_rental", drill, tariff, reserve, *UNBOUND)
    assert yard.money() - before == {}
    assert yard.call("rental_count") == drills


def test_open_rental__from_the_account__sets_the_reserve_aside(yard: Yard, customer):
    yard.deposit(RESERVE + 5)
    yard.chain.advance(100)
    before = yard.money()
    receipt = yard.meter.transact(
        customer, "open_rental", yard.drill, yard.tariff, RESERVE, *UNBOUND
    )
    assert receipt.result == 1
    assert receipt.events == [
        event(
            "RentalOpened",
            rental=1,
            drill=yard.drill,
            customer=customer.address,
            tariff=yard.tariff,
            oracle=yard.oracle,
            funded=RESERVE,
        ),
        event(
            "BalancePositive",
            rental=1,
            drill=yard.drill,
            customer=customer.address,
            balance=RESERVE,
        ),
    ]
    assert yard.money() - before == {"customer.account": -RESERVE}
    assert yard.call("rental", 1) == {
        "customer": customer.address,
        "drill": yard.drill,
        "tariff": yard.tariff,
        "oracle": yard.oracle,
        "state": 1,
        "opened_at": GENESIS_TIME + 100,
        "ended_at": 0,
        "until": (GENESIS_TIME + 100) * 1000,
        "funded": RESERVE,
        "collected": 0,
    }
    assert yard.call("drill", yard.drill)["rental"] == 1
    assert yard.call("charge", 1) == 0
    assert yard.call("balance_of", 1) == RESERVE
    assert set(yard.call("registers", 1).values()) == {0}


def test_open_rental__with_coins_sent_along__deposits_first(yard: Yard, customer):
    before = yard.money()
    receipt = yard.meter.transact(
        customer, "open_rental", yard.drill, yard.tariff, RESERVE, *UNBOUND, value=RESERVE + 3
    )
    assert [e.name for e in receipt.events] == ["Deposited", "RentalOpened", "BalancePositive"]
    assert receipt.events[0] == event(
        "Deposited", account=customer.address, payer=customer.address, amount=RESERVE + 3
    )
    assert yard.money() - before == {
        "held": RESERVE + 3,
        "coins": RESERVE + 3,
        "customer.account": 3,
        "customer.wallet": -RESERVE - 3,
    }


def test_open_rental__coins_and_account_together__are_enough(yard: Yard, customer):
    yard.deposit(LEAST - 1)
    yard.meter.transact(customer, "open_rental", yard.drill, yard.tariff, LEAST, *UNBOUND, value=1)
    assert yard.account(customer) == 0
    assert yard.call("rental", 1)["funded"] == LEAST


def test_open_rental__two_drills__are_numbered_in_turn(yard: Yard, stranger):
    second = yard.list_drill()
    assert yard.open() == 1
    assert yard.open(who=stranger, drill=second) == 2
    assert yard.call("rental_count") == 2
    assert yard.call("drill", second)["rental"] == 2
    assert yard.call("rental", 2)["customer"] == stranger.address


def test_open_rental__paused__reverts_and_returns_the_coins(yard: Yard, customer):
    yard.provide("pause")
    before = yard.money()
    with reverts("pausable: contract is paused"):
        yard.meter.transact(
            customer, "open_rental", yard.drill, yard.tariff, RESERVE, *UNBOUND, value=RESERVE
        )
    assert yard.money() - before == {}


def test_open_rental__coins_with_a_token_deployment__reverts(token_yard: Yard, customer):
    token_yard.deposit(RESERVE)
    with reverts("vault: takes tokens, not coins"):
        token_yard.meter.transact(
            customer, "open_rental", token_yard.drill, token_yard.tariff, RESERVE, *UNBOUND, value=1
        )


def test_open_rental__nothing_reserved__reverts(yard: Yard):
    refuse(yard, "rentals: nothing reserved", yard.drill, yard.tariff, 0)


@pytest.mark.parametrize("tariff", [0, 2, 2**30 - 1, 2**256 - 1])
def test_open_rental__no_such_tariff__reverts(yard: Yard, tariff):
    refuse(yard, "tariffs: no such tariff", yard.drill, tariff, RESERVE)


def test_open_rental__tariff_is_retired__reverts(yard: Yard):
    yard.provide("retire_tariff", yard.tariff)
    refuse(yard, "tariffs: retired", yard.drill, yard.tariff, RESERVE)


def test_open_rental__one_less_than_the_least_reserve__reverts(yard: Yard):
    refuse(yard, "rentals: under the least reserve", yard.drill, yard.tariff, LEAST - 1)


@pytest.mark.parametrize("reserve", [LEAST, LEAST + 1])
def test_open_rental__the_least_reserve_or_more__opens(yard: Yard, reserve):
    rental = yard.open(reserve)
    assert yard.call("balance_of", rental) == reserve


@pytest.mark.parametrize("drill", [0, 2, 2**30 - 1, 2**256 - 1])
def test_open_rental__no_such_drill__reverts(yard: Yard, drill):
    refuse(yard, "drills: no such drill", drill, yard.tariff, RESERVE)


def test_open_rental__drill_is_retired__reverts(yard: Yard):
    yard.provide("retire_drill", yard.drill)
    refuse(yard, "drills: retired", yard.drill, yard.tariff, RESERVE)


def test_open_rental__drill_is_rented__reverts(yard: Yard, stranger):
    yard.open(who=stranger)
    refuse(yard, "drills: in a rental", yard.drill, yard.tariff, RESERVE)


def test_open_rental__drill_is_in_an_ended_rental__reverts(yard: Yard):
    yard.end(yard.open())
    refuse(yard, "drills: in a rental", yard.drill, yard.tariff, RESERVE)


def test_open_rental__drill_was_freed__opens_again(yard: Yard, stranger):
    first = yard.open()
    yard.finish(first)
    second = yard.open(who=stranger)
    assert second == first + 1
    assert yard.call("drill", yard.drill)["rental"] == second


def test_open_rental__drill_is_on_offer_at_another_tariff__reverts(yard: Yard):
    other = yard.publish(SIMPLE)
    reason = "rentals: offered at other tariff"
    refuse(yard, reason, yard.drill, other, RESERVE)
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_open_rental__tariff_was_changed_under_the_customer__reverts(yard: Yard):
    yard.provide("reassign_drill", yard.drill, yard.oracle, yard.publish(SIMPLE))
    reason = "rentals: offered at other tariff"
    refuse(yard, reason, yard.drill, yard.tariff, RESERVE)


def test_open_rental__oracle_is_revoked__reverts(yard: Yard):
    yard.provide("revoke_oracle", yard.oracle)
    refuse(yard, "oracles: revoked", yard.drill, yard.tariff, RESERVE)


def test_open_rental__account_holds_one_less__reverts(yard: Yard, customer):
    yard.deposit(LEAST - 1)
    with reverts("vault: more than the account has"):
        yard.meter.transact(customer, "open_rental", yard.drill, yard.tariff, LEAST, *UNBOUND)
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_open_rental__the_widest_reserve__opens(yard: Yard):
    rental = yard.open(MAX_FUNDED)
    assert yard.call("balance_of", rental) == MAX_FUNDED
    assert yard.call("rental", rental)["opened_at"] == GENESIS_TIME


def test_open_rental__one_more_than_the_widest_reserve__reverts(yard: Yard, customer):
    yard.deposit(MAX_FUNDED + 1)
    with reverts("packing: funds over 2**96 - 1"):
        yard.meter.transact(
            customer, "open_rental", yard.drill, yard.tariff, MAX_FUNDED + 1, *UNBOUND
        )
    assert yard.account(customer) == MAX_FUNDED + 1


def test_open_rental__in_the_meters_last_second__opens(yard: Yard):
    yard.chain.set_time((2**43 - 1) // 1000)
    rental = yard.open(RESERVE)
    assert yard.call("rental", rental)["until"] == (2**43 - 1) // 1000 * 1000
    assert yard.call("charge", rental) == 0


def test_open_rental__after_the_meters_last_second__reverts(yard: Yard, customer):
    yard.deposit(RESERVE)
    yard.chain.set_time((2**43 - 1) // 1000 + 1)
    with reverts(""):
        yard.meter.transact(customer, "open_rental", yard.drill, yard.tariff, RESERVE, *UNBOUND)


def test_open_rental__at_its_deadline__opens(yard: Yard, customer):
    yard.deposit(RESERVE)
    deadline = yard.chain.now
    opening = (yard.drill, yard.tariff, RESERVE, NO_CAPS, deadline)
    assert yard.meter.transact(customer, "open_rental", *opening).result == 1
    assert yard.call("rental", 1)["opened_at"] == deadline


@pytest.mark.parametrize("late", [1, 86_400])
def test_open_rental__after_its_deadline__reverts_and_returns_the_coins(yard: Yard, customer, late):
    """What was signed yesterday and is mined today does not unlock a drill."""
    opening = (yard.drill, yard.tariff, RESERVE, NO_CAPS, yard.chain.now)
    yard.chain.advance(late)
    before = yard.money()
    with reverts("rentals: too late to open"):
        yard.meter.transact(customer, "open_rental", *opening, value=RESERVE)
    assert yard.money() - before == {}
    assert yard.call("drill", yard.drill)["rental"] == 0


def test_open_rental__deadline_of_zero__reverts(yard: Yard, customer):
    yard.deposit(RESERVE)
    with reverts("rentals: too late to open"):
        yard.meter.transact(customer, "open_rental", yard.drill, yard.tariff, RESERVE, NO_CAPS, 0)
