"""Receivers that burn gas or answer too much, senders that give too little, rubbish in a batch."""

from __future__ import annotations

from itertools import count

import pytest
from contracts.builders import Yard, new_key
from contracts.evidence import announce_release, post_bond
from contracts.evm import TRANSACTION_GAS, Halted, Reverted, reverts
from contracts.sources import mock

from protocol.meter_word import settle_arguments

INVALID = bytes.fromhex("fe")
LOOPS = bytes.fromhex("5b5f56")
"""Code that jumps to itself until all gas is gone."""

ANSWERS_A_MEGABYTE = bytes.fromhex("621000005ff3")
REVERTS_WITH_A_MEGABYTE = bytes.fromhex("621000005ffd")
MEGABYTE_GAS = 3 * 2**15 + 2**30 // 512
"""What memory of 2**15 words costs whoever has it: 3 each, and their square over 512."""


def turn_into(yard: Yard, address: str, code: bytes) -> None:
    """Put code at somebody's address, as the holder of a key can (EIP-7702)."""
    coins = yard.chain.coins(address)
    yard.chain.adopt(yard.chain.attach(address, []), code)
    yard.chain.give(address, coins)


# Receivers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [INVALID, LOOPS, REVERTS_WITH_A_MEGABYTE])
def test_withdraw__receiver_burns_all_gas__hurts_only_that_withdrawal(
    yard: Yard, customer, stranger, code
):
    receiver = new_key("greedy").address
    turn_into(yard, receiver, code)
    yard.deposit(1_000)
    yard.deposit(1_000, stranger)
    before = yard.money()
    with pytest.raises((Reverted, Halted)):
        yard.meter.transact(customer, "withdraw", 400, receiver)
    assert yard.money() - before == {}
    yard.meter.transact(stranger, "withdraw", 1_000, stranger.address)
    yard.meter.transact(customer, "withdraw", 1_000, customer.address)
    assert yard.call("held") == 0


def test_withdraw__receiver_answers_a_megabyte__pays_for_it_and_nobody_copies_it(
    yard: Yard, customer
):
    receiver = new_key("talkative").address
    turn_into(yard, receiver, ANSWERS_A_MEGABYTE)
    yard.deposit(1_000)
    receipt = yard.meter.transact(customer, "withdraw", 400, receiver)
    assert yard.chain.coins(receiver) == 400
    assert receipt.gas_used < MEGABYTE_GAS + 100_000


@pytest.mark.parametrize("code", [INVALID, LOOPS, REVERTS_WITH_A_MEGABYTE])
@pytest.mark.parametrize("way", ["collect", "release_bond"])
def test_pay__the_providers_receiver_burns_all_gas__another_can_be_named(
    yard: Yard, provider, code, way
):
    receiver = new_key("greedy").address
    turn_into(yard, receiver, code)
    post_bond(yard, 500)
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental)
    yard.chain.set_time(announce_release(yard, 500))
    arguments = ([rental],) if way == "collect" else ()
    before = yard.money()
    with pytest.raises((Reverted, Halted)):
        yard.provide(way, *arguments, receiver)
    assert yard.money() - before == {}
    yard.provide(way, *arguments, provider.address)
    assert yard.call("held") == yard.wallet(yard.meter)


@pytest.mark.parametrize("code", [INVALID, LOOPS, REVERTS_WITH_A_MEGABYTE])
def test_settle__customers_have_become_hostile_contracts__close_like_any(
    yard: Yard, customer, stranger, code
):
    """Closing credits accounts and calls nobody, so no customer can hold up a batch."""
    first = yard.open()
    second = yard.open(who=stranger, drill=yard.list_drill())
    yard.chain.advance(1)
    for rental in (first, second):
        yard.provide("end_rental", rental)
    turn_into(yard, customer.address, code)
    receipt = yard.settle(yard.signed(yard.reading(first), yard.reading(second)))
    assert [e.args["rental"] for e in receipt.named("RentalClosed")] == [first, second]
    assert yard.account(customer) == yard.account(stranger) > 0


def test_withdraw__customer_is_a_wallet_that_refuses_coins__is_paid_elsewhere(yard: Yard, stranger):
    wallet = yard.chain.deploy(mock("wallet_refusing"), stranger)
    yard.meter.transact(stranger, "deposit", wallet.address, 700, value=700)
    for to, goes in ((wallet.address, False), (stranger.address, True)):
        data = yard.meter.encode("withdraw", 700, to)
        if goes:
            wallet.transact(stranger, "execute", yard.meter.address, data)
        else:
            with reverts(""):
                wallet.transact(stranger, "execute", yard.meter.address, data)
    assert yard.call("account", wallet.address) == yard.call("held") == 0


