"""Left or entered: what wild, late, repeated and missing fixes do to it, and what true ones do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from position.fence import Circle, outside_mm
from position.fix import Fix, FixQuality, FixReport, Place, heard
from position.geodesy import metres_a_unit
from position.watch import (
    Crossing,
    FixTrouble,
    Watch,
    WatchLimits,
    Where,
    follow,
    lost,
    pause_ms,
    shown,
)

SITE = Place.of_degrees(52.52, 13.405)
FENCE = Circle(SITE, 100_000)
LIMITS = WatchLimits()
NOW = 1_795_000_000_000
ACCURACY_MM = 5_000


def at(north_m: float) -> Place:
    north, _ = metres_a_unit(SITE.latitude_e7)
    return Place(SITE.latitude_e7 + round(north_m / north), SITE.longitude_e7)


@dataclass
class Drive:
    """A receiver that reports every second, on clocks of its own."""

    watch: Watch = field(default_factory=Watch)
    now_ms: int = NOW
    monotonic_ms: int = 1_000
    receiver_ms: int = NOW - 200
    crossings: list[Crossing] = field(default_factory=list)

    def wait(self, ms: int = 1_000) -> None:
        self.now_ms += ms
        self.monotonic_ms += ms
        self.receiver_ms += ms

    def fix(self, place: Place, accuracy_mm: int | None = ACCURACY_MM) -> None:
        report = FixReport(FixQuality.THREE_D, place, accuracy_mm, self.receiver_ms)
        fix = heard(report, self.now_ms, self.monotonic_ms)
        assert fix is not None
        self.take(fix)

    def take(self, fix: Fix) -> None:
        self.watch, crossing = follow(self.watch, fix, FENCE, self.now_ms, LIMITS)
        if crossing is not None:
            self.crossings.append(crossing)

    def drive(self, *metres: float) -> None:
        for north_m in metres:
            self.wait()
            self.fix(at(north_m))

    @property
    def seen(self) -> tuple[Where, FixTrouble | None]:
        fix = self.watch.fix
        age = None if fix is None else fix.age_ms(self.monotonic_ms)
        return shown(self.watch.where, self.watch.trouble, age, LIMITS)

    @property
    def told(self) -> list[Where]:
        return [one.where for one in self.crossings]


@pytest.fixture
def inside() -> Drive:
    drive = Drive()
    drive.drive(0, 0, 0, 0)
    assert drive.told == [Where.INSIDE]
    assert drive.seen == (Where.INSIDE, None)
    drive.crossings.clear()
    return drive


def test_follow__fewer_fixes_than_it_takes__nothing_is_known() -> None:
    drive = Drive()
    assert drive.seen == (Where.UNKNOWN, FixTrouble.NOTHING_HEARD)
    drive.drive(0, 0)
    assert drive.seen == (Where.UNKNOWN, FixTrouble.CONFIRMING)


def test_follow__a_true_leave__told_with_the_third_fix_and_dated_by_the_first(
    inside: Drive,
) -> None:
    inside.drive(120)
    first_ms = inside.now_ms
    inside.drive(140)
    assert inside.told == []
    inside.drive(160)
    assert inside.crossings == [Crossing(Where.OUTSIDE, Where.INSIDE, first_ms)]
    assert inside.seen == (Where.OUTSIDE, None)


def test_follow__back_again__entered(inside: Drive) -> None:
    inside.drive(120, 140, 160, 120, 95, 90, 85)
    assert inside.told == [Where.OUTSIDE, Where.INSIDE]


def test_follow__at_the_fence_within_accuracy__neither_left_nor_entered(inside: Drive) -> None:
    inside.drive(*(104 if second % 2 else 99 for second in range(100)))
    assert inside.told == []
    inside.drive(110, 110, 110)
    inside.drive(*(104 if second % 2 else 99 for second in range(100)))
    assert inside.told == [Where.OUTSIDE]


def test_follow__two_outside_and_one_between__begins_anew(inside: Drive) -> None:
    inside.drive(110, 110, 102, 110, 110)
    assert inside.told == []
    inside.drive(110)
    assert inside.told == [Where.OUTSIDE]


@pytest.mark.parametrize("stays", [1, 3, 30, 300])
def test_follow__a_jump_of_100_km__no_leave_and_unknown_while_it_lasts(
    inside: Drive, stays: int
) -> None:
    inside.drive(*[100_000] * stays)
    assert inside.told == []
    assert inside.watch.trouble is FixTrouble.JUMP
    if stays >= 100:
        assert inside.seen == (Where.UNKNOWN, FixTrouble.JUMP)
    inside.drive(0, 0, 0)
    assert inside.told == []
    assert inside.seen == (Where.INSIDE, None)


def test_follow__the_first_fix_is_the_wild_one__those_after_it_count() -> None:
    drive = Drive()
    drive.drive(100_000, 0, 0, 0)
    assert drive.told == [Where.INSIDE]


def test_follow__carried_away_while_nothing_was_heard__left(inside: Drive) -> None:
    inside.wait(3_600_000)
    assert inside.seen == (Where.UNKNOWN, FixTrouble.STALE)
    inside.drive(100_000, 100_000, 100_000)
    assert inside.told == [Where.OUTSIDE]


def test_follow__the_same_fix_repeated__gets_old(inside: Drive) -> None:
    fix = inside.watch.fix
    assert fix is not None
    for _ in range(70):
        inside.now_ms += 1_000
        inside.monotonic_ms += 1_000
        inside.fix(at(0))
    assert inside.watch.fix is fix
    assert inside.seen == (Where.UNKNOWN, FixTrouble.STALE)
    assert inside.told == []


def test_follow__fixes_late_by_a_day__are_old_and_tell_nothing(inside: Drive) -> None:
    inside.receiver_ms -= 86_400_000
    inside.drive(*[500] * 70)
    assert inside.told == []
    assert inside.seen == (Where.UNKNOWN, FixTrouble.STALE)


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000, 10**12, -(10**12)])
def test_follow__the_boxs_clock_jumps__no_leave(inside: Drive, jump_ms: int) -> None:
    inside.now_ms += jump_ms
    inside.drive(*[0] * 100)
    assert inside.told == []
    assert inside.seen[0] is (Where.UNKNOWN if jump_ms > 0 else Where.INSIDE)


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000, -619_315_200_000])
def test_follow__the_receivers_clock_jumps__no_leave(inside: Drive, jump_ms: int) -> None:
    """The last one is that of 1024 weeks."""
    inside.receiver_ms += jump_ms
    inside.drive(*[0] * 100)
    assert inside.told == []
    assert inside.seen[0] is (Where.INSIDE if jump_ms > 0 else Where.UNKNOWN)
    inside.receiver_ms -= jump_ms
    inside.drive(*[0] * 5)
    assert inside.seen == (Where.INSIDE, None)


def test_follow__no_accuracy__counts_for_nothing(inside: Drive) -> None:
    for _ in range(70):
        inside.wait()
        inside.fix(at(500), None)
    assert inside.told == []
    assert inside.seen == (Where.UNKNOWN, FixTrouble.NO_ACCURACY)


def test_follow__an_accuracy_of_a_km__neither_left_nor_entered(inside: Drive) -> None:
    for _ in range(10):
        inside.wait()
        inside.fix(at(500), 1_000_000)
    assert inside.told == []


def test_lost__in_the_middle_of_a_leave__begins_anew(inside: Drive) -> None:
    inside.drive(120, 120)
    inside.wait()
    inside.watch = lost(inside.watch, FixTrouble.NO_FIX)
    inside.drive(120, 120)
    assert inside.told == []
    inside.drive(120)
    assert inside.told == [Where.OUTSIDE]


def test_lost__for_a_minute__unknown_and_never_left(inside: Drive) -> None:
    for _ in range(61):
        inside.wait()
        inside.watch = lost(inside.watch, FixTrouble.NO_FIX)
    assert inside.seen == (Where.UNKNOWN, FixTrouble.NO_FIX)
    inside.drive(0)
    assert inside.seen == (Where.INSIDE, None)
    assert inside.told == []


def test_pause__longer_at_rest_inside_only(inside: Drive) -> None:
    assert pause_ms(inside.watch, LIMITS) == LIMITS.resting_pause_ms
    inside.drive(50)
    assert pause_ms(inside.watch, LIMITS) == LIMITS.moving_pause_ms
    inside.drive(50)
    assert pause_ms(inside.watch, LIMITS) == LIMITS.resting_pause_ms
    inside.drive(110)
    assert pause_ms(inside.watch, LIMITS) == LIMITS.moving_pause_ms
    inside.drive(110, 110, 110, 110)
    assert pause_ms(inside.watch, LIMITS) == LIMITS.moving_pause_ms


def test_follow__without_a_fence__the_fix_is_known_and_nothing_else() -> None:
    drive = Drive()
    for _ in range(5):
        drive.wait()
        fix = Fix(SITE, FixQuality.RTK, 20, drive.receiver_ms, drive.monotonic_ms, 0)
        drive.watch, crossing = follow(drive.watch, fix, None, drive.now_ms, LIMITS)
        assert crossing is None
    assert drive.seen == (Where.UNKNOWN, FixTrouble.CONFIRMING)


@given(st.integers(0, 2**32))
def test_follow__any_noise_within_accuracy_and_any_faults__no_false_leave(seed: int) -> None:
    """A drill that never leaves, and a receiver with every fault at once: whatever comes first. As
    many wild fixes in a row as a leave takes could be the truth, so there are fewer."""
    chance = random.Random(seed)  # noqa: S311  a test
    drive = Drive()
    drive.drive(0, 0, 0, 0)
    wild = 0
    for _ in range(120):
        drive.wait(chance.choice((1_000, 1_000, 5_000, 70_000)))
        fault = chance.randrange(12)
        if fault == 0 and wild < LIMITS.fixes - 1:
            wild += 1
            drive.fix(at(chance.choice((100_000, -1_000_000, 5_000))))
        elif fault == 1:
            drive.watch = lost(drive.watch, FixTrouble.NO_FIX)
        elif fault == 2:
            drive.receiver_ms += chance.choice((-1, 1)) * chance.choice((1_000, 86_400_000))
        elif fault == 3:
            drive.now_ms += chance.choice((-1, 1)) * chance.choice((3_600_000, 86_400_000))
        elif fault == 4:
            drive.fix(at(300), None)
        else:
            wild = 0
            drive.fix(at(chance.uniform(-104, 104)))
        assert Where.OUTSIDE not in drive.told


@given(st.integers(0, 2**32), st.floats(1, 20), st.integers(2, 8))
def test_follow__driven_away_at_any_speed__told_within_so_many_fixes(
    seed: int, metres_a_second: float, fixes: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  a test
    limits = WatchLimits(fixes=fixes)
    watch, metres, monotonic_ms, row = Watch(), 0.0, 0, 0
    told: list[tuple[Where, int]] = []
    while metres < 300 and len(told) < 2:
        monotonic_ms += 1_000
        place = at(metres + chance.uniform(-4, 4))
        row = row + 1 if outside_mm(FENCE, place) > ACCURACY_MM else 0
        now_ms = NOW + monotonic_ms
        fix = Fix(place, FixQuality.THREE_D, ACCURACY_MM, now_ms, monotonic_ms, 0)
        watch, crossing = follow(watch, fix, FENCE, now_ms, limits)
        told += [] if crossing is None else [(crossing.where, row)]
        assert told or row == 0
        assert row < fixes or len(told) == 2
        metres += metres_a_second if told else 0
    assert told == [(Where.INSIDE, 0), (Where.OUTSIDE, fixes)]
