"""More rules of the replay, each broken by one event with one field that should not be."""

from __future__ import annotations

from typing import Any

import pytest
from audit_story import CUSTOMER, FUNDED, KEY, NEXT_KEY, PROVIDER, STRANGER, Story

from audit.node.values import ZERO_ADDRESS
from protocol.meter_word import pack_meter
from protocol.records import Registers

IMPOSSIBLE = "event-impossible"
Event = tuple[str, dict[str, Any]]

OPENED = {"customer": CUSTOMER, "drill": 1, "tariff": 1, "oracle": 1, "funded": FUNDED}
TARIFF_2 = {
    "tariff": 2,
    "levels": ((1, 1, 1),) * 3,
    "standing_price_per_second": 5,
    "least_reserve": FUNDED + 1,
}


def told(name: str, **args: Any) -> Event:
    return name, args


RULES: dict[str, tuple[list[Event], Event, str]] = {
    "deposit of nothing": (
        [],
        told("Deposited", account=CUSTOMER, payer=CUSTOMER, amount=0),
        IMPOSSIBLE,
    ),
    "bond's sum": ([], told("BondPosted", amount=1, bond=50_000), "bond-differs"),
    "more announced than posted": (
        [],
        told("BondReleaseAnnounced", amount=50_001, releasable_at=0),
        IMPOSSIBLE,
    ),
    "retired twice": (
        [told("TariffRetired", tariff=1)],
        told("TariffRetired", tariff=1),
        IMPOSSIBLE,
    ),
    "retired unpublished": ([], told("TariffRetired", tariff=9), IMPOSSIBLE),
    "tariff skipped": ([], told("TariffPublished", **{**TARIFF_2, "tariff": 3}), "number-skipped"),
    "listed at a retired tariff": (
        [told("TariffRetired", tariff=1)],
        told("DrillListed", drill=2, oracle=1, tariff=1, label="x"),
        IMPOSSIBLE,
    ),
    "listed at no tariff": (
        [],
        told("DrillListed", drill=2, oracle=1, tariff=9, label="x"),
        "tariff-unknown",
    ),
    "listed with a revoked oracle": (
        [told("OracleRevoked", oracle=1)],
        told("DrillListed", drill=2, oracle=1, tariff=1, label="x"),
        IMPOSSIBLE,
    ),
    "rented drill retired": (
        [told("RentalOpened", rental=1, **OPENED)],
        told("DrillRetired", drill=1),
        IMPOSSIBLE,
    ),
    "unlisted drill retired": ([], told("DrillRetired", drill=9), IMPOSSIBLE),
    "revoked twice": (
        [told("OracleRevoked", oracle=1)],
        told("OracleRevoked", oracle=1),
        IMPOSSIBLE,
    ),
    "rotated when revoked": (
        [told("OracleRevoked", oracle=1)],
        told("OracleRotated", oracle=1, key=NEXT_KEY, epoch=2),
        IMPOSSIBLE,
    ),
    "suspended for nothing": ([], told("OracleSuspended", oracle=1, key=KEY), IMPOSSIBLE),
    "key called by another address": (
        [],
        told("KeyEnrolled", key=NEXT_KEY, x=1, y=2),
        "key-address-differs",
    ),
    "key enrolled twice": (
        [told("KeyEnrolled", key=KEY, x=1, y=2)],
        told("KeyEnrolled", key=KEY, x=1, y=2),
        IMPOSSIBLE,
    ),
    "owner from nowhere": (
        [],
        told("OwnershipTransferred", previous_owner=STRANGER, new_owner=CUSTOMER),
        IMPOSSIBLE,
    ),
    "owner never named": (
        [],
        told("OwnershipTransferred", previous_owner=PROVIDER, new_owner=CUSTOMER),
        IMPOSSIBLE,
    ),
    "paused twice": (
        [told("Paused", account=PROVIDER)],
        told("Paused", account=PROVIDER),
        IMPOSSIBLE,
    ),
    "unpaused for nothing": ([], told("Unpaused", account=PROVIDER), IMPOSSIBLE),
    "opened at another tariff": (
        [told("TariffPublished", **TARIFF_2)],
        told("RentalOpened", rental=1, **{**OPENED, "tariff": 2}),
        IMPOSSIBLE,
    ),
    "opened at no tariff": (
        [],
        told("RentalOpened", rental=1, **{**OPENED, "tariff": 9}),
        "tariff-unknown",
    ),
    "opened on no drill": (
        [],
        told("RentalOpened", rental=1, **{**OPENED, "drill": 9}),
        IMPOSSIBLE,
    ),
    "opened at a retired tariff": (
        [told("TariffRetired", tariff=1)],
        told("RentalOpened", rental=1, **OPENED),
        IMPOSSIBLE,
    ),
    "opened with a revoked oracle": (
        [told("OracleRevoked", oracle=1)],
        told("RentalOpened", rental=1, **OPENED),
        IMPOSSIBLE,
    ),
    "capped later": (
        [],
        told("RentalCapped", rental=1, per_rental=1, per_hour=1),
        "rental-unknown",
    ),
    "topped up, wrong sum": (
        [told("RentalOpened", rental=1, **OPENED)],
        told("ToppedUp", rental=1, payer=CUSTOMER, amount=1, funded=FUNDED),
        "funds-differ",
    ),
    "topped up while paused": (
        [told("RentalOpened", rental=1, **OPENED), told("Paused", account=PROVIDER)],
        told("ToppedUp", rental=1, payer=CUSTOMER, amount=1, funded=FUNDED + 1),
        IMPOSSIBLE,
    ),
    "ended at another time": (
        [told("RentalOpened", rental=1, **OPENED)],
        told("RentalEnded", rental=1, by=CUSTOMER, ended_at=5),
        IMPOSSIBLE,
    ),
    "closed while open": (
        [told("RentalOpened", rental=1, **OPENED)],
        told("RentalClosed", rental=1, customer=CUSTOMER, charge=0, refund=FUNDED),
        IMPOSSIBLE,
    ),
    "collected of nobody": (
        [],
        told("RevenueCollected", rental=0, to=PROVIDER, amount=1),
        "collected-beyond-earned",
    ),
}


