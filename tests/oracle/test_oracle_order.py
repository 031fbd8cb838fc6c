"""Sequence numbers: what is taken, what is asked for again, and when a hole is given up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from oracle_builders import logged, make_sample

from oracle.log import LoggedSample
from oracle.order import RESEND_PAUSE_MS, Order, overdue, take


def some(*sequences: int) -> list[LoggedSample]:
    return [logged(make_sample(one, 1000 + one * 100)) for one in sequences]


def numbers(samples: tuple[LoggedSample, ...]) -> list[int]:
    return [one.sample.sequence for one in samples]


def test_take__next_in_line__is_accepted() -> None:
    intake = take(Order(1, 4, 1400), some(5, 6, 7), 0)

    assert numbers(intake.accepted) == [5, 6, 7]
    assert intake.order.sequence == 7
    assert not intake.resend


def test_take__overlap_with_what_is_known__only_the_new_part() -> None:
    intake = take(Order(1, 4, 1400), some(3, 4, 5), 0)

    assert numbers(intake.accepted) == [5]


def test_take__hole__accepts_nothing_and_asks_once() -> None:
    first = take(Order(1, 4, 1400), some(8), 0)
    second = take(first.order, some(9), 100)

    assert not first.accepted
    assert first.resend
    assert not second.accepted
    assert not second.resend


def test_take__missing_samples_arrive__hole_is_gone() -> None:
    order = take(Order(1, 4, 1400), some(8), 0).order

    intake = take(order, some(5, 6, 7, 8), 100)

    assert numbers(intake.accepted) == [5, 6, 7, 8]
    assert intake.order.hole is None


def test_take__two_resends_begin_behind_the_hole__it_is_accepted() -> None:
    order = take(Order(1, 4, 1400), some(8, 9), 0).order
    order = take(order, some(8, 9), 50).order
    order, asked = overdue(order, RESEND_PAUSE_MS)

    intake = take(order, some(8, 9), RESEND_PAUSE_MS + 50)

    assert asked
    assert numbers(intake.accepted) == [8, 9]
    assert intake.hole_accepted == (5, 7)


def test_take__fresh_sample_overtakes_a_resend__nothing_is_skipped() -> None:
    """A live message behind the hole must never pass for the start of a resend."""
    order = take(Order(1, 4, 1400), some(100), 0).order
    order, _ = overdue(order, RESEND_PAUSE_MS)
    order = take(order, some(101), RESEND_PAUSE_MS + 1).order
    order, _ = overdue(order, 2 * RESEND_PAUSE_MS)
    order = take(order, some(102), 2 * RESEND_PAUSE_MS + 1).order

    intake = take(order, some(*range(5, 60)), 2 * RESEND_PAUSE_MS + 2)

    assert numbers(intake.accepted) == [*range(5, 60)]


def test_take__hole_inside_a_message__takes_what_is_before_it() -> None:
    intake = take(Order(1, 4, 1400), some(5, 6, 9), 0)

    assert numbers(intake.accepted) == [5, 6]
    assert intake.resend


def test_take__sample_for_a_hole_given_up__is_late() -> None:
    intake = take(Order(1, 9, 1900), some(5), 0)

    assert numbers(intake.late) == [5]
    assert not intake.accepted


def test_take__old_number_with_newer_time__is_reused() -> None:
    intake = take(Order(1, 9, 1900), [logged(make_sample(1, 99_000))], 0)

    assert intake.reused == 1
    assert not intake.late


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 10)), max_size=60))
def test_take__messages_in_any_order__accepted_numbers_only_rise(
    messages: list[tuple[int, int]],
) -> None:
    order, taken, now_ms = Order(1), [], 0
    for first, count in messages:
        now_ms += 700
        intake = take(order, some(*range(first, first + count)), now_ms)
        order = intake.order
        taken += numbers(intake.accepted)

    assert taken == sorted(set(taken))
