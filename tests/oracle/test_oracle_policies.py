"""Leases and settlements: each reason for and against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from oracle_builders import (
    DOMAIN_KEY,
    EVIDENCE,
    LEASE_LIMITS,
    NONCE,
    NOW_MS,
    TARIFF,
    logged,
    make_rental,
    make_sample,
    make_view,
)

from chain.views import ChainView, DrillView, OracleView, Rejection
from oracle.leasing.lease_policy import DrillFacts, Inhibit, credit, decide_lease
from oracle.meter.meter import MeterState, highest_rpm
from oracle.meter.sample_log import RentalLog
from oracle.settling.batch import Candidate, choose_batch
from oracle.settling.settlement_policy import Due, SettlementLimits, retry_pause_ms, settlement_due
from oracle.signing.registration import OracleIdentity
from protocol.messages import CreditWarning
from protocol.records import Lease, Reading, Registers, RentalState
from protocol.tariff import highest_charge

IDENTITY = OracleIdentity(1, DOMAIN_KEY)
MAX_RPM = highest_rpm(TARIFF)
STANDSTILL = MeterState(last=make_sample(1, NOW_MS - 500))
LOG = RentalLog(7, MAX_RPM, meter=STANDSTILL)


def facts(**changes: Any) -> DrillFacts:
    values: dict[str, Any] = {
        "drill": 1,
        "nonce": NONCE,
        "log": LOG,
        "last_sample_ms": NOW_MS - 500,
        "signed_until": 0,
        "signed": Registers(),
        "reused": False,
        "journal_writable": True,
    }
    return DrillFacts(**(values | changes))


def decide(view: ChainView | None = None, now_ms: int = NOW_MS, **changes: Any) -> Lease | Inhibit:
    return decide_lease(view or make_view(), facts(**changes), IDENTITY, now_ms, LEASE_LIMITS)


def test_decide_lease__credit_and_everything_well__lease_on_the_confirmed_block() -> None:
    assert decide() == Lease(1, 7, NOW_MS, NOW_MS + LEASE_LIMITS.lease_ms, 99, NONCE)


def test_decide_lease__no_view__starting() -> None:
    assert decide_lease(None, facts(), IDENTITY, NOW_MS, LEASE_LIMITS) is Inhibit.STARTING


ENDED = make_rental(state=RentalState.ENDED, ended_at=NOW_MS // 1000)
OTHER = make_rental(customer="0x" + "9" * 40)
HEAD = make_view().head
VIEWS = [
    (make_view(polled_ms=NOW_MS - 20_001), Inhibit.CHAIN_UNREACHABLE),
    (make_view(head=replace(HEAD, timestamp=HEAD.timestamp - 70)), Inhibit.HEAD_STALE),
    (make_view(head=replace(HEAD, timestamp=HEAD.timestamp + 20)), Inhibit.CLOCK_SKEW),
    (make_view(catching_up=True), Inhibit.CATCHING_UP),
    (make_view(oracle=OracleView("0x" + "1" * 40, revoked=False)), Inhibit.ORACLE_KEY),
    (make_view(oracle=OracleView(DOMAIN_KEY, revoked=True)), Inhibit.REVOKED),
    (
        make_view(oracle=OracleView(DOMAIN_KEY, revoked=False, suspended=True)),
        Inhibit.SUSPENDED,
    ),
    (make_view(drills={}), Inhibit.OTHER_ORACLE),
    (make_view(drills={1: DrillView(1, 2, 7, retired=False)}), Inhibit.OTHER_ORACLE),
    (make_view(drills={1: DrillView(1, 1, 0, retired=False)}), Inhibit.NO_RENTAL),
    (make_view(drills={1: DrillView(1, 1, 0, retired=True)}), Inhibit.RETIRED),
    (make_view(latest={}), Inhibit.UNCONFIRMED),
    (make_view(deep={}), Inhibit.UNCONFIRMED),
    (make_view(deep={7: OTHER}), Inhibit.UNCONFIRMED),
    (make_view(latest={7: ENDED}), Inhibit.ENDED),
    (make_view(evidence={}), Inhibit.NO_EVIDENCE),
    (make_view(evidence={7: replace(EVIDENCE, block_number=100)}), Inhibit.NO_EVIDENCE),
    (make_view(latest={7: make_rental(oracle=2)}), Inhibit.OTHER_ORACLE),
    (make_view(latest={7: make_rental(until=NOW_MS)}), Inhibit.JOURNAL_BEHIND),
    (make_view(rejections={7: Rejection(7, 1, "no", NOW_MS, 1)}), Inhibit.REJECTED),
    (make_view(tariffs={}), Inhibit.STARTING),
    (make_view(deep={7: make_rental(funded=1)}), Inhibit.EXHAUSTED),
]


@pytest.mark.parametrize(("view", "reason"), VIEWS, ids=lambda value: str(value)[:30])
def test_decide_lease__chain_gives_no_credit__that_reason(view: ChainView, reason: Inhibit) -> None:
    assert decide(view) is reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"journal_writable": False}, Inhibit.JOURNAL),
        ({"reused": True}, Inhibit.SEQUENCE_REUSED),
        ({"damaged": True}, Inhibit.DAMAGED),
        ({"last_sample_ms": None}, Inhibit.NO_SAMPLES),
        ({"last_sample_ms": NOW_MS - 4_001}, Inhibit.NO_SAMPLES),
        ({"nonce": 0}, Inhibit.NO_NONCE),
        ({"last_sample_ms": NOW_MS + 15_001}, Inhibit.DRILL_CLOCK),
        ({"log": None}, Inhibit.STARTING),
        ({"held_over": True}, Inhibit.NO_STANDSTILL),
        ({"settlement_waits_ms": LEASE_LIMITS.stalled_ms + 1}, Inhibit.SETTLEMENT_STALLED),
    ],
)
def test_decide_lease__drill_reports_do_not_allow_it__that_reason(
    changes: dict[str, Any], reason: Inhibit
) -> None:
    assert decide(**changes) is reason


@pytest.mark.parametrize(
    ("stolen", "reason"), [(True, Inhibit.STOLEN), (None, Inhibit.THEFT_UNKNOWN)]
)
def test_decide_lease__reported_stolen_or_not_known__that_reason_whatever_else_there_is(
    stolen: bool | None, reason: Inhibit
) -> None:
    assert decide(stolen=stolen) is reason
    assert decide(stolen=stolen, journal_writable=False) is reason
    without_chain = decide_lease(None, facts(stolen=stolen), IDENTITY, NOW_MS, LEASE_LIMITS)
    assert without_chain is reason


def test_decide_lease__headroom_of_one_unit__lease_and_of_none__exhausted() -> None:
    reserve = highest_charge(TARIFF, LEASE_LIMITS.reserve_ms)
    just_enough = make_rental(funded=reserve + 1)
    too_little = make_rental(funded=reserve)

    assert isinstance(decide(make_view(deep={7: just_enough})), Lease)
    assert decide(make_view(deep={7: too_little})) is Inhibit.EXHAUSTED


def test_credit__short_runway__warns() -> None:
    reserve = highest_charge(TARIFF, LEASE_LIMITS.reserve_ms)
    ten_seconds = highest_charge(TARIFF, 10_000)

    low = credit(
        make_rental(funded=reserve + ten_seconds), TARIFF, Registers(), NOW_MS, LEASE_LIMITS
    )

    assert low.warning is CreditWarning.LOW
    assert low.runway_seconds == 10


LIMITS = SettlementLimits(
    share_of_balance_per_mille=100,
    gas_share_per_mille=50,
    least_interval_ms=10_000,
    longest_interval_ms=3_600_000,
    asset_units_per_ether=10**18,
    gas=55_000,
)


def due(
    used_ms: int,
    funded: int = 10**9,
    gas_price_wei: int | None = 0,
    since_ms: int = 60_000,
    **changes: Any,
) -> Due | None:
    """When level 1 (1,000 a second) ran for `used_ms` in the last `since_ms`."""
    opened_at = NOW_MS // 1000 - since_ms // 1000
    rental = make_rental(funded=funded, opened_at=opened_at, until=opened_at * 1000)
    log = RentalLog(7, MAX_RPM)
    samples = [logged(make_sample(1, rental.opened_ms))]
    samples += [
        logged(make_sample(n + 2, rental.opened_ms + n * 100, motor_on=True))
        for n in range(used_ms // 100 + 1)
    ]
    log, _ = log.extend(samples)
    limits = replace(LEASE_LIMITS, lease_ms=1_000, stroke_ms=0, settlement_ms=0)
    usage = credit(rental, TARIFF, log.meter.registers, NOW_MS, limits)
    return settlement_due(
        rental,
        TARIFF,
        usage,
        NOW_MS,
        gas_price_wei=gas_price_wei,
        limits=replace(LIMITS, **changes),
    )


def test_settlement_due__nothing_used__never() -> None:
    assert due(0, since_ms=4_000_000) is None


def test_settlement_due__small_share__waits() -> None:
    assert due(1_000) is None


def test_settlement_due__share_of_balance_reached__now() -> None:
    assert due(20_000, funded=200_000) is Due.SHARE
    assert due(19_000, funded=200_000) is None


def test_settlement_due__gas_beyond_its_share__waits() -> None:
    assert due(20_000, funded=200_000, gas_price_wei=1) is None


def test_settlement_due__token_cheaper_than_gas__its_rate_counts() -> None:
    cheap = {"asset_units_per_ether": 10**16}
    assert due(20_000, funded=200_000, gas_price_wei=1, **cheap) is Due.SHARE


def test_settlement_due__longest_interval_passed__if_gas_is_cheap_beside_it() -> None:
    """1,000 units are unsettled; gas may cost 50 of them, after an hour as after days."""
    hour_ms, fifty = 3_600_000, {"asset_units_per_ether": 10**18 * 50 // 55_000}

    assert due(1_000, since_ms=hour_ms - 1_000, gas_price_wei=0, **fifty) is None
    assert due(1_000, since_ms=hour_ms, gas_price_wei=1, **fifty) is Due.INTERVAL
    assert due(1_000, since_ms=hour_ms, gas_price_wei=2, **fifty) is None
    assert due(1_000, since_ms=90 * hour_ms, gas_price_wei=2, **fifty) is None
    assert due(2_000, since_ms=90 * hour_ms, gas_price_wei=2, **fifty) is Due.INTERVAL


def test_settlement_due__price_of_gas_unknown__only_what_is_not_weighed() -> None:
    assert due(1_000, since_ms=3_600_000, gas_price_wei=None) is None
    assert due(50_000, funded=200_000, gas_price_wei=None) is None
    assert due(3_000, funded=3_000, since_ms=3_000, gas_price_wei=None) is Due.USED_UP


def test_settlement_due__all_funds_used__at_once() -> None:
    assert due(3_000, funded=3_000, since_ms=3_000) is Due.USED_UP


def test_settlement_due__funds_used_up_on_chain__no_more_transactions() -> None:
    rental = make_rental(funded=10, registers=Registers(60_000, 0, 0, 0, 0, 0))
    usage = credit(rental, TARIFF, rental.registers, NOW_MS, LEASE_LIMITS)

    assert settlement_due(rental, TARIFF, usage, NOW_MS, gas_price_wei=0, limits=LIMITS) is None


def reading(rental: int, until: int = 1) -> Reading:
    return Reading(rental, until, Registers(), 0, bytes(32))


def test_choose_batch__more_than_fit__most_urgent_and_largest_first() -> None:
    candidates = [Candidate(reading(n), Due.SHARE, n) for n in range(1, 70)]
    candidates.append(Candidate(reading(500), Due.ENDED, 0))

    chosen = choose_batch(candidates)

    assert len(chosen) == 64
    assert [one.rental for one in chosen[:2]] == [500, 69]


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ({}, (1, 2, 3, 4)),
        ({1: 2, 2: 2, 3: 2}, (1, 2)),
        ({3: 1, 4: 2}, (1, 2)),
        ({1: 1}, (1,)),
    ],
)
def test_choose_batch__refused_in_a_larger_one__with_its_like_only(
    apart: dict[int, int], expected: tuple[int, ...]
) -> None:
    candidates = [
        Candidate(Reading(number, 1, Registers(), 1, bytes(32)), Due.SHARE, 0)
        for number in (4, 3, 2, 1)
    ]

    chosen = choose_batch(candidates, apart=apart)

    assert tuple(one.rental for one in chosen) == expected


def test_choose_batch__two_of_one_rental__the_later() -> None:
    chosen = choose_batch(
        [Candidate(reading(1, 5), Due.SHARE, 1), Candidate(reading(1, 9), Due.SHARE, 1)]
    )

    assert chosen == (reading(1, 9),)


def test_retry_pause_ms__again_and_again__doubles_up_to_an_hour() -> None:
    assert [retry_pause_ms(count) for count in (1, 2, 3, 50)] == [
        30_000,
        60_000,
        120_000,
        3_600_000,
    ]
