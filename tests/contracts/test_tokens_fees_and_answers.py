"""Tokens that take fees, and what a token may answer, on each way in and out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.builders import RESERVE, Yard
from contracts.evidence import announce_release, post_bond
from contracts.evm import reverts

REFUSED = "vault: token refused"

# Fees ---------------------------------------------------------------------------------------------


def with_earnings(yard: Yard) -> int:
    """A bond, a deposit of 1,000 and a rental that has earned 970; returns its number."""
    post_bond(yard, 5_000)
    rental = yard.open()
    yard.deposit(1_000)
    yard.chain.advance(10)
    yard.use(rental)
    return rental


def payments(yard: Yard, rental: int) -> dict[str, Callable[[str], object]]:
    """Each way that tokens leave, to an address; the bond's notice has passed."""
    yard.chain.set_time(announce_release(yard, 4_000))
    return {
        "withdraw": lambda to: yard.meter.transact(yard.customer, "withdraw", 900, to),
        "collect": lambda to: yard.provide("collect", [rental], to),
        "release_bond": lambda to: yard.provide("release_bond", to),
    }


PAYMENTS = ("withdraw", "collect", "release_bond")
PAID = {"withdraw": 900, "collect": 970, "release_bond": 4_000}


@pytest.mark.parametrize("way", PAYMENTS)
@pytest.mark.parametrize("kept", [1, "all"])
def test_pay__token_leaves_what_it_should_move__reverts(make_yard, stranger, way, kept):
    """Booked as paid and still here, it would belong to nobody."""
    yard = make_yard("token_fee")
    pay = payments(yard, with_earnings(yard))[way]
    yard.token.transact(stranger, "set_on_top", -(PAID[way] if kept == "all" else kept))
    before = yard.money()
    with reverts("vault: another amount paid"):
        pay(stranger.address)
    assert yard.money() - before == {}


@pytest.mark.parametrize("on_top", [1, 100])
@pytest.mark.parametrize("way", PAYMENTS)
def test_pay__token_takes_a_fee_on_top_from_the_vault__reverts(make_yard, stranger, way, on_top):
    yard = make_yard("token_fee")
    pay = payments(yard, with_earnings(yard))[way]
    yard.token.transact(stranger, "set_on_top", on_top)
    before = yard.money()
    with reverts("vault: another amount paid"):
        pay(stranger.address)
    assert yard.money() - before == {}
    yard.token.transact(stranger, "set_on_top", 0)
    pay(stranger.address)
    assert yard.wallet(yard.meter) == yard.call("held")


@pytest.mark.parametrize("on_top", [1, 100, -1])
def test_deposit__token_takes_a_fee_on_top_from_the_payer__is_the_payers_loss(
    make_yard, customer, on_top
):
    yard = make_yard("token_fee")
    yard.token.transact(customer, "set_on_top", on_top)
    before = yard.money()
    yard.deposit(1_000)
    assert yard.money() - before == {
        "held": 1_000,
        "coins": 1_000,
        "customer.account": 1_000,
        "customer.wallet": -1_000 - on_top,
    }


@pytest.mark.parametrize("fee", [1, 900, -5])
@pytest.mark.parametrize("way", PAYMENTS)
def test_pay__token_keeps_some_from_the_receiver__costs_nobody_else(make_yard, stranger, way, fee):
    yard = make_yard("token_fee")
    pay = payments(yard, with_earnings(yard))[way]
    yard.token.transact(stranger, "set_fee", fee)
    before = yard.money()
    pay(stranger.address)
    moved = yard.money() - before
    paid = PAID[way]
    assert (moved["held"], moved["coins"]) == (-paid, -paid)
    assert moved.get("stranger.wallet", 0) == paid - fee


# Answers ------------------------------------------------------------------------------------------

ONE = (1).to_bytes(32, "big")
GOOD = [b"", ONE, ONE + bytes(32), ONE + b"\xff" * 64]
BAD = [
    bytes(32),
    (2).to_bytes(32, "big"),
    b"\x01" + bytes(31),
    b"\xff" * 32,
    b"\x00",
    b"\x02",
    bytes(31),
    bytes(32) + ONE,
    b"true",
]
"""Words that are neither true nor nothing, and what is too short to be a word."""


@pytest.mark.parametrize("answer", GOOD)
def test_token__answers_true_or_nothing__serves(make_yard, customer, answer):
    yard = make_yard("token_answers")
    yard.token.transact(customer, "set_answer", answer, b"")
    before = yard.money()
    rental = with_earnings(yard)
    for way, pay in payments(yard, rental).items():
        pay(customer.address if way == "withdraw" else yard.provider.address)
    assert yard.wallet(yard.meter) == yard.call("held")
    assert (yard.money() - before)["customer.wallet"] == 900 - RESERVE - 1_000


@pytest.mark.parametrize("answer", BAD)
def test_deposit__token_answers_anything_else__reverts(make_yard, customer, answer):
    yard = make_yard("token_answers")
    yard.token.transact(customer, "set_answer", answer, b"")
    before = yard.money()
    with reverts(REFUSED):
        yard.deposit(100)
    with reverts(REFUSED):
        post_bond(yard, 100)
    assert yard.money() - before == {}


@pytest.mark.parametrize("answer", BAD)
@pytest.mark.parametrize("way", PAYMENTS)
def test_pay__token_answers_anything_else__reverts_and_keeps_the_books(
    make_yard, stranger, way, answer
):
    yard = make_yard("token_answers")
    pay = payments(yard, with_earnings(yard))[way]
    yard.token.transact(stranger, "set_answer", answer, b"")
    before = yard.money()
    with reverts(REFUSED):
        pay(stranger.address)
    assert yard.money() - before == {}


NO_REASON = b"\xde\xad\xbe\xef" + bytes(32)
"""An error of the token's own, with one argument."""


@pytest.mark.parametrize(("refusal", "reason"), [(NO_REASON, NO_REASON.hex()), (b"\x01", "01")])
def test_token__reverts_in_its_own_words__these_pass_through(
    make_yard, customer, stranger, refusal, reason
):
    yard = make_yard("token_answers")
    rental = with_earnings(yard)
    ways = payments(yard, rental)
    yard.token.transact(customer, "set_answer", b"", refusal)
    before = yard.money()
    with reverts(reason):
        yard.deposit(100)
    with reverts(reason):
        post_bond(yard, 100)
    for pay in ways.values():
        with reverts(reason):
            pay(stranger.address)
    assert yard.money() - before == {}
    yard.token.transact(customer, "set_answer", b"", b"")
    for pay in ways.values():
        pay(stranger.address)
