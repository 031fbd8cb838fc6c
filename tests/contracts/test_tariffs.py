"""publish_tariff, retire_tariff: rate tables that never change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contracts.builders import SIMPLE, TARIFF, Yard, tariff_view, tariff_words, with_level
from contracts.evm import event, reverts

from protocol.records import LevelRate, Tariff

LEVELS = pytest.mark.parametrize("level", [1, 2, 3])
NOT_OWNER = "ownable: caller is not the owner"

WIDEST = Tariff((LevelRate(2**64 - 1, 2**64 - 1, 2**20 - 1),) * 3, 2**64 - 1, 2**96 - 1)
NOTHING = Tariff((LevelRate(0, 0, 1),) * 3, 0, 0)


def test_publish_tariff__by_the_provider__is_numbered_kept_and_logged(yard: Yard):
    receipt = yard.provide("publish_tariff", tariff_words(TARIFF))
    assert receipt.result == 2
    shown = tariff_view(TARIFF)
    del shown["retired"]
    assert receipt.events == [event("TariffPublished", tariff=2, **shown)]
    assert yard.call("tariff", 2) == tariff_view(TARIFF)
    assert yard.call("tariff_count") == 2


@pytest.mark.parametrize("tariff", [WIDEST, NOTHING, SIMPLE], ids=["widest", "nothing", "simple"])
def test_publish_tariff__any_in_range__is_kept_as_it_is(yard: Yard, tariff):
    number = yard.publish(tariff)
    assert yard.call("tariff", number) == tariff_view(tariff)
    assert yard.call("tariff", 1) == tariff_view(TARIFF)


@LEVELS
@pytest.mark.parametrize("field", ["price_per_second", "price_per_1000_revolutions", "max_rpm"])
def test_publish_tariff__one_field_at_its_widest__stays_in_its_place(yard: Yard, level, field):
    width = 20 if field == "max_rpm" else 64
    tariff = with_level(NOTHING, level, **{field: 2**width - 1})
    assert yard.call("tariff", yard.publish(tariff)) == tariff_view(tariff)


@LEVELS
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("price_per_second", 2**64, "packing: price over 2**64 - 1"),
        ("price_per_second", 2**256 - 1, "packing: price over 2**64 - 1"),
        ("price_per_1000_revolutions", 2**64, "packing: price over 2**64 - 1"),
        ("price_per_1000_revolutions", 2**256 - 1, "packing: price over 2**64 - 1"),
        ("max_rpm", 0, "packing: max_rpm is zero"),
        ("max_rpm", 2**20, "packing: max_rpm over 2**20 - 1"),
        ("max_rpm", 2**256 - 1, "packing: max_rpm over 2**20 - 1"),
    ],
)
def test_publish_tariff__level_field_out_of_range__reverts(yard: Yard, level, field, value, reason):
    with reverts(reason):
        yard.publish(with_level(TARIFF, level, **{field: value}))
    assert yard.call("tariff_count") == 1


@pytest.mark.parametrize("value", [2**64, 2**256 - 1])
def test_publish_tariff__standing_price_out_of_range__reverts(yard: Yard, value):
    with reverts("packing: price over 2**64 - 1"):
        yard.publish(replace(TARIFF, standing_price_per_second=value))


@pytest.mark.parametrize("value", [2**96, 2**256 - 1])
def test_publish_tariff__least_reserve_out_of_range__reverts(yard: Yard, value):
    with reverts("packing: reserve over 2**96 - 1"):
        yard.publish(replace(TARIFF, least_reserve=value))


def test_publish_tariff__retired__reverts(yard: Yard):
    with reverts("tariffs: published as retired"):
        yard.provide("publish_tariff", tariff_words(TARIFF, retired=True))


@pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])
def test_publish_tariff__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "publish_tariff", tariff_words(TARIFF))


def test_retire_tariff__by_the_provider__is_marked_and_logged(yard: Yard):
    receipt = yard.provide("retire_tariff", 1)
    assert receipt.events == [event("TariffRetired", tariff=1)]
    assert yard.call("tariff", 1) == tariff_view(TARIFF, retired=True)


def test_retire_tariff__another__is_left_alone(yard: Yard):
    second = yard.publish(WIDEST)
    yard.provide("retire_tariff", second)
    assert yard.call("tariff", 1) == tariff_view(TARIFF)
    assert yard.call("tariff", second) == tariff_view(WIDEST, retired=True)


def test_retire_tariff__rental_under_it__goes_on_at_its_prices(yard: Yard, customer):
    rental = yard.open()
    yard.provide("retire_tariff", yard.tariff)
    yard.chain.advance(10)
    yard.use(rental, active_ms_1=1_000)
    yard.meter.transact(customer, "top_up", rental, 5, value=5)
    assert yard.call("charge", rental) == (1_103_000 + 970_000) // 1000


def test_retire_tariff__twice__reverts(yard: Yard):
    yard.provide("retire_tariff", 1)
    with reverts("tariffs: already retired"):
        yard.provide("retire_tariff", 1)


@pytest.mark.parametrize("tariff", [0, 2, 2**256 - 1])
def test_retire_tariff__no_such_tariff__reverts(yard: Yard, tariff):
    with reverts("tariffs: no such tariff"):
        yard.provide("retire_tariff", tariff)


@pytest.mark.parametrize("role", ["customer", "oracle", "stranger"])
def test_retire_tariff__by_anybody_else__reverts(yard: Yard, role):
    with reverts(NOT_OWNER):
        yard.meter.transact(yard.people[role], "retire_tariff", 1)