@pytest.mark.parametrize("what", RULES)
def test_replay__one_event_against_the_rules__named(what: str) -> None:
    before, breaking, due = RULES[what]
    story = Story()
    story.furnish()
    for name, args in before:
        story.tell(name, **args)
    story.findings.counts.clear()
    story.tell(breaking[0], **breaking[1])
    assert due in story.findings.counts


def settled(story: Story, turns: int = 0, **changes: Any) -> set[str]:
    """A rental with one settlement that has another field than it should."""
    story.furnish()
    story.open()
    story.now += 100
    until = story.now * 1000
    word = pack_meter(until, Registers(active_ms_1=500, revolutions_1=turns))
    args = {"until": until, "meter": word, "log_size": 4, "log_root": "0x", "charge": 500}
    story.tell("UsageSettled", 0, rental=1, **{**args, **changes})
    return story.found


def test_usage_settled__nothing_changed__nothing_found() -> None:
    assert settled(Story()) == set()


def test_usage_settled__another_charge__named() -> None:
    assert settled(Story(), charge=501) == {"charge-differs"}


def test_usage_settled__another_time_than_in_the_word__named() -> None:
    assert settled(Story(), until=7) == {"until-differs"}


def test_usage_settled__shorter_log_than_before__named() -> None:
    story = Story()
    settled(story)
    story.settle(600)
    assert story.found == {"log-size-fell"}


@pytest.mark.parametrize("turns", [51, 10_000])
def test_usage_settled__more_turns_than_the_rpm_allows__named(turns: int) -> None:
    assert settled(Story(), turns) == {"revolutions-beyond-rpm"}


def test_disputed__key_of_nobody__named() -> None:
    story = Story()
    settled(story)
    story.dispute(1, 400, 100, 0, key=NEXT_KEY)
    assert "dispute-out-of-rules" in story.found


def test_disputed__another_date_than_in_the_receipt__named() -> None:
    story = Story()
    settled(story)
    word = pack_meter(story.now * 1000, Registers(active_ms_1=400))
    story.dispute(1, 400, 100, 7, meter=word)
    assert "until-differs" in story.found


def test_balance_positive__under_the_least_reserve__named() -> None:
    story = Story()
    story.furnish()
    story.tell("TariffPublished", **TARIFF_2)
    story.tell("DrillListed", drill=2, oracle=1, tariff=2, label="x")
    story.tell("RentalOpened", rental=1, **{**OPENED, "drill": 2, "tariff": 2})
    story.tell("BalancePositive", 0, rental=1, drill=2, customer=CUSTOMER, balance=FUNDED)
    assert story.found == {IMPOSSIBLE}


def test_rental_capped__under_the_standing_price__named() -> None:
    story = Story()
    story.furnish()
    story.tell("TariffPublished", **TARIFF_2)
    story.tell("DrillListed", drill=2, oracle=1, tariff=2, label="x")
    story.tell("RentalOpened", rental=1, **{**OPENED, "drill": 2, "tariff": 2})
    story.tell("RentalCapped", 0, rental=1, per_rental=FUNDED, per_hour=5 * 3600 - 1)
    assert set(story.findings.counts) == {IMPOSSIBLE}


def test_ownership__named_and_accepted__in_the_books() -> None:
    story = Story()
    story.tell("OwnershipTransferStarted", previous_owner=PROVIDER, new_owner=CUSTOMER)
    story.tell("OwnershipTransferred", previous_owner=PROVIDER, new_owner=CUSTOMER)
    assert story.found == set()
    assert (story.books.owner, story.books.pending_owner) == (CUSTOMER, ZERO_ADDRESS)
