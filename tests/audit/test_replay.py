"""The rules that the replay holds events against, one broken at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audit_story import (
    CUSTOMER,
    EVIDENCE,
    FUNDED,
    GRACE,
    KEY,
    NEXT_KEY,
    PENALTY,
    PROVIDER,
    STRANGER,
    WEEK,
    Story,
)

from protocol.meter_word import pack_meter
from protocol.records import Registers


@pytest.fixture
def story() -> Story:
    story = Story()
    story.furnish()
    return story


def test_replay__a_whole_rental__nothing_found_and_the_parts_add_up(story: Story) -> None:
    story.open()
    story.settle(40_000)
    story.tell("RevenueCollected", rental=1, to=PROVIDER, amount=40_000)
    story.end()
    story.close(GRACE, 40_000, 60_000)
    story.dispute(10, 30_000, 10_000, PENALTY, until=story.now * 1000)
    assert story.found == set()
    assert story.books.accounts[CUSTOMER] == 10 * FUNDED - 40_000 + 10_000 + PENALTY
    assert story.books.held == story.books.owed_in_all()
    assert story.books.revenue == 0


def test_replay__an_open_rental_is_disputed__ends_and_closes_and_is_paid_back(story: Story) -> None:
    story.open()
    story.settle(40_000)
    story.dispute(10, 30_000, 10_000, PENALTY)
    assert story.found == set()
    assert story.books.accounts[CUSTOMER] == 10 * FUNDED - 40_000 + 10_000 + PENALTY
    assert story.books.held == story.books.owed_in_all()
    assert story.books.revenue == 30_000
    assert story.books.posted == 50_000 - PENALTY


def test_replay__events_begin_after_the_deployment__rules_about_state_are_not_applied() -> None:
    story = Story()
    story.books.from_deployment = False
    story.tell("Withdrawn", account=CUSTOMER, to=CUSTOMER, amount=9)
    story.tell("TariffRetired", tariff=4)
    story.tell("BondReleased", to=PROVIDER, amount=9)
    story.settle(4)
    assert story.found == set()


def test_replay__ended_by_the_operator__is_as_by_the_owner(story: Story) -> None:
    story.open()
    story.tell("OperatorSet", operator=STRANGER)
    story.tell("RentalEnded", rental=1, by=STRANGER, ended_at=story.now + 1)
    assert story.found == set()
    assert story.books.operator == STRANGER


@pytest.mark.parametrize(("waited", "found"), [(GRACE, set()), (GRACE - 1, {"event-impossible"})])
def test_replay__used_up_and_ended_by_a_stranger__after_the_grace_period_only(
    story: Story, waited: int, found: set[str]
) -> None:
    story.open()
    story.settle(FUNDED)
    story.tell("BalanceExhausted", 0, rental=1, charge=FUNDED, limit=FUNDED)
    story.tell("RentalEnded", waited, rental=1, by=STRANGER, ended_at=story.now + waited)
    assert story.found == found


Telling = Callable[[Story], None]


def furnished(_: Story) -> None:
    """Nothing more than the fixture has told."""


def opened(story: Story) -> None:
    story.open()


def ended(story: Story) -> None:
    story.open()
    story.end()


def settled(story: Story) -> None:
    story.open()
    story.settle(40_000)


def announced(story: Story) -> None:
    notice = GRACE + 2 * EVIDENCE
    story.tell("BondReleaseAnnounced", amount=20_000, releasable_at=story.now + 1 + notice)


BROKEN: dict[str, tuple[Telling, Telling, set[str]]] = {
    # What comes before, what breaks a rule, and what it is called.
    "overdrawn": (
        furnished,
        lambda s: s.tell("Withdrawn", account=STRANGER, to=STRANGER, amount=1),
        {"account-overdrawn"},
    ),
    "number skipped": (
        furnished,
        lambda s: s.tell("OracleRegistered", oracle=3, key=NEXT_KEY),
        {"number-skipped"},
    ),
    "epoch skipped": (
        furnished,
        lambda s: s.tell("OracleRotated", oracle=1, key=NEXT_KEY, epoch=3),
        {"epoch-skipped"},
    ),
    "key used twice": (
        furnished,
        lambda s: s.tell("OracleRegistered", oracle=2, key=KEY),
        {"event-impossible"},
    ),
    "opened while paused": (
        lambda s: s.tell("Paused", account=PROVIDER),
        opened,
        {"event-impossible"},
    ),
    "opened on a drill in use": (opened, opened, {"event-impossible", "number-skipped"}),
    "credit not said": (
        lambda s: s.tell(
            "RentalOpened", rental=1, customer=CUSTOMER, drill=1, tariff=1, oracle=1, funded=FUNDED
        ),
        lambda s: s.end(),
        {"event-missing"},
    ),
    "wrong credit": (
        settled,
        lambda s: s.tell("BalancePositive", rental=1, drill=1, customer=CUSTOMER, balance=1),
        {"event-impossible", "credit-differs"},
    ),
    "exhaustion not said": (opened, lambda s: s.settle(FUNDED, 200), {"event-missing"}),
    "not later": (settled, lambda s: s.settle(40_000, 0), {"reading-not-later"}),
    "in the future": (
        opened,
        lambda s: s.settle(1, until=(s.now + 101) * 1000),
        {"reading-in-the-future"},
    ),
    "after the end": (ended, lambda s: s.settle(1), {"reading-after-end"}),
    "after the grace period": (
        ended,
        lambda s: s.settle(0, GRACE, s.now * 1000 - 1),
        {"reading-after-grace"},
    ),
    "register fell": (settled, lambda s: s.settle(39_999), {"register-fell"}),
    "more than the clock": (
        opened,
        lambda s: s.settle(10_001, 10),
        {"active-time-beyond-wall-clock"},
    ),
    "closed too early": (
        ended,
        lambda s: s.close(GRACE - 1, 0, FUNDED),
        {"closed-too-early"},
    ),
    "wrong refund": (ended, lambda s: s.close(GRACE, 0, FUNDED - 1), {"refund-differs"}),
    "ended by a stranger": (
        opened,
        lambda s: s.tell("RentalEnded", rental=1, by=STRANGER, ended_at=s.now + 1),
        {"event-impossible"},
    ),
    "collected too much": (
        settled,
        lambda s: s.tell("RevenueCollected", rental=1, to=PROVIDER, amount=40_001),
        {"collected-beyond-earned"},
    ),
    "collected too little": (
        settled,
        lambda s: s.tell("RevenueCollected", rental=1, to=PROVIDER, amount=39_999),
        {"collected-differs"},
    ),
    "bond released early": (
        announced,
        lambda s: s.tell("BondReleased", GRACE + 2 * EVIDENCE - 1, to=PROVIDER, amount=20_000),
        {"bond-released-out-of-rules"},
    ),
    "bond released late": (
        announced,
        lambda s: s.tell("BondReleased", GRACE + 2 * EVIDENCE + WEEK, to=PROVIDER, amount=20_000),
        {"bond-released-out-of-rules"},
    ),
    "bond notice too short": (
        furnished,
        lambda s: s.tell("BondReleaseAnnounced", amount=1, releasable_at=s.now + 9),
        {"bond-notice-differs"},
    ),
    "dispute refunds too much": (
        settled,
        lambda s: s.dispute(10, 30_000, 10_001, PENALTY),
        {"dispute-refund-differs"},
    ),
    "dispute takes from the bond what the revenue could pay": (
        settled,
        lambda s: s.dispute(10, 30_000, 10_000, PENALTY, from_revenue=9_999),
        {"dispute-refund-differs"},
    ),
    "dispute leaves the rental open": (
        settled,
        lambda s: s.tell(
            "UsageDisputed",
            rental=1,
            key=KEY,
            until=s.now * 1000,
            meter=pack_meter(s.now * 1000, Registers(active_ms_1=30_000)),
            refund=0,
            from_revenue=0,
            penalty=PENALTY,
        ),
        {"event-impossible", "dispute-refund-differs", "event-missing"},
    ),
    "closed at a stranger's end, and nothing disputed": (
        settled,
        lambda s: (
            s.tell("RentalEnded", rental=1, by=STRANGER, ended_at=s.now + 1),
            s.close(0, 40_000, 60_000),
        ),
        {"event-impossible"},
    ),
    "dispute without overcharge": (
        settled,
        lambda s: s.dispute(10, 40_000, 0, PENALTY),
        {"dispute-out-of-rules"},
    ),
    "second penalty of a key": (
        lambda s: (settled(s), s.dispute(10, 30_000, 10_000, PENALTY))[0],
        lambda s: s.dispute(1, 20_000, 10_000, PENALTY, suspends=False),
        {"penalty-differs"},
    ),
    "receipt of a later key's time": (
        lambda s: (s.tell("OracleRotated", oracle=1, key=NEXT_KEY, epoch=2), settled(s))[0],
        lambda s: s.dispute(1, 30_000, 10_000, PENALTY, suspends=False),
        {"dispute-out-of-rules"},
    ),
    "evidence too late": (
        lambda s: (settled(s), s.end())[0],
        lambda s: s.dispute(GRACE + EVIDENCE, 30_000, 10_000, PENALTY),
        {"dispute-out-of-rules"},
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_replay__one_rule_broken__named(story: Story, what: str) -> None:
    before, breaking, due = BROKEN[what]
    before(story)
    story.findings.counts.clear()
    breaking(story)
    assert story.found == due
