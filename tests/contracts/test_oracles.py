"""register_oracle, rotate_oracle, revoke_oracle: whose signature counts.

What a rotation or revocation does to settling is in test_settle_signatures.py.
"""

from __future__ import annotations

import pytest
from contracts.builders import Yard, new_key, oracle_view
from contracts.evm import NOBODY, event, reverts

NOT_OWNER = "ownable: caller is not the owner"
USED = "keys: used before"
NEW = new_key("new oracle key").address
OTHERS = pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])
UNKNOWN = pytest.mark.parametrize("oracle", [0, 2, 2**256 - 1])


def test_register_oracle__by_the_provider__is_numbered_kept_and_logged(yard: Yard):
    receipt = yard.provide("register_oracle", NEW)
    assert receipt.result == 2
    assert receipt.events == [event("OracleRegistered", oracle=2, key=NEW)]
    assert yard.call("oracle", 2) == oracle_view(NEW)
    assert yard.call("oracle_count") == 2


def test_register_oracle__widest_key__is_kept_as_it_is(yard: Yard):
    widest = "0x" + "Ff" * 20
    number = yard.provide("register_oracle", widest).result
    assert int(yard.call("oracle", number)["key"], 16) == 2**160 - 1
    assert yard.call("oracle", number)["epoch"] == 1
    assert yard.call("oracle", number)["revoked"] is False


def test_register_oracle__zero_key__reverts(yard: Yard):
    with reverts("keys: zero address"):
        yard.provide("register_oracle", NOBODY)


def test_register_oracle__key_in_use__reverts(yard: Yard, oracle_key):
    with reverts(USED):
        yard.provide("register_oracle", oracle_key.address)
    assert yard.call("oracle_count") == 1


def test_register_oracle__key_that_was_rotated_away__reverts(yard: Yard, oracle_key):
    yard.provide("rotate_oracle", yard.oracle, NEW)
    with reverts(USED):
        yard.provide("register_oracle", oracle_key.address)


def test_register_oracle__key_of_a_revoked_oracle__reverts(yard: Yard, oracle_key):
    yard.provide("revoke_oracle", yard.oracle)
    with reverts(USED):
        yard.provide("register_oracle", oracle_key.address)


@OTHERS
def test_register_oracle__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "register_oracle", NEW)


def test_rotate_oracle__by_the_provider__counts_the_key_and_logs(yard: Yard):
    receipt = yard.provide("rotate_oracle", yard.oracle, NEW)
    assert receipt.events == [event("OracleRotated", oracle=yard.oracle, key=NEW, epoch=2)]
    assert yard.call("oracle", yard.oracle) == oracle_view(NEW, epoch=2)
    third = new_key("third").address
    receipt = yard.provide("rotate_oracle", yard.oracle, third)
    assert receipt.events[0].args["epoch"] == 3
    assert yard.call("oracle", yard.oracle)["key"] == third


def test_rotate_oracle__another_oracle__is_left_alone(yard: Yard, oracle_key):
    second = yard.provide("register_oracle", NEW).result
    yard.provide("rotate_oracle", second, new_key("third").address)
    assert yard.call("oracle", yard.oracle)["key"] == oracle_key.address


@UNKNOWN
def test_rotate_oracle__no_such_oracle__reverts(yard: Yard, oracle):
    with reverts("oracles: no such oracle"):
        yard.provide("rotate_oracle", oracle, NEW)
    yard.provide("register_oracle", NEW)


def test_rotate_oracle__revoked__reverts(yard: Yard):
    yard.provide("revoke_oracle", yard.oracle)
    with reverts("oracles: revoked"):
        yard.provide("rotate_oracle", yard.oracle, NEW)


def test_rotate_oracle__zero_key__reverts(yard: Yard):
    with reverts("keys: zero address"):
        yard.provide("rotate_oracle", yard.oracle, NOBODY)


def test_rotate_oracle__its_own_key__reverts(yard: Yard, oracle_key):
    with reverts(USED):
        yard.provide("rotate_oracle", yard.oracle, oracle_key.address)


def test_rotate_oracle__back_to_an_earlier_key__reverts(yard: Yard, oracle_key):
    yard.provide("rotate_oracle", yard.oracle, NEW)
    with reverts(USED):
        yard.provide("rotate_oracle", yard.oracle, oracle_key.address)


def test_rotate_oracle__another_oracles_key__reverts(yard: Yard):
    yard.provide("register_oracle", NEW)
    with reverts(USED):
        yard.provide("rotate_oracle", yard.oracle, NEW)


@OTHERS
def test_rotate_oracle__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "rotate_oracle", yard.oracle, NEW)


def test_revoke_oracle__by_the_provider__is_marked_and_logged(yard: Yard, oracle_key):
    receipt = yard.provide("revoke_oracle", yard.oracle)
    assert receipt.events == [event("OracleRevoked", oracle=yard.oracle)]
    assert yard.call("oracle", yard.oracle) == oracle_view(oracle_key.address, revoked=True)


def test_revoke_oracle__its_free_drill__can_be_given_another_box(yard: Yard):
    yard.provide("revoke_oracle", yard.oracle)
    second = yard.provide("register_oracle", NEW).result
    yard.provide("reassign_drill", yard.drill, second, yard.tariff)
    assert yard.open() == 1


@UNKNOWN
def test_revoke_oracle__no_such_oracle__reverts(yard: Yard, oracle):
    with reverts("oracles: no such oracle"):
        yard.provide("revoke_oracle", oracle)


def test_revoke_oracle__twice__reverts(yard: Yard):
    yard.provide("revoke_oracle", yard.oracle)
    with reverts("oracles: revoked"):
        yard.provide("revoke_oracle", yard.oracle)


@OTHERS
def test_revoke_oracle__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "revoke_oracle", yard.oracle)
