"""The demo's own arithmetic, against figures made by hand."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from lab.rig.bill import EventTerms, owed, recompute, rental_log, worst_overrun
from protocol.records import Registers
from protocol.sample import ControllerFault, Sample, encode_sample

OPENED, ENDED = 1_790_000_000, 1_790_000_010
TERMS = EventTerms(OPENED, ENDED, ((20, 1000, 3000), (40, 2000, 1200), (80, 4000, 700)), standing=3)


def sample(
    sequence: int, after_ms: int, *, level: int = 1, rpm: int = 0, on: bool = False
) -> Sample:
    return Sample(
        sequence=sequence,
        time_ms=OPENED * 1000 + after_ms,
        drill=1,
        level=level,
        motor_on=on,
        trigger=on,
        inhibited=False,
        fault_flags=ControllerFault.NONE,
        rpm=rpm,
        torque_mnm=0,
        current_ma=0,
        temperature_mc=0,
        rental=1,
        odometer=Registers(),
    )


def run(level: int, rpm: int, begin_ms: int, end_ms: int, first: int) -> list[Sample]:
    """Standstill, motor on from begin to end, a sample each 100 ms and one that says off."""
    on = [
        sample(first + n, at, level=level, rpm=rpm, on=True)
        for n, at in enumerate(range(begin_ms, end_ms, 100), 1)
    ]
    off = sample(first + 1 + len(on), end_ms, level=level, rpm=rpm)
    return [sample(first, begin_ms), *on, off]


def test_recompute__two_strokes__is_what_a_person_gets() -> None:
    log = [*run(1, 2400, 1000, 3000, 1), *run(3, 600, 5000, 6500, 100)]
    bill = recompute(log, TERMS)
    assert bill.registers == {
        "active_ms_1": 2000,
        "active_ms_2": 0,
        "active_ms_3": 1500,
        "revolutions_1": 80,  # 2400 rpm is 40 a second
        "revolutions_2": 0,
        "revolutions_3": 15,
    }
    # 2 s * 20 + 80 turns * 1 + 1.5 s * 80 + 15 turns * 4 + 10 s * 3
    assert bill.charge == 40 + 80 + 120 + 60 + 30
    assert (bill.log_size, bill.gaps) == (len(log), 0)


def test_rental_log__samples_that_name_another_rental__are_not_in_it_whatever_their_dates() -> None:
    own = run(1, 600, 1000, 2000, 10)
    others = [replace(sample(n, 1000 + n, on=True, rpm=600), rental=2) for n in (1, 99)]
    assert rental_log([others[1], *reversed(own), others[0]], 1) == own


def test_recompute__trigger_held_over_from_before__is_not_this_customers() -> None:
    held = [sample(n, 100 * n, on=True, rpm=600) for n in range(1, 11)]
    own = run(1, 600, 2000, 3000, 11)
    bill = recompute([*held, *own], TERMS)
    assert bill.registers == recompute(own, TERMS).registers
    assert (bill.registers["active_ms_1"], bill.log_size) == (1000, len(held) + len(own))
    assert worst_overrun([*held, *own], TERMS, [(OPENED, 0)])[0] == 20 + 10 + 9
    assert recompute(held, TERMS).registers["active_ms_1"] == 0


def test_recompute__silence__bills_nothing_and_is_counted() -> None:
    on = [sample(2, 0, on=True, rpm=600), sample(3, 200, on=True, rpm=600)]
    log = [sample(1, 0), *on, sample(4, 401)]
    bill = recompute(log, TERMS)
    assert bill.registers["active_ms_1"] == 200
    assert bill.gaps == 1


def test_recompute__faster_than_the_tariff_allows__bills_its_highest_rpm() -> None:
    bill = recompute(run(3, 7000, 0, 6000, 1), TERMS)
    assert bill.registers["revolutions_3"] == 70


def test_recompute__root__is_that_of_the_raw_samples() -> None:
    log = [sample(1, 0), sample(2, 1000)]
    leaves = [sha256(b"\0" + encode_sample(s)).digest() for s in log]
    assert recompute(log, TERMS).log_root == sha256(b"\1" + leaves[0] + leaves[1]).digest()


def test_worst_overrun__topped_up_too_late__is_the_most_ever_owed() -> None:
    log = run(3, 0, 0, 3000, 1)
    # 83 a second, 100 funded: used up after 1205 ms; 249 - 100 when the top-up comes.
    worst, used_up = worst_overrun(log, TERMS, [(OPENED, 100), (OPENED + 3, 1000)])
    assert used_up == OPENED * 1000 + 1300
    assert worst == int(2.9 * 83) - 100


def test_worst_overrun__funds_last__is_nothing() -> None:
    assert worst_overrun(run(3, 0, 0, 3000, 1), TERMS, [(OPENED, 1000)]) == (0, None)


def test_owed__caps__the_smallest_limit_counts() -> None:
    hour = replace(TERMS, ended_at=OPENED + 5400)  # two and a half hourly amounts
    assert owed(10**6, 900, hour) == 900
    assert owed(10**6, 900, replace(hour, per_rental=800)) == 800
    assert owed(10**6, 900, replace(hour, per_hour=301)) == 752
    assert owed(751, 900, replace(hour, per_hour=301)) == 751


def test_worst_overrun__hourly_cap__is_held_against_what_it_allows_by_then() -> None:
    log = run(1, 0, 1000, 3000, 1)
    capped = replace(TERMS, per_hour=40)
    # 2 s * 20 + 3 s * 3 at the last sample, against 40 and a thirtieth more
    assert worst_overrun(log, capped, [(OPENED, 10**6)])[0] == 49 - 40
    assert worst_overrun(log, TERMS, [(OPENED, 10**6)])[0] == 0