# Gas ---------------------------------------------------------------------------------------------


def test_settle__with_too_little_gas__is_all_or_nothing(yard: Yard, relayer, stranger):
    """A signature check that runs out of gas says no; then no gas may be left to say so."""
    box = new_key("second box")
    oracle = yard.provide("register_oracle", box.address).result
    second_drill = yard.list_drill(oracle)
    first, second = yard.open(), yard.open(who=stranger, drill=second_drill)
    yard.chain.advance(1)
    yard.provide("end_rental", second)
    batches = [
        yard.signed(yard.reading(first, active_ms_1=500)),
        yard.signed(yard.reading(second), key=box, oracle=oracle),
    ]
    data = yard.meter.encode("settle", *settle_arguments(batches))
    before = [yard.call(view, n) for view in ("rental", "charge") for n in (first, second)]
    money = yard.money()
    for gas in count(25_000, 97):
        try:
            _output, events, _used = yard.chain.transact(relayer, yard.meter, data, gas=gas)
        except (Halted, Reverted):
            continue
        break
    assert gas > 60_000
    assert [e.name for e in events] == ["UsageSettled", "UsageSettled", "RentalClosed"]
    assert yard.money() - money != {}
    assert before != [yard.call(view, n) for view in ("rental", "charge") for n in (first, second)]


@pytest.mark.parametrize("gas", [30_000, 45_000, 60_000, 70_000])
def test_settle__ran_out_of_gas__has_changed_nothing_and_can_be_sent_again(
    yard: Yard, relayer, gas
):
    rentals = [yard.open(), *(yard.open(drill=yard.list_drill()) for _ in range(7))]
    yard.chain.advance(10)
    batch = yard.signed(*(yard.reading(rental, active_ms_1=500) for rental in rentals))
    data = yard.meter.encode("settle", *settle_arguments([batch]))
    states = [yard.call("rental", rental) for rental in rentals]
    with pytest.raises((Halted, Reverted)):
        yard.chain.transact(relayer, yard.meter, data, gas=gas)
    assert [yard.call("rental", rental) for rental in rentals] == states
    assert len(yard.settle(batch).named("UsageSettled")) == 8


def test_settle__hostile_signatures_around_a_good_one__cost_it_nothing(yard: Yard):
    """63 boxes sign rubbish for the same rental; each costs its sender less than a good reading."""
    rental = yard.open()
    yard.chain.advance(10)
    good = yard.signed(yard.reading(rental, active_ms_1=500))
    bad = [
        yard.signed(yard.reading(rental, active_ms_1=n), key=new_key(f"hostile {n}"))
        for n in range(63)
    ]
    receipt = yard.settle(*bad[:31], good, *bad[31:])
    assert len(receipt.named("ReadingRejected")) == 63
    assert {e.args["reason"] for e in receipt.named("ReadingRejected")} == {
        "not signed by its oracle"
    }
    assert [e.args["charge"] for e in receipt.named("UsageSettled")] == [
        yard.call("charge", rental)
    ]
    assert receipt.gas_used < 64 * 30_000 < TRANSACTION_GAS


def test_settle__a_signature_in_the_middle_claims_too_much__reverts_whole_and_goes_without_it(
    yard: Yard, relayer
):
    """Whoever puts a settlement together counts the readings; the boxes have no say in it."""
    rentals = [yard.open(), *(yard.open(drill=yard.list_drill()) for _ in range(2))]
    yard.chain.advance(10)
    batches = [yard.signed(yard.reading(rental)) for rental in rentals]
    signatures, readings = settle_arguments(batches)
    oracle, _count, r, vs = signatures[1]
    before = [yard.call("rental", rental) for rental in rentals]
    for claimed in (3, 64, 2**256 - 1):
        claims = [signatures[0], (oracle, claimed, r, vs), signatures[2]]
        with reverts("settle: more signed than given"):
            yard.meter.transact(relayer, "settle", claims, readings)
    assert [yard.call("rental", rental) for rental in rentals] == before
    receipt = yard.settle(batches[0], batches[2])
    assert len(receipt.named("UsageSettled")) == 2
