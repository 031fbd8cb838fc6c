"""What settling on the way takes of a rental, and what a lost box can take: policy real, time
simulated, for deposits that are used up within minutes as for those that last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from oracle_builders import LEASE_LIMITS, make_rental

from oracle.leasing.lease_policy import credit
from oracle.settings import SettlementSettings
from oracle.settling.settlement_policy import Due, gas_cost, settlement_due
from protocol.records import LevelRate, Registers, Tariff

LIMITS = SettlementSettings().limits()
GWEI = 10**9


def drilled_until_used_up(funded: int, seconds: int, gas_price_wei: int) -> tuple[list[Due], int]:
    """A rental whose funds last for so many seconds of drilling without a pause: why it settles,
    and the most that was unsettled between two of its settlements."""
    tariff = Tariff((LevelRate(-(-funded // seconds), 0, 3000),) * 3, 0, 1)
    rental = make_rental(opened_at=0, until=0, funded=funded)
    found, at_risk = [], 0
    step_ms = max(1_000, seconds)
    for until_ms in range(step_ms, seconds * 1000 + 2 * step_ms, step_ms):
        used = Registers(active_ms_1=until_ms)
        usage = credit(rental, tariff, used, until_ms, LEASE_LIMITS)
        due = settlement_due(
            rental, tariff, usage, until_ms, gas_price_wei=gas_price_wei, limits=LIMITS
        )
        if due is not None:
            found.append(due)
            rental = replace(rental, until=until_ms, registers=used)
        at_risk = max(at_risk, min(usage.charge, funded) - rental.settled_owed(tariff))
    return found, at_risk


@pytest.mark.parametrize("gas_price_wei", [GWEI // 100, GWEI, 50 * GWEI])
@pytest.mark.parametrize("worth", [1, 2, 10, 12, 20, 100, 1_000, 100_000])
@pytest.mark.parametrize("seconds", [30, 200, 290, 1_000, 3_600])
def test_settlement_due__funds_used_up_within_the_hour__gas_on_the_way_is_little_beside_them(
    seconds: int, worth: int, gas_price_wei: int
) -> None:
    """The last settlement is needed whatever it costs; those before it are the box's choice."""
    cost = gas_cost(gas_price_wei, LIMITS)
    funded = worth * cost
    found, at_risk = drilled_until_used_up(funded, seconds, gas_price_wei)
    assert found[-1] is Due.USED_UP
    on_the_way = len(found) - 1
    assert on_the_way <= 10
    assert on_the_way * cost * 1000 <= LIMITS.gas_share_per_mille * funded
    # What a lost box can cost: the share, or what is not worth its gas; and a step of the test, or
    # the pause between two settlements.
    share = max(
        funded * LIMITS.share_of_balance_per_mille // 1000,
        cost * 1000 // LIMITS.gas_share_per_mille,
    )
    pause_ms = max(LIMITS.least_interval_ms, 1_000, seconds) + max(1_000, seconds)
    step = -(-funded * pause_ms // (seconds * 1000))
    assert at_risk <= min(funded, share + step)


@pytest.mark.campaign
@pytest.mark.parametrize("worth", [1, 3, 19, 21, 100, 2_000])
@pytest.mark.parametrize("standing_share", [0, 50])
def test_settlement_due__rental_of_weeks_used_a_little_each_hour__gas_stays_in_its_share(
    worth: int, standing_share: int
) -> None:
    """By share and by time, all gas on the way is at most the gas share of all that it settles;
    `worth` is how many settlements' gas the use of an hour pays."""
    gas_price_wei, hours = GWEI, 21 * 24
    cost = gas_cost(gas_price_wei, LIMITS)
    rate = worth * cost // 60
    tariff = Tariff((LevelRate(rate, 0, 3000),) * 3, rate * standing_share // 3600 // 100, 1)
    rental = make_rental(opened_at=0, until=0, funded=100 * hours * worth * cost)
    count = settled = at_risk = 0
    for minute in range(1, hours * 60):
        used = Registers(active_ms_1=minute * 1_000)
        usage = credit(rental, tariff, used, minute * 60_000, LEASE_LIMITS)
        at_risk = max(at_risk, usage.charge - rental.settled_owed(tariff))
        due = settlement_due(
            rental, tariff, usage, minute * 60_000, gas_price_wei=gas_price_wei, limits=LIMITS
        )
        if due is not None:
            assert due is Due.INTERVAL
            count, settled = count + 1, usage.charge
            rental = replace(rental, until=minute * 60_000, registers=used)
    assert count * cost * 1000 <= LIMITS.gas_share_per_mille * settled
    assert count >= min(hours - 1, settled // (cost * 1000 // LIMITS.gas_share_per_mille) // 2)
    hour = -(-usage.charge // hours)
    assert at_risk <= max(cost * 1000 // LIMITS.gas_share_per_mille, hour) + 2 * hour // 60 + 2
