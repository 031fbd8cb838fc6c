"""Sequence numbers: what is taken, what is asked for again, and when a hole is given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import logged, make_sample

from oracle.meter.order import RESEND_PAUSE_MS, Arrived, SampleOrder, overdue, take
from oracle.meter.sample_log import LoggedSample


def some(*sequences: int, oldest: int = 1) -> Arrived:
    samples = tuple(logged(make_sample(one, 1000 + one * 100)) for one in sequences)
    return Arrived(1, oldest, 1, samples)


def numbers(samples: tuple[LoggedSample, ...]) -> list[int]:
    return [one.sample.sequence for one in samples]


def test_take__next_in_line__is_accepted() -> None:
    intake = take(SampleOrder(1, 4, 1400), some(5, 6, 7), 0)

    assert numbers(intake.accepted) == [5, 6, 7]
    assert intake.order.sequence == 7
    assert not intake.resend


def test_take__overlap_with_what_is_known__only_the_new_part() -> None:
    intake = take(SampleOrder(1, 4, 1400), some(3, 4, 5), 0)

    assert numbers(intake.accepted) == [5]


def test_take__hole__accepts_nothing_and_asks_once() -> None:
    first = take(SampleOrder(1, 4, 1400), some(8), 0)
    second = take(first.order, some(9), 100)

    assert not first.accepted
    assert first.resend
    assert not second.accepted
    assert not second.resend


def test_take__missing_samples_arrive__hole_is_gone() -> None:
    order = take(SampleOrder(1, 4, 1400), some(8), 0).order

    intake = take(order, some(5, 6, 7, 8), 100)

    assert numbers(intake.accepted) == [5, 6, 7, 8]
    assert overdue(intake.order, RESEND_PAUSE_MS) == (intake.order, False)


def test_take__nothing_older_will_come__hole_is_accepted() -> None:
    intake = take(SampleOrder(1, 4, 1400), some(8, 9, oldest=8), 0)

    assert numbers(intake.accepted) == [8, 9]
    assert intake.hole_accepted == (5, 7)
    assert not intake.resend


def test_take__bridge_holds_something_older__hole_is_never_accepted() -> None:
    """However often a broker that drops the oldest lets only the newest through."""
    order = SampleOrder(1, 4, 1400)
    for attempt in range(10):
        intake = take(order, some(8 + attempt, 9 + attempt, oldest=7), attempt * RESEND_PAUSE_MS)
        order, _ = overdue(intake.order, attempt * RESEND_PAUSE_MS)
        assert intake.resend
        assert not intake.accepted
    assert order.sequence == 4


def test_overdue__nobody_answers__asks_again_after_the_pause() -> None:
    order = take(SampleOrder(1, 4, 1400), some(8), 0).order

    assert overdue(order, RESEND_PAUSE_MS - 1) == (order, False)
    order, again = overdue(order, RESEND_PAUSE_MS)
    assert again
    assert overdue(order, RESEND_PAUSE_MS + 1) == (order, False)


def test_overdue__clock_steps_back__asks_at_once() -> None:
    order = take(SampleOrder(1, 4, 1400), some(8), 10_000).order

    assert overdue(order, 5_000)[1]


def test_take__hole_inside_a_message__takes_what_is_before_it() -> None:
    intake = take(SampleOrder(1, 4, 1400), some(5, 6, 9), 0)

    assert numbers(intake.accepted) == [5, 6]
    assert intake.resend


def test_take__sample_for_a_hole_given_up__is_late() -> None:
    intake = take(SampleOrder(1, 9, 1900), some(5), 0)

    assert numbers(intake.late) == [5]
    assert not intake.accepted


def test_take__old_number_with_newer_time__is_reused() -> None:
    intake = take(SampleOrder(1, 9, 1900), Arrived(1, 1, 1, (logged(make_sample(1, 99_000)),)), 0)

    assert intake.reused == 1
    assert not intake.late


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 10)), max_size=60))
def test_take__messages_in_any_order__accepted_numbers_only_rise(
    messages: list[tuple[int, int]],
) -> None:
    order, taken, now_ms = SampleOrder(1), [], 0
    for first, count in messages:
        now_ms += 700
        intake = take(order, some(*range(first, first + count)), now_ms)
        order = intake.order
        taken += numbers(intake.accepted)

    assert taken == sorted(set(taken))
