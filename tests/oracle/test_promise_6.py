"""Promise 6: a drill starts only under a lease that follows from a proven positive balance, and
what it delivers never exceeds what was funded by more than the stated reserve.

The controller's half, no start without a lease of its own oracle for its own rental and time, is
in tests/device/test_controller.py. Here is the oracle's: whatever a drill does on the word of one
lease, the funds pay for it.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import (
    DOMAIN_KEY,
    LEASE_LIMITS,
    NONCE,
    NOW_MS,
    make_rental,
    make_sample,
    make_view,
)

from oracle.leasing.lease_policy import DrillFacts, decide_lease
from oracle.meter.meter import highest_rpm
from oracle.meter.sample_log import LoggedSample, RentalLog
from oracle.signing.registration import OracleIdentity
from protocol.records import Lease, LevelRate, Registers, Tariff
from protocol.sample import encode_sample
from protocol.tariff import charge

prices = st.integers(0, 10**15)
rates = st.builds(LevelRate, prices, prices, st.integers(1, 5000))
tariffs = st.builds(Tariff, st.tuples(rates, rates, rates), prices, st.just(1))


def highest_registers(tariff: Tariff, before: Registers, duration_ms: int) -> list[Registers]:
    """The registers after drilling for `duration_ms` at top speed, one for each level."""
    after = []
    for level, rate in enumerate(tariff.levels):
        active, turned = list(before.active_ms), list(before.revolutions)
        active[level] += duration_ms
        turned[level] += duration_ms * rate.max_rpm // 60_000
        after.append(Registers.from_levels(tuple(active), tuple(turned)))
    return after


@given(
    tariffs,
    st.integers(1, 10**19),
    st.integers(0, 100),
    st.integers(0, LEASE_LIMITS.sample_age_ms),
    st.integers(1, 3),
)
def test_decide_lease__the_worst_that_can_follow_from_it__is_paid_for(
    tariff: Tariff, funded: int, samples: int, unseen_ms: int, level: int
) -> None:
    """A start at the lease's last instant, the longest stroke, nothing of it reported in time."""
    rental = make_rental(funded=funded, opened_at=NOW_MS // 1000 - 60)
    rental_log = RentalLog(7, highest_rpm(tariff))
    first_ms = NOW_MS - unseen_ms - 100 * samples
    for number in range(samples + 1):
        sample = make_sample(
            number + 1, first_ms + 100 * number, motor_on=number > 0, level=level, rpm=5000
        )
        rental_log, _ = rental_log.append(LoggedSample(sample, encode_sample(sample)))
    view = make_view(deep={7: rental}, latest={7: rental}, tariffs={1: tariff})
    facts = DrillFacts(
        1,
        NONCE,
        rental_log,
        NOW_MS - unseen_ms,
        0,
        Registers(),
        reused=False,
        journal_writable=True,
    )

    lease = decide_lease(view, facts, OracleIdentity(1, DOMAIN_KEY), NOW_MS, LEASE_LIMITS)

    if not isinstance(lease, Lease):
        return
    stops_ms = lease.expires_at + LEASE_LIMITS.stroke_ms
    drilled_ms = stops_ms - (NOW_MS - unseen_ms)
    seen = rental_log.meter.registers
    for registers in highest_registers(tariff, seen, drilled_ms):
        assert charge(tariff, registers, stops_ms - rental.opened_ms) <= funded


def test_reserve_ms__covers_what_is_unseen_and_the_whole_stroke() -> None:
    """Even where a settlement takes no time at all."""
    limits = replace(LEASE_LIMITS, settlement_ms=0)
    worst_ms = limits.sample_age_ms + limits.lease_ms + limits.stroke_ms
    assert limits.reserve_ms >= worst_ms
