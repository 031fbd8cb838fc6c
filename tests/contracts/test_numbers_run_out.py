"""Numbers and times that no longer fit their fields: refused, and never part of a neighbour's.

Nobody makes 2**30 tariffs or waits until 2248, so counters are set in storage.
"""

from __future__ import annotations

from typing import Any

import pytest
from contracts.builders import RESERVE, TARIFF, Yard, new_key, tariff_view
from contracts.evm import reverts
from eth_utils import keccak

from lab.rig.contract import compile_drill_meter
from lab.rig.plan import UNBOUND
from protocol.records import LevelRate, Tariff

MAX_FUNDED = 2**96 - 1
LAST_NUMBER = 2**30 - 1
LAST_RENTAL = 2**64 - 1
LAST_EPOCH = 2**32 - 1
LAST_TIME = 2**34 - 1
LAST_OPENING = (2**43 - 1) // 1000
"""The last second whose milliseconds a meter word holds."""


def slot_of(module: str, variable: str) -> int:
    """Where the compiler has put a variable."""
    layout: dict[str, Any] = compile_drill_meter().layout["storage_layout"]
    return int(layout[module][variable]["slot"])


def count_up_to(yard: Yard, module: str, variable: str, count: int) -> None:
    yard.chain.store(yard.meter, slot_of(module, variable), count)


def test_publish_tariff__last_number__works_and_the_next_cannot_be_offered(yard: Yard):
    count_up_to(yard, "tariffs", "tariff_count", LAST_NUMBER - 1)
    last = yard.publish(TARIFF)
    assert last == LAST_NUMBER
    drill = yard.list_drill(tariff=last)
    rental = yard.open(drill=drill, tariff=last)
    assert yard.call("rental", rental)["tariff"] == last
    assert yard.call("drill", drill)["tariff"] == last
    assert yard.call("tariff", last) == tariff_view(TARIFF)
    beyond = yard.publish(TARIFF)
    with reverts(""):
        yard.list_drill(tariff=beyond)


def test_register_oracle__last_number__works_and_the_next_reverts(yard: Yard):
    count_up_to(yard, "oracles", "oracle_count", LAST_NUMBER - 1)
    key = new_key("last oracle").address
    last = yard.provide("register_oracle", key).result
    assert last == LAST_NUMBER
    drill = yard.list_drill(oracle=last)
    rental = yard.open(drill=drill)
    assert yard.call("rental", rental)["oracle"] == last
    assert yard.call("drill", drill)["oracle"] == last
    assert yard.call("signing_key", key)["oracle"] == last
    with reverts(""):
        yard.provide("register_oracle", new_key("one oracle too many").address)


def test_list_drill__last_number__is_rented_and_the_next_cannot_be(yard: Yard):
    count_up_to(yard, "drills", "drill_count", LAST_NUMBER - 1)
    last = yard.list_drill()
    assert last == LAST_NUMBER
    rental = yard.open(drill=last)
    assert yard.call("rental", rental)["drill"] == last
    beyond = yard.list_drill()
    yard.deposit(RESERVE)
    with reverts(""):
        yard.meter.transact(yard.customer, "open_rental", beyond, yard.tariff, RESERVE, *UNBOUND)


def test_open_rental__last_number__works_and_the_next_reverts(yard: Yard):
    count_up_to(yard, "rentals", "rental_count", LAST_RENTAL - 1)
    last = yard.open()
    assert last == LAST_RENTAL
    assert yard.call("drill", yard.drill)["rental"] == last
    drill = yard.list_drill()
    yard.deposit(RESERVE)
    with reverts(""):
        yard.meter.transact(yard.customer, "open_rental", drill, yard.tariff, RESERVE, *UNBOUND)
    assert yard.call("drill", drill)["rental"] == 0


def test_rotate_oracle__last_epoch__works_and_the_next_reverts(yard: Yard):
    entry = keccak(slot_of("oracles", "oracles").to_bytes(32) + yard.oracle.to_bytes(32))
    word = int(yard.oracle_key.address, 16) | (LAST_EPOCH - 1) << 160
    yard.chain.store(yard.meter, int.from_bytes(entry), word)
    assert yard.call("oracle", yard.oracle)["epoch"] == LAST_EPOCH - 1
    yard.provide("rotate_oracle", yard.oracle, new_key("last epoch").address)
    oracle = yard.call("oracle", yard.oracle)
    assert (oracle["epoch"], oracle["revoked"]) == (LAST_EPOCH, False)
    with reverts(""):
        yard.provide("rotate_oracle", yard.oracle, new_key("an epoch too many").address)


def test_open_rental__last_second_that_a_meter_holds__works_and_the_next_reverts(yard: Yard):
    yard.chain.set_time(LAST_OPENING)
    rental = yard.open()
    assert yard.call("rental", rental)["until"] == LAST_OPENING * 1000
    yard.chain.set_time(LAST_OPENING + 1)
    drill = yard.list_drill()
    yard.deposit(RESERVE)
    with reverts(""):
        yard.meter.transact(yard.customer, "open_rental", drill, yard.tariff, RESERVE, *UNBOUND)


def test_end_rental__last_second_of_its_field__works_and_the_next_reverts(yard: Yard):
    rental = yard.open()
    second = yard.open(drill=yard.list_drill())
    yard.chain.set_time(LAST_TIME)
    yard.meter.transact(yard.customer, "end_rental", rental)
    assert yard.call("rental", rental)["ended_at"] == LAST_TIME
    yard.chain.set_time(LAST_TIME + 1)
    with reverts(""):
        yard.meter.transact(yard.customer, "end_rental", second)


def test_register_oracle__last_second_of_its_field__works_and_the_next_reverts(yard: Yard):
    yard.chain.set_time(LAST_TIME)
    key = new_key("at the end of time").address
    yard.provide("register_oracle", key)
    assert yard.call("signing_key", key)["since"] == LAST_TIME
    yard.chain.set_time(LAST_TIME + 1)
    with reverts(""):
        yard.provide("register_oracle", new_key("after the end of time").address)


@pytest.mark.parametrize("change", ["rotate_oracle", "revoke_oracle"])
def test_expiring_a_key__last_second_of_its_field__works_and_the_next_reverts(
    yard: Yard, change: str
):
    second = yard.provide("register_oracle", new_key("of the second box").address).result
    more = [new_key("new").address] if change == "rotate_oracle" else []
    yard.chain.set_time(LAST_TIME)
    yard.provide(change, yard.oracle, *more)
    assert yard.call("signing_key", yard.oracle_key.address)["until"] == LAST_TIME
    yard.chain.set_time(LAST_TIME + 1)
    with reverts(""):
        yard.provide(change, second, *more)


def test_end_rental__largest_funds_all_used_up__closes_and_all_is_revenue(yard: Yard):
    highest = Tariff(
        (LevelRate(0, 0, 1),) * 3, standing_price_per_second=2**64 - 1, least_reserve=1
    )
    tariff = yard.publish(highest)
    rental = yard.open(MAX_FUNDED, drill=yard.list_drill(tariff=tariff), tariff=tariff)
    yard.chain.advance(140 * 365 * 86_400)
    receipt = yard.finish(rental)
    assert yard.call("charge", rental) > MAX_FUNDED
    assert receipt.named("RentalClosed")[0].args["refund"] == 0
    assert yard.call("revenue") == yard.call("rental", rental)["collected"] == MAX_FUNDED
