"""dispute: the oracle it suspends, and what those who cheat with disputes can reach."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import GRACE_PERIOD, PENALTY, RESERVE, Yard, new_key, oracle_view
from contracts.evidence import (
    BOND,
    DUE,
    SETTLED_MS,
    Lie,
    amounts,
    dated,
    dispute,
    lie,
    lower,
    post_bond,
    posted,
)
from contracts.evm import event, reverts

from lab.rig.plan import NO_DEADLINE, UNBOUND

SUSPENDED = "oracles: suspended"
NOTHING = "disputes: nothing overcharged"
LATER_KEY = "disputes: a later key settled"
NOT_IN_FORCE = "disputes: not while in force"
NEW = new_key("next")
CLOSED_AND_DISPUTED = ["RentalEnded", "RentalClosed", "UsageDisputed"]


@pytest.fixture
def told(yard: Yard) -> Lie:
    """A settled lie and its receipt; the bond is posted and five seconds have passed."""
    post_bond(yard)
    return lie(yard)


def rotate(yard: Yard) -> None:
    """Give the first oracle the key NEW."""
    yard.provide("rotate_oracle", yard.oracle, NEW.address)


# Suspension -----------------------------------------------------------------------------------


def test_dispute__open_rental__is_over_and_nothing_more_is_metered(yard: Yard, told, customer):
    """Drilling on up to the lie's registers, charged already, would be free."""
    dispute(yard, told.receipt)
    rotate(yard)
    yard.chain.advance(10)
    reading = yard.reading(told.rental, active_ms_1=SETTLED_MS)
    receipt = yard.settle(yard.signed(reading, key=NEW))
    assert [e.args["reason"] for e in receipt.events] == ["rental is closed"]
    with reverts("rentals: closed"):
        yard.meter.transact(customer, "top_up", told.rental, 100, value=100)
    drill = yard.call("rental", told.rental)["drill"]
    assert yard.call("drill", drill)["rental"] == 0


def test_dispute__present_key__suspends_its_oracle_and_no_other(yard: Yard, told):
    other = yard.provide("register_oracle", NEW.address).result
    key = yard.oracle_key.address
    receipt = dispute(yard, told.receipt)
    assert receipt.events[3:] == [event("OracleSuspended", oracle=yard.oracle, key=key)]
    assert yard.call("oracle", yard.oracle) == oracle_view(key, suspended=True)
    assert yard.call("oracle", other) == oracle_view(NEW.address)


def test_dispute__suspended_already__is_not_suspended_again(yard: Yard, told):
    dispute(yard, told.receipt)
    receipt = dispute(yard, lower(told.settled, 0))
    assert [e.name for e in receipt.events] == ["UsageDisputed"]
    assert yard.call("oracle", yard.oracle)["suspended"] is True


def test_dispute__former_key__suspends_nobody(yard: Yard, told):
    rotate(yard)
    receipt = dispute(yard, told.receipt)
    assert [e.name for e in receipt.events] == CLOSED_AND_DISPUTED
    assert yard.call("oracle", yard.oracle) == oracle_view(NEW.address, epoch=2)


def test_dispute__revoked_oracle__stays_revoked(yard: Yard, told):
    yard.provide("revoke_oracle", yard.oracle)
    receipt = dispute(yard, told.receipt)
    assert [e.name for e in receipt.events] == CLOSED_AND_DISPUTED
    key = yard.oracle_key.address
    assert yard.call("oracle", yard.oracle) == oracle_view(key, revoked=True)
    with reverts("oracles: revoked"):
        rotate(yard)


def test_revoke_oracle__suspended__is_final(yard: Yard, told):
    dispute(yard, told.receipt)
    yard.provide("revoke_oracle", yard.oracle)
    assert yard.call("oracle", yard.oracle)["revoked"] is True
    with reverts("oracles: revoked"):
        rotate(yard)
    with reverts("oracles: revoked"):
        yard.list_drill()


