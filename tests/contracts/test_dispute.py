"""dispute: which receipt is evidence. What it brings is in test_dispute_refund.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import EVIDENCE_PERIOD, GRACE_PERIOD, PENALTY, RESERVE, Yard, new_key
from contracts.evidence import (
    DUE,
    SETTLED_MS,
    Lie,
    amounts,
    closing,
    dated,
    dispute,
    disputed,
    lie,
    lower,
    packed,
    post_bond,
    posted,
    words,
)
from contracts.evm import event, reverts
from contracts.wallet_signatures import sign

NOT_ITS_KEY = "disputes: key of another oracle"
NOT_IN_FORCE = "disputes: not while in force"
LATER_KEY = "disputes: a later key settled"
TOO_LATE = "disputes: too late"
NOTHING = "disputes: nothing overcharged"
WON = (DUE, PENALTY)


@pytest.fixture
def told(yard: Yard) -> Lie:
    """A settled lie and its receipt; the bond is posted and five seconds have passed."""
    post_bond(yard)
    return lie(yard)


# When it is dated -----------------------------------------------------------------------------


@pytest.mark.parametrize("later", [0, 1, 4_999, 5_000])
def test_dispute__dated_from_the_last_settled_to_now__is_evidence(yard: Yard, told, later):
    receipt = dated(told, told.settled.until + later)
    assert amounts(dispute(yard, receipt)) == WON
    assert told.settled.until + 5_000 == yard.now_ms


@pytest.mark.parametrize("ahead", [1, 1_000, 2**42])
def test_dispute__dated_in_the_future__is_evidence_only_once_that_has_come(yard: Yard, told, ahead):
    receipt = dated(told, yard.now_ms + ahead)
    with reverts(NOT_IN_FORCE):
        dispute(yard, receipt)
    if ahead <= 1_000:
        yard.chain.advance(1)
        assert amounts(dispute(yard, receipt)) == WON


@pytest.mark.parametrize("end", ["rotate", "revoke"])
@pytest.mark.parametrize(("past", "fits"), [(-1, True), (0, True), (1, False), (1_000, False)])
def test_dispute__key_was_given_up__must_be_dated_before(yard: Yard, told, end, past, fits):
    given_up = yard.now_ms
    new = [new_key("new").address] if end == "rotate" else []
    yard.provide(f"{end}_oracle", yard.oracle, *new)
    yard.chain.advance(3_600)
    receipt = dated(told, given_up + past)
    if fits:
        assert amounts(dispute(yard, receipt)) == WON
    else:
        with reverts(NOT_IN_FORCE):
            dispute(yard, receipt)


def test_dispute__key_was_given_up_this_second__may_be_dated_now(yard: Yard, told):
    yard.provide("rotate_oracle", yard.oracle, new_key("new").address)
    assert amounts(dispute(yard, dated(told, yard.now_ms))) == WON


@pytest.mark.parametrize(("later", "fits"), [(-1_000, False), (-1, False), (0, True), (1, True)])
def test_dispute__key_came_after_the_settled_reading__must_be_dated_since(
    yard: Yard, told, later, fits
):
    new, since = new_key("new"), yard.now_ms
    yard.provide("rotate_oracle", yard.oracle, new.address)
    yard.chain.advance(1)
    receipt = dated(told, since + later)
    if fits:
        assert amounts(dispute(yard, receipt, key=new)) == WON
    else:
        with reverts(NOT_IN_FORCE):
            dispute(yard, receipt, key=new)


@pytest.mark.parametrize(("past", "fits"), [(-1, True), (0, True), (1, False), (1_000, False)])
def test_dispute__former_key__counts_until_a_reading_from_after_its_time_has_settled(
    yard: Yard, told, past, fits
):
    rental = yard.open_simple()
    given_up = yard.chain.advance(10) * 1000
    new = new_key("new")
    yard.provide("rotate_oracle", yard.oracle, new.address)
    yard.chain.advance(10)
    settled = yard.reading(rental, given_up + past, active_ms_1=6_000)
    yard.settle(yard.signed(settled, key=new))
    receipt = lower(settled, 1_000, min(settled.until, given_up))
    if fits:
        assert amounts(dispute(yard, receipt)) == (5_000, PENALTY)
    else:
        with reverts(LATER_KEY):
            dispute(yard, receipt)
        assert amounts(dispute(yard, told.receipt)) == WON  # of another rental


def test_dispute__rental_opened_with_its_oracles_key__the_first_second_counts(yard: Yard):
    """Key, rental and receipt are of the same second, in which nothing can have been used."""
    rental = yard.open_simple()
    with reverts(NOTHING):
        dispute(yard, yard.reading(rental))


# When it comes --------------------------------------------------------------------------------


def end_by(yard: Yard, told: Lie, closed: str) -> int:
    """End the rental in one of three ways; returns `ended_at`."""
    if closed == "with its final reading":
        yard.finish(told.rental)
        return yard.chain.now
    ended_at = yard.end(told.rental)
    if closed == "by hand":
        yard.chain.advance(GRACE_PERIOD)
        yard.provide("close_rental", told.rental)
    return ended_at


@pytest.mark.parametrize("closed", ["with its final reading", "by hand", "never"])
@pytest.mark.parametrize("past", [-1, 0, 1, 10**9])
def test_dispute__rental_has_ended__counts_until_the_evidence_period_is_over(
    yard: Yard, told, closed, past
):
    ended_at = end_by(yard, told, closed)
    receipt = dated(told, ended_at * 1000)
    yard.chain.set_time(ended_at + GRACE_PERIOD + EVIDENCE_PERIOD + past)
    if past < 0:
        assert amounts(dispute(yard, receipt)) == WON
    else:
        with reverts(TOO_LATE):
            dispute(yard, receipt)


def test_dispute__rental_has_ended__may_be_dated_after_the_end(yard: Yard, told):
    ended_at = end_by(yard, told, "never")
    yard.chain.advance(100)
    assert amounts(dispute(yard, dated(told, ended_at * 1000 + 100_000))) == WON


def test_dispute__rental_runs_on__counts_years_later(yard: Yard, told):
    yard.chain.advance(3 * 365 * 86_400)
    assert amounts(dispute(yard, told.receipt)) == WON


# Which rental, which key ----------------------------------------------------------------------


@pytest.mark.parametrize("rental", [0, 2, 2**64, 2**256 - 1])
def test_dispute__no_such_rental__reverts(yard: Yard, told, rental):
    with reverts("rentals: no such rental"):
        dispute(yard, replace(told.receipt, rental=rental))


def test_dispute__key_of_another_oracle__reverts(yard: Yard, told):
    other = new_key("other oracle")
    yard.provide("register_oracle", other.address)
    with reverts(NOT_ITS_KEY):
        dispute(yard, dated(told, yard.now_ms), key=other)


def test_dispute__former_key_of_another_oracle__reverts(yard: Yard, told):
    other = new_key("other oracle")
    number = yard.provide("register_oracle", other.address).result
    yard.provide("rotate_oracle", number, new_key("its next").address)
    with reverts(NOT_ITS_KEY):
        dispute(yard, dated(told, yard.now_ms), key=other)


def test_dispute__key_of_no_oracle__reverts(yard: Yard, told, stranger):
    with reverts(NOT_ITS_KEY):
        dispute(yard, told.receipt, key=stranger)


def test_dispute__drill_has_another_oracle_by_now__is_up_to_the_rentals_own(yard: Yard, told):
    other = new_key("other oracle")
    number = yard.provide("register_oracle", other.address).result
    yard.finish(told.rental)
    drill, tariff = yard.call("drill_count"), yard.call("tariff_count")
    yard.provide("reassign_drill", drill, number, tariff)
    with reverts(NOT_ITS_KEY):
        dispute(yard, dated(told, yard.now_ms), key=other)
    assert amounts(dispute(yard, dated(told, yard.now_ms))) == WON
    assert not yard.call("oracle", number)["suspended"]


# Who may, and when nothing stops it -------------------------------------------------------------


@pytest.mark.parametrize("role", ["customer", "provider", "oracle", "relayer", "stranger"])
def test_dispute__by_anybody__pays_the_rentals_customer(any_yard: Yard, role):
    post_bond(any_yard)
    told = lie(any_yard)
    before = any_yard.money()
    receipt = dispute(any_yard, told.receipt, sender=any_yard.people[role])
    key = any_yard.oracle_key.address
    assert receipt.events == [
        *closing(any_yard, told.rental, any_yard.people[role]),
        disputed(told.receipt, key, *WON, from_revenue=DUE),
        event("OracleSuspended", oracle=any_yard.oracle, key=key),
    ]
    assert any_yard.money() - before == {
        "customer.account": RESERVE - SETTLED_MS + DUE + PENALTY,
        "revenue": SETTLED_MS - DUE,
    }


def test_dispute__paused__still_works(yard: Yard, told):
    yard.provide("pause")
    assert amounts(dispute(yard, told.receipt)) == WON


def test_dispute__coins_sent_along__reverts(yard: Yard, told):
    r, vs = words(*sign(yard, told.receipt))
    arguments = packed(told.receipt), yard.oracle_key.address, r, vs
    with reverts(""):
        yard.meter.transact(yard.customer, "dispute", *arguments, value=1)


@pytest.mark.parametrize("change", [{"log_size": 0}, {"log_size": 2**255}, {"log_root": bytes(32)}])
def test_dispute__whatever_the_sample_log_was__is_evidence(yard: Yard, told, change):
    assert amounts(dispute(yard, replace(told.receipt, **change))) == WON


def test_dispute__refused__changes_nothing(yard: Yard, told):
    money, bond = yard.money(), posted(yard)
    with reverts(NOT_IN_FORCE):
        dispute(yard, dated(told, yard.now_ms + 1))
    with reverts(NOTHING):
        dispute(yard, told.settled)
    assert (yard.money(), posted(yard)) == (money, bond)
    assert yard.call("signing_key", yard.oracle_key.address)["penalised"] is False
    assert yard.call("oracle", yard.oracle)["suspended"] is False
