"""A customer's caps, as the oracle reckons with them: leases, warnings and settlements."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import DOMAIN_KEY, LEASE_LIMITS, NONCE, NOW_MS, TARIFF, make_rental, make_view

from chain.views import RentalView
from oracle.leasing.lease_policy import DrillFacts, Inhibit, credit, decide_lease
from oracle.meter.meter import MeterState, highest_rpm
from oracle.meter.sample_log import RentalLog
from oracle.settling.settlement_policy import Due, SettlementLimits, settlement_due, unsettled_owed
from oracle.signing.registration import OracleIdentity
from protocol.messages import CreditWarning
from protocol.records import NO_CAP, Caps, Lease, Registers
from protocol.sample import ControllerFault, Sample
from protocol.tariff import charge, highest_charge

RESERVE = highest_charge(TARIFF, LEASE_LIMITS.reserve_ms)
HOUR_MS = 3_600_000
OPENED_AT = NOW_MS // 1000 - 7_200
"""Two hours ago: an hourly cap allows three times its amount now."""


def at_standstill(time_ms: int, active_ms: int) -> RentalLog:
    sample = Sample(
        1, time_ms, 1, 1, *(False,) * 3, ControllerFault.NONE, 0, 0, 0, 0, 7, Registers()
    )
    meter = MeterState(active_ms=(active_ms, 0, 0), last=sample)
    return RentalLog(7, highest_rpm(TARIFF), meter=meter)


def decide(rental: RentalView, used: int, now_ms: int = NOW_MS) -> Lease | Inhibit:
    """With `used` units drilled: level 1 costs one a millisecond."""
    view = make_view(latest={7: rental}, deep={7: rental}, polled_ms=now_ms)
    view = replace(view, head=replace(view.head, timestamp=now_ms // 1000))
    log = at_standstill(now_ms - 500, used)
    facts = DrillFacts(
        1, NONCE, log, now_ms - 500, 0, Registers(), reused=False, journal_writable=True
    )
    return decide_lease(view, facts, OracleIdentity(1, DOMAIN_KEY), now_ms, LEASE_LIMITS)


def capped(**caps: int) -> RentalView:
    return make_rental(opened_at=OPENED_AT, funded=10**12, caps=Caps(**caps))


@pytest.mark.parametrize(
    ("rental", "limit"),
    [
        (capped(per_rental=5 * 10**6), 5 * 10**6),
        (capped(per_hour=10**6), 3 * 10**6),
        (capped(per_rental=2 * 10**6, per_hour=10**6), 2 * 10**6),
        (capped(per_rental=4 * 10**6, per_hour=10**6), 3 * 10**6),
    ],
)
def test_decide_lease__headroom_under_a_cap__one_unit_decides(
    rental: RentalView, limit: int
) -> None:
    assert rental.limit(NOW_MS) == limit
    assert isinstance(decide(rental, limit - RESERVE - 1), Lease)
    assert decide(rental, limit - RESERVE) is Inhibit.CAPPED


def test_decide_lease__funds_and_cap_both_gone__says_the_funds() -> None:
    rental = replace(capped(per_hour=10**6), funded=3 * 10**6)

    assert decide(rental, 3 * 10**6 - RESERVE) is Inhibit.EXHAUSTED


def test_decide_lease__hourly_cap_reached__a_lease_again_once_the_clock_allows_it() -> None:
    """No event says so: the state and the clock decide."""
    rental = capped(per_hour=HOUR_MS)  # one unit a millisecond
    used = 3 * HOUR_MS - RESERVE

    assert decide(rental, used) is Inhibit.CAPPED
    assert isinstance(decide(rental, used, NOW_MS + 1), Lease)


def test_credit__capped__warns_by_the_cap_and_keeps_the_balance() -> None:
    rental = capped(per_rental=2 * RESERVE)
    ten_seconds = highest_charge(TARIFF, 10_000)

    low = credit(rental, TARIFF, Registers(RESERVE - ten_seconds), NOW_MS, LEASE_LIMITS)
    over = credit(rental, TARIFF, Registers(2 * RESERVE + 5), NOW_MS, LEASE_LIMITS)

    assert (low.warning, low.runway_seconds) == (CreditWarning.LOW, 10)
    assert over.warning is CreditWarning.EXHAUSTED
    assert over.charge == over.limit + 5
    assert over.balance == rental.funded - over.limit


rentals = st.builds(
    lambda per_rental, per_hour: capped(per_rental=per_rental, per_hour=per_hour),
    st.integers(1, 10**8) | st.just(NO_CAP),
    st.integers(1, 10**8) | st.just(NO_CAP),
)


@given(rentals, st.integers(0, 10**8), st.sampled_from([1, 2, 3]))
def test_decide_lease__capped__the_worst_that_follows_stays_within_the_cap(
    rental: RentalView, used: int, level: int
) -> None:
    lease = decide(rental, used)
    if not isinstance(lease, Lease):
        return
    stops_ms = lease.expires_at + LEASE_LIMITS.stroke_ms
    active = [used, 0, 0]
    active[level - 1] += stops_ms - (NOW_MS - 500)
    after = charge(TARIFF, Registers(*active), rental.elapsed_ms(stops_ms))
    assert after <= rental.limit(stops_ms)


# --- settlement --------------------------------------------------------------------------------

LIMITS = SettlementLimits(
    share_of_balance_per_mille=100,
    gas_share_per_mille=50,
    least_interval_ms=10_000,
    longest_interval_ms=HOUR_MS,
    asset_units_per_ether=10**18,
    gas=55_000,
)
CAP = HOUR_MS // 2
"""Half a unit a millisecond."""


CHEAP_WEI = 1
DEAR_WEI = 10**9


def due(
    rental: RentalView, used: int, *, until_ms: int = NOW_MS, gas_price_wei: int = CHEAP_WEI
) -> Due | None:
    usage = credit(rental, TARIFF, Registers(used), until_ms, LEASE_LIMITS)
    return settlement_due(
        rental, TARIFF, usage, until_ms, gas_price_wei=gas_price_wei, limits=LIMITS
    )


def settled(used: int, ago_ms: int, caps: Caps) -> RentalView:
    return replace(
        capped(), caps=caps, until=NOW_MS - ago_ms, registers=Registers(used), funded=10**9
    )


def limit_at(ago_ms: int) -> int:
    return settled(0, 0, Caps(per_hour=CAP)).limit(NOW_MS - ago_ms)


def test_settlement_due__cap_reached__at_once_and_once() -> None:
    caps = Caps(per_hour=CAP)
    before = settled(limit_at(60_000) - 10_000, 60_000, caps)
    at_it = settled(limit_at(60_000), 60_000, caps)

    assert due(before, limit_at(0) - 1) is None
    assert due(before, limit_at(0), gas_price_wei=DEAR_WEI) is Due.USED_UP
    assert due(at_it, limit_at(0)) is None


def test_settlement_due__hourly_cap_lets_more_be_owed__follows_at_the_longest_interval() -> None:
    caps = Caps(per_hour=CAP)
    used = limit_at(0) + 10**6
    earlier, hour = settled(used, HOUR_MS - 1, caps), settled(used, HOUR_MS, caps)

    assert due(earlier, used) is None
    assert due(hour, used) is Due.INTERVAL
    usage = credit(hour, TARIFF, Registers(used), NOW_MS, LEASE_LIMITS)
    assert unsettled_owed(hour, TARIFF, usage) == CAP


def test_settlement_due__hourly_cap_lets_a_worthwhile_share_be_owed__if_gas_is_cheap() -> None:
    used = limit_at(0) + 10**6
    rental = replace(settled(used, HOUR_MS - 1, Caps(per_hour=CAP)), funded=6 * CAP)

    assert due(rental, used) is Due.SHARE
    assert due(rental, used, gas_price_wei=DEAR_WEI) is None


def test_settlement_due__cap_of_the_rental_reached__never_again() -> None:
    rental = settled(10**6, 2 * HOUR_MS - 1, Caps(per_rental=10**6))

    assert due(rental, 5 * 10**6) is None


def test_settlement_due__credit_again_under_the_hourly_cap__one_unit_of_headroom_decides() -> None:
    caps = Caps(per_hour=CAP)
    used = limit_at(0) - RESERVE
    at_limit_ago = 2 * (limit_at(0) - used) + 2
    rental = settled(used, at_limit_ago, caps)
    assert used >= rental.limit(rental.until)

    assert due(rental, used) is None
    assert due(rental, used, until_ms=NOW_MS + 2) is Due.CREDIT_AGAIN
    fresh = replace(rental, until=NOW_MS - 9_999, registers=Registers(limit_at(9_999)))
    assert due(fresh, used) is None


def test_settlement_due__little_headroom_left__no_hurry() -> None:
    used = limit_at(0) - RESERVE - 1
    rental = settled(used - 10**6, 60_000, Caps(per_hour=CAP))

    assert due(rental, used, gas_price_wei=10) is None
    assert due(replace(rental, funded=limit_at(0)), used, gas_price_wei=10) is None
