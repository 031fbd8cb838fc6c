"""What a rental that stands idle costs its provider in settlements: time simulated, policy real."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from oracle_box import OPENED_MS, build, fresh, view_of
from oracle_builders import LEASE_LIMITS, FakeBroker, FakeClock, make_rental, make_sample

from oracle.journal import tables
from oracle.journal.chain_journal import ChainJournal
from oracle.journal.store import Store
from oracle.leasing.lease_policy import credit
from oracle.settings import SettlementSettings
from oracle.settling.settlement_policy import Due, settlement_due
from protocol.records import LevelRate, Registers, Tariff
from protocol.tariff import highest_charge

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STEP_MS = 5_000
LIMITS = SettlementSettings().limits()
DEAREST = 10**13
"""Wei a second, a hundredth of a coin for a quarter of an hour."""


def tariff_with(standing: int) -> Tariff:
    return Tariff(
        (LevelRate(DEAREST, 0, 3000), LevelRate(DEAREST // 2, 0, 2000), LevelRate(0, 0, 1000)),
        standing,
        1,
    )


def settled_in(
    duration_ms: int, tariff: Tariff, funded: int, gas_price_wei: int, used: Registers
) -> list[Due]:
    """Why a rental settles that was drilled at its opening, if at all, and never again."""
    rental = make_rental(opened_at=0, until=0, funded=funded)
    settled = []
    for until_ms in range(STEP_MS, duration_ms + 1, STEP_MS):
        usage = credit(rental, tariff, used, until_ms, LEASE_LIMITS)
        due = settlement_due(
            rental, tariff, usage, until_ms, gas_price_wei=gas_price_wei, limits=LIMITS
        )
        if due is not None:
            settled.append(due)
            rental = replace(rental, until=until_ms, registers=used)
    return settled


STANDING = [0, DEAREST // 10_000, DEAREST // 100, DEAREST // 10, DEAREST]
GAS = [0, 10**6, 10**9, 50 * 10**9]
CASES = [*product(STANDING, GAS, [Registers(), Registers(10_000, 0, 0, 0, 0, 0)])]


@pytest.mark.parametrize(("standing", "gas_price_wei", "used"), CASES)
def test_settlement_due__smallest_deposit_idle__two_settlements_an_hour(
    standing: int, gas_price_wei: int, used: Registers
) -> None:
    tariff = tariff_with(standing)
    funded = highest_charge(tariff, LEASE_LIMITS.reserve_ms) + 1
    drilled = 0 if used == Registers() else 1

    settled = settled_in(HOUR_MS, tariff, funded, gas_price_wei, used)

    assert len(settled) <= 2 + drilled


@pytest.mark.parametrize("hours", [2, 11, 24, 240])
@pytest.mark.parametrize("gas_price_wei", [0, 10**9])
def test_settlement_due__deposit_that_lasts_for_hours_idle__ten_settlements_a_day(
    hours: int, gas_price_wei: int
) -> None:
    standing = DEAREST // 100
    settled = settled_in(
        DAY_MS, tariff_with(standing), standing * 3600 * hours, gas_price_wei, Registers()
    )

    assert len(settled) <= 10


@pytest.mark.campaign
def test_step__smallest_deposit_idle_for_a_day__at_most_ten_settlements(tmp_path: Path) -> None:
    """The real edge side on a real journal, each settlement mined at once; a sample in 100 s."""
    tariff = tariff_with(DEAREST // 100)
    rental = make_rental(funded=highest_charge(tariff, LEASE_LIMITS.reserve_ms) + 1)
    store, clock, broker = (
        Store(f"sqlite:///{tmp_path}/j.sqlite"),
        FakeClock(OPENED_MS),
        FakeBroker(),
    )
    core = build(store, clock, broker)
    core.settlement.limits = replace(core.settlement.limits, settlement=LIMITS, lease=LEASE_LIMITS)
    outbox, count = ChainJournal(store), 0
    for step in range(1, DAY_MS // 100_000):
        clock.ms = OPENED_MS + step * 100_000
        broker.give(make_sample(step, clock.ms))
        core.step(fresh(view_of(rental, tariffs={1: tariff}, gas_price_wei=10**6), clock.ms))
        for batch in outbox.open_batches():
            count += 1
            outbox.finish_batch(batch.number, tables.SETTLED, "")
            (reading,) = batch.readings
            rental = replace(rental, until=reading.until, registers=reading.registers)

    assert 1 <= count <= 10