def test_settle__suspended__takes_nothing_of_the_oracle(yard: Yard, told):
    other = yard.open()
    dispute(yard, told.receipt)
    yard.chain.advance(10)
    for rental in (told.rental, other):
        reading = yard.reading(rental, active_ms_1=SETTLED_MS)
        receipt = yard.settle(yard.signed(reading))
        reason = "not signed by its oracle"
        assert receipt.events == [
            event("ReadingRejected", rental=rental, until=reading.until, reason=reason)
        ]


def test_settle__another_oracle_is_suspended__goes_on(yard: Yard, told):
    oracle = yard.provide("register_oracle", NEW.address).result
    rental = yard.open(drill=yard.list_drill(oracle=oracle))
    dispute(yard, told.receipt)
    yard.chain.advance(10)
    ours, its = yard.reading(told.rental, active_ms_1=SETTLED_MS), yard.reading(rental)
    receipt = yard.settle(yard.signed(ours), yard.signed(its, key=NEW, oracle=oracle))
    assert [e.name for e in receipt.events] == ["ReadingRejected", "UsageSettled"]


def test_oracle__suspended__opens_lists_and_takes_no_drill(yard: Yard, told, customer):
    other = yard.provide("register_oracle", NEW.address).result
    its_drill = yard.list_drill(oracle=other)
    dispute(yard, told.receipt)
    yard.deposit(2 * RESERVE)
    offer = yard.drill, yard.tariff, RESERVE
    with reverts(SUSPENDED):
        yard.meter.transact(customer, "open_rental", *offer, *UNBOUND)
    with reverts(SUSPENDED):
        yard.meter.transact(customer, "open_rental", *offer, (RESERVE, RESERVE), NO_DEADLINE)
    with reverts(SUSPENDED):
        yard.list_drill()
    with reverts(SUSPENDED):
        yard.provide("reassign_drill", its_drill, yard.oracle, yard.tariff)
    yard.provide("reassign_drill", yard.drill, other, yard.tariff)
    yard.meter.transact(customer, "open_rental", *offer, *UNBOUND)


def test_oracle__suspended__its_other_rentals_can_be_topped_up_ended_closed_and_withdrawn(
    yard: Yard, told, customer
):
    other = yard.open()
    dispute(yard, told.receipt)
    yard.meter.transact(customer, "top_up", other, 100, value=100)
    yard.end(other)
    yard.chain.advance(GRACE_PERIOD)
    yard.meter.transact(customer, "close_rental", other)
    amount = yard.account(customer)
    assert amount == 2 * RESERVE + 100 - SETTLED_MS + DUE + PENALTY
    yard.meter.transact(customer, "withdraw", amount, customer.address)
    assert yard.call("held") == BOND - PENALTY + SETTLED_MS - DUE


def test_rotate_oracle__suspended__lifts_it(yard: Yard, told):
    other = yard.open()
    dispute(yard, told.receipt)
    rotate(yard)
    assert yard.call("oracle", yard.oracle) == oracle_view(NEW.address, epoch=2)
    yard.chain.advance(10)
    reading = yard.reading(other)
    settled = yard.settle(yard.signed(reading, key=NEW))
    assert [e.name for e in settled.events] == ["UsageSettled"]
    assert yard.open(drill=yard.list_drill()) == 3


def test_rotate_oracle__back_to_the_key_that_was_suspended__reverts(yard: Yard, told):
    dispute(yard, told.receipt)
    with reverts("keys: used before"):
        yard.provide("rotate_oracle", yard.oracle, yard.oracle_key.address)
    rotate(yard)
    with reverts("keys: used before"):
        yard.provide("rotate_oracle", yard.oracle, yard.oracle_key.address)


# Those who cheat ------------------------------------------------------------------------------


def test_dispute__key_was_stolen_and_rotated__cannot_speak_of_later_usage(yard: Yard, told):
    """The thief may date receipts while the key was in force, and what has settled since is not."""
    rotated_at = yard.now_ms
    rotate(yard)
    yard.chain.advance(10)
    settled = yard.reading(told.rental, active_ms_1=9_000)
    yard.settle(yard.signed(settled, key=NEW))
    for until in (rotated_at, settled.until - 1, settled.until, yard.now_ms + 1):
        with reverts(LATER_KEY):
            dispute(yard, lower(settled, 0, until))


