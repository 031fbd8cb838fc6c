"""signing_key: which oracle a key is or was in force for, and when.

Keys of P-256 are in test_p256.py, what a key's record means in a dispute in test_dispute.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from contracts.builders import PENALTY, Yard, new_key, oracle_view
from contracts.evidence import DUE, SETTLED_MS, amounts, dispute, lie, lower, post_bond
from contracts.evm import NOBODY, Reverted, event

NEW = new_key("next")
THIRD = new_key("third")


def record(oracle: int, since: int, until: int = 0, *, penalised: bool = False) -> dict[str, Any]:
    """The record of a secp256k1 key as the contract shows it."""
    return {
        "oracle": oracle,
        "since": since,
        "until": until,
        "penalised": penalised,
        "is_p256": False,
    }


@pytest.mark.parametrize("key", [NOBODY, NEW.address, "0x" + "Ff" * 20])
def test_signing_key__never_used__is_empty(yard: Yard, key):
    assert yard.call("signing_key", key) == record(0, 0)


def test_signing_key__registered__is_in_force_since(yard: Yard, oracle_key):
    first = yard.chain.now
    second = yard.chain.advance(7)
    assert yard.provide("register_oracle", NEW.address).result == 2
    yard.chain.advance(100)
    assert yard.call("signing_key", oracle_key.address) == record(1, first)
    assert yard.call("signing_key", NEW.address) == record(2, second)


def test_signing_key__rotated__ends_when_the_next_begins(yard: Yard, oracle_key):
    times = [yard.chain.now, yard.chain.advance(7), yard.chain.advance(11)]
    yard.chain.set_time(times[1])
    yard.provide("rotate_oracle", 1, NEW.address)
    assert yard.call("signing_key", oracle_key.address) == record(1, *times[:2])
    assert yard.call("signing_key", NEW.address) == record(1, times[1])
    yard.chain.set_time(times[2])
    yard.provide("rotate_oracle", 1, THIRD.address)
    assert yard.call("signing_key", oracle_key.address) == record(1, *times[:2])
    assert yard.call("signing_key", NEW.address) == record(1, *times[1:])
    assert yard.call("signing_key", THIRD.address) == record(1, times[2])


def test_signing_key__rotated_in_the_second_of_its_registration__was_in_force_for_none(
    yard: Yard, oracle_key
):
    now = yard.chain.now
    yard.provide("rotate_oracle", 1, NEW.address)
    assert yard.call("signing_key", oracle_key.address) == record(1, now, now)


def test_signing_key__revoked__ends(yard: Yard, oracle_key):
    since, until = yard.chain.now, yard.chain.advance(7)
    yard.provide("revoke_oracle", 1)
    yard.chain.advance(1)
    assert yard.call("signing_key", oracle_key.address) == record(1, since, until)


@pytest.mark.parametrize("function", ["rotate_oracle", "revoke_oracle"])
def test_signing_key__another_oracle_gives_its_up__goes_on(yard: Yard, function):
    yard.provide("register_oracle", NEW.address)
    since = yard.chain.now
    yard.chain.advance(7)
    yard.provide(function, 1, *([THIRD.address] if function == "rotate_oracle" else []))
    assert yard.call("signing_key", NEW.address) == record(2, since)


@pytest.mark.parametrize("key", ["own", "another's", "none"])
def test_signing_key__rotation_was_refused__goes_on(yard: Yard, oracle_key, key):
    yard.provide("register_oracle", NEW.address)
    since = yard.chain.now
    yard.chain.advance(7)
    address = {"own": oracle_key.address, "another's": NEW.address, "none": NOBODY}[key]
    with pytest.raises(Reverted):
        yard.provide("rotate_oracle", 1, address)
    assert yard.call("signing_key", oracle_key.address) == record(1, since)
    assert yard.call("signing_key", NEW.address) == record(2, since)
    assert yard.call("oracle", 1) == oracle_view(oracle_key.address)


def test_signing_key__revoked_oracle_cannot_rotate__keeps_its_end(yard: Yard, oracle_key):
    since, until = yard.chain.now, yard.chain.advance(7)
    yard.provide("revoke_oracle", 1)
    yard.chain.advance(7)
    for function, *arguments in (("rotate_oracle", NEW.address), ("revoke_oracle",)):
        with pytest.raises(Reverted):
            yard.provide(function, 1, *arguments)
    assert yard.call("signing_key", oracle_key.address) == record(1, since, until)
    assert yard.call("signing_key", NEW.address) == record(0, 0)


def test_signing_key__suspended__ends_with_the_rotation_and_not_before(yard: Yard, oracle_key):
    post_bond(yard)
    since, told = yard.chain.now, lie(yard)
    dispute(yard, told.receipt)
    assert yard.call("signing_key", oracle_key.address) == record(1, since, penalised=True)
    between = yard.chain.advance(5)
    until = yard.chain.advance(5)
    yard.provide("rotate_oracle", 1, NEW.address)
    assert yard.call("signing_key", oracle_key.address) == record(1, since, until, penalised=True)
    receipt = lower(told.settled, 0, between * 1000)
    assert amounts(dispute(yard, receipt)) == (SETTLED_MS - DUE, 0)


def test_signing_key__penalised_after_its_end__keeps_its_times(yard: Yard, oracle_key):
    post_bond(yard)
    since, told = yard.chain.now, lie(yard)
    until = yard.chain.now
    yard.provide("rotate_oracle", 1, NEW.address)
    yard.chain.advance(5)
    assert amounts(dispute(yard, told.receipt)) == (DUE, PENALTY)
    assert yard.call("signing_key", oracle_key.address) == record(1, since, until, penalised=True)
    assert yard.call("signing_key", NEW.address) == record(1, until)


# What a rotation means for readings -------------------------------------------------------------


def test_settle__signed_anew_by_the_next_key__takes_readings_of_before_the_rotation(yard: Yard):
    """The box signs its journal anew, and nothing that was metered is lost."""
    rental = yard.open()
    yard.chain.advance(10)
    reading = yard.reading(rental, active_ms_1=4_000)
    yard.chain.advance(10)
    yard.provide("rotate_oracle", yard.oracle, NEW.address)
    refused = yard.settle(yard.signed(reading)).events
    reason = "not signed by its oracle"
    assert refused == [event("ReadingRejected", rental=rental, until=reading.until, reason=reason)]
    taken = yard.settle(yard.signed(reading, key=NEW)).events
    assert [e.name for e in taken] == ["UsageSettled"]


def test_settle__revoked__leaves_what_had_settled_before(yard: Yard):
    rental = yard.open()
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=4_000)
    earned = yard.call("earned", rental)
    yard.provide("revoke_oracle", yard.oracle)
    yard.chain.advance(10)
    assert [e.name for e in yard.use(rental, active_ms_1=5_000).events] == ["ReadingRejected"]
    assert yard.call("earned", rental) == earned > 0
