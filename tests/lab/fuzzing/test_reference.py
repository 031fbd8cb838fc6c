"""The model's own arithmetic, by hand."""

from __future__ import annotations

from contracts.builders import TARIFF
from contracts.reference import HOUR_MS, RentalBook

from protocol.records import LevelRate, Tariff

BY_THE_SECOND = Tariff((LevelRate(1_000, 0, 60),) * 3, 0, 1)
"""One unit each active millisecond, at most one revolution a second."""


def book(tariff: Tariff = BY_THE_SECOND, **terms: int) -> RentalBook:
    return RentalBook(1, 1, 1, 1, tariff, 1_000_000, 1_000, **terms)


def test_book__two_steps__owe_what_one_does():
    halves, whole = book(TARIFF), book(TARIFF)
    halves.book(1_000_500, (100, 20, 3), (4, 0, 1))
    halves.book(1_001_001, (200, 21, 30), (5, 1, 2))
    whole.book(1_001_001, (200, 21, 30), (5, 1, 2))
    assert halves == whole
    by_hand = 200 * 1_103 + 21 * 2_207 + 30 * 3_301 + 5 * 11_003 + 7_001 + 2 * 5_003 + 1_001 * 97
    assert whole.charge == by_hand // 1000


def test_grows_into__one_turn_cut_in_two__only_where_the_total_allows():
    rental = book()
    assert rental.grows_into(1_001_000, (1_000, 0, 0), (1, 0, 0))
    assert not rental.grows_into(1_001_000, (999, 0, 0), (1, 0, 0))
    rental.book(1_001_999, (1_999, 0, 0), (1, 0, 0))
    assert rental.grows_into(1_002_000, (2_000, 0, 0), (2, 0, 0))
    assert not rental.grows_into(1_002_000, (2_000, 0, 0), (3, 0, 0))
    assert not rental.grows_into(1_002_000, (2_001, 0, 0), (2, 0, 0))
    assert not rental.grows_into(1_002_000, (1_998, 0, 0), (1, 0, 0))


def test_limit__hourly_cap__allows_one_hour_from_the_start_and_rounds_down():
    rental = book(per_hour=3_599_999, per_rental=9_000_000)
    rental.funded = 8_000_000
    assert rental.limit == 3_599_999
    rental.book(1_000_000 + HOUR_MS // 2 + 1, (0, 0, 0), (0, 0, 0))
    assert rental.limit == 3_599_999 * (HOUR_MS + HOUR_MS // 2 + 1) // HOUR_MS
    rental.book(1_000_000 + 9 * HOUR_MS, (0, 0, 0), (0, 0, 0))
    assert rental.limit == 8_000_000


def test_overcharged__lower_registers__is_what_would_have_been_earned_less():
    rental = book(per_rental=5_000)
    rental.book(1_009_000, (4_000, 3_000, 0), (0, 0, 0))
    assert (rental.charge, rental.earned, rental.balance) == (7_000, 5_000, 995_000)
    at = 1_009_000
    assert rental.overcharged(at, (4_000, 3_000, 9), (0, 0, 0)) == 0
    assert rental.overcharged(at + 1, (4_000, 1_000, 0), (0, 0, 0)) == 0
    assert rental.overcharged(at, (1_000, 3_000, 0), (0, 0, 0)) == 1_000
    assert rental.overcharged(at - 700, (0, 0, 0), (0, 0, 0)) == 5_000 - 2 * 700 + 2_000 - 2_000
    assert rental.overcharged(at, (0, 0, 0), (0, 0, 0)) == 5_000
    assert rental.overcharged(at - 4_000, (0, 0, 0), (0, 0, 0)) == 0