def test_dispute__key_was_stolen__back_dated_receipt_ends_with_the_next_reading(yard: Yard, told):
    forged = lower(told.settled, 0, yard.now_ms)
    rotate(yard)
    reading = replace(told.settled, until=yard.now_ms + 1)
    yard.chain.advance(1)
    yard.settle(yard.signed(reading, key=NEW))
    with reverts(LATER_KEY):
        dispute(yard, forged)


def test_dispute__receipt_was_dated_ahead__ends_when_an_honest_meter_could_have_grown_so(
    yard: Yard, told
):
    """A box whose clock was ahead has signed evidence that time may overtake."""
    ahead = lower(told.settled, 500, yard.now_ms + 10_000)
    with reverts(NOT_IN_FORCE):
        dispute(yard, ahead)
    yard.chain.advance(17)
    yard.settle(yard.signed(yard.reading(told.rental, active_ms_1=7_500)))
    with reverts(NOTHING):
        dispute(yard, ahead)


def test_dispute__customer_and_box_collude__take_the_bond_and_nobody_elses_money(
    yard: Yard, customer, stranger
):
    """A box that signs anything for its friend can take what is posted, and no more."""
    post_bond(yard, 50_000)
    yard.deposit(7_000, stranger)
    yard.open(who=stranger)
    rental = yard.open_simple(10_000_000)
    yard.chain.advance(1_000)
    settled = yard.reading(rental, active_ms_1=1_000_000)
    yard.settle(yard.signed(settled))
    yard.provide("collect", [rental], yard.provider.address)
    before = yard.money()
    assert amounts(dispute(yard, lower(settled, 0))) == (50_000, 0)
    assert amounts(dispute(yard, lower(settled, 0))) == (0, 0)
    assert yard.money() - before == {"customer.account": 9_000_000 + 50_000}
    assert yard.call("earned", rental) == 0
    assert yard.wallet(yard.meter) == yard.call("held")


def test_dispute__provider_comes_first_with_a_mild_receipt__the_lower_one_still_counts(
    yard: Yard, told, provider, customer
):
    mild = lower(told.settled, SETTLED_MS - 1, yard.now_ms)
    assert amounts(dispute(yard, mild, sender=provider)) == (1, PENALTY)
    rotate(yard)
    yard.chain.advance(10)
    assert amounts(dispute(yard, told.receipt, sender=customer)) == (DUE - 1, 0)
    assert yard.account(customer) == RESERVE - SETTLED_MS + DUE + PENALTY


def test_dispute__provider_rotates_first__the_receipt_still_counts(yard: Yard, told):
    rotate(yard)
    yard.provide("rotate_oracle", yard.oracle, new_key("third").address)
    yard.provide("revoke_oracle", yard.oracle)
    assert amounts(dispute(yard, told.receipt)) == (DUE, PENALTY)


def test_dispute__lie_is_settled_after_the_receipt_was_signed__the_next_receipt_shows_it(
    yard: Yard, told
):
    """Settling cannot outrun the receipts that the box goes on to sign."""
    yard.chain.advance(10)
    settled = yard.reading(told.rental, active_ms_1=9_000)
    yard.settle(yard.signed(settled))
    with reverts(NOTHING):
        dispute(yard, told.receipt)
    assert amounts(dispute(yard, dated(told, settled.until))) == (9_000 - 4_000, PENALTY)


def test_dispute__honest_receipts__are_never_evidence(yard: Yard):
    post_bond(yard)
    rental, receipts = yard.open_simple(), []
    for second in range(1, 6):
        yard.chain.advance(1)
        reading = yard.reading(rental, active_ms_1=900 * second, revolutions_1=second)
        receipts.append(reading)
        if second % 2:
            yard.settle(yard.signed(reading))
        for receipt in receipts:
            with reverts(NOTHING):
                dispute(yard, receipt)
    assert posted(yard) == BOND
