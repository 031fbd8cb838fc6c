"""list_drill, reassign_drill, retire_drill: what is on offer."""

from __future__ import annotations

import pytest
from contracts.builders import SIMPLE, Yard, new_key
from contracts.evm import event, reverts

NOT_OWNER = "ownable: caller is not the owner"
OTHERS = pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])
UNKNOWN = pytest.mark.parametrize("number", [0, 2, 2**256 - 1])
LABEL = "Pillar drill 3, hall B"


def refuse_service(yard: Yard, function: str, *rest: object, drill: tuple[int, ...] = ()) -> None:
    """Expect that a drill cannot have a box or a tariff that are not good."""
    for number in (0, 2, 2**256 - 1):
        with reverts("oracles: no such oracle"):
            yard.provide(function, *drill, number, yard.tariff, *rest)
        with reverts("tariffs: no such tariff"):
            yard.provide(function, *drill, yard.oracle, number, *rest)
    retired = yard.publish(SIMPLE)
    yard.provide("retire_tariff", retired)
    with reverts("tariffs: retired"):
        yard.provide(function, *drill, yard.oracle, retired, *rest)
    revoked = yard.provide("register_oracle", new_key("revoked").address).result
    yard.provide("revoke_oracle", revoked)
    with reverts("oracles: revoked"):
        yard.provide(function, *drill, revoked, yard.tariff, *rest)


def test_list_drill__by_the_provider__is_numbered_kept_and_logged(yard: Yard):
    receipt = yard.provide("list_drill", yard.oracle, yard.tariff, LABEL)
    assert receipt.result == 2
    assert receipt.events == [
        event("DrillListed", drill=2, oracle=yard.oracle, tariff=yard.tariff, label=LABEL)
    ]
    free = {"oracle": yard.oracle, "tariff": yard.tariff, "rental": 0, "retired": False}
    assert yard.call("drill", 2) == free
    assert yard.call("drill_count") == 2


@pytest.mark.parametrize("label", ["x", "x" * 64, "Drehbohrer \u00e4\u00f6\u00fc"])
def test_list_drill__label_of_1_to_64_bytes__is_logged(yard: Yard, label):
    receipt = yard.provide("list_drill", yard.oracle, yard.tariff, label)
    assert receipt.events[0].args["label"] == label


def test_list_drill__no_label__reverts(yard: Yard):
    with reverts("drills: label is empty"):
        yard.provide("list_drill", yard.oracle, yard.tariff, "")


def test_list_drill__label_of_65_bytes__reverts(yard: Yard):
    with reverts(""):
        yard.provide("list_drill", yard.oracle, yard.tariff, "x" * 65)


def test_list_drill__oracle_or_tariff_is_not_good__reverts(yard: Yard):
    refuse_service(yard, "list_drill", LABEL)
    assert yard.call("drill_count") == 1


@OTHERS
def test_list_drill__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "list_drill", yard.oracle, yard.tariff, LABEL)


def test_reassign_drill__free__has_the_new_box_and_tariff(yard: Yard):
    oracle = yard.provide("register_oracle", new_key("second").address).result
    tariff = yard.publish(SIMPLE)
    receipt = yard.provide("reassign_drill", yard.drill, oracle, tariff)
    assert receipt.events == [
        event("DrillReassigned", drill=yard.drill, oracle=oracle, tariff=tariff)
    ]
    assert yard.call("drill", yard.drill) == {
        "oracle": oracle,
        "tariff": tariff,
        "rental": 0,
        "retired": False,
    }


@UNKNOWN
def test_reassign_drill__no_such_drill__reverts(yard: Yard, number):
    with reverts("drills: no such drill"):
        yard.provide("reassign_drill", number, yard.oracle, yard.tariff)


def test_reassign_drill__retired__reverts(yard: Yard):
    yard.provide("retire_drill", yard.drill)
    with reverts("drills: retired"):
        yard.provide("reassign_drill", yard.drill, yard.oracle, yard.tariff)


@pytest.mark.parametrize("ended", [False, True])
def test_reassign_drill__in_a_rental__reverts(yard: Yard, ended):
    rental = yard.open()
    if ended:
        yard.end(rental)
    with reverts("drills: in a rental"):
        yard.provide("reassign_drill", yard.drill, yard.oracle, yard.publish(SIMPLE))


def test_reassign_drill__oracle_or_tariff_is_not_good__reverts(yard: Yard):
    before = yard.call("drill", yard.drill)
    refuse_service(yard, "reassign_drill", drill=(yard.drill,))
    assert yard.call("drill", yard.drill) == before


@OTHERS
def test_reassign_drill__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(
            yard.people[role], "reassign_drill", yard.drill, yard.oracle, yard.tariff
        )


def test_retire_drill__free__is_marked_and_logged(yard: Yard):
    receipt = yard.provide("retire_drill", yard.drill)
    assert receipt.events == [event("DrillRetired", drill=yard.drill)]
    assert yard.call("drill", yard.drill) == {
        "oracle": yard.oracle,
        "tariff": yard.tariff,
        "rental": 0,
        "retired": True,
    }


@UNKNOWN
def test_retire_drill__no_such_drill__reverts(yard: Yard, number):
    with reverts("drills: no such drill"):
        yard.provide("retire_drill", number)


def test_retire_drill__twice__reverts(yard: Yard):
    yard.provide("retire_drill", yard.drill)
    with reverts("drills: retired"):
        yard.provide("retire_drill", yard.drill)


@pytest.mark.parametrize("ended", [False, True])
def test_retire_drill__in_a_rental__reverts(yard: Yard, ended):
    rental = yard.open()
    if ended:
        yard.end(rental)
    with reverts("drills: in a rental"):
        yard.provide("retire_drill", yard.drill)


def test_retire_drill__after_its_rental_closed__retires(yard: Yard):
    rental = yard.open()
    yard.finish(rental)
    yard.provide("retire_drill", yard.drill)
    assert yard.call("drill", yard.drill)["retired"] is True


@OTHERS
def test_retire_drill__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "retire_drill", yard.drill)
