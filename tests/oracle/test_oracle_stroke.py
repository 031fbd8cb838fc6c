"""Strokes: one that is longer than the reserve reckons with is found, once."""

from __future__ import annotations

from oracle_builders import make_sample

from oracle.meter.stroke import Stroke, follow_stroke


def too_long(*reports: tuple[int, bool]) -> list[int]:
    """The times (ms) at which a stroke is found to be over 1,000 ms."""
    stroke, found = Stroke(), []
    for number, (time_ms, motor_on) in enumerate(reports, 1):
        sample = make_sample(number, time_ms, motor_on=motor_on)
        stroke, now = follow_stroke(stroke, sample, 1000)
        if now:
            found.append(time_ms)
    return found


def test_follow_stroke__at_the_limit__is_not_too_long() -> None:
    assert too_long((100, True), (1100, True), (1200, False)) == []


def test_follow_stroke__beyond_the_limit__is_found_once() -> None:
    assert too_long((100, True), (1100, True), (1101, True), (5000, True)) == [1101]


def test_follow_stroke__two_long_ones__are_both_found() -> None:
    reports = [(100, True), (1200, True), (1300, False), (1400, True), (2500, True)]
    assert too_long(*reports) == [1200, 2500]


def test_follow_stroke__short_ones_in_a_row__are_not_one_long_one() -> None:
    assert too_long((100, True), (900, True), (1000, False), (1100, True), (2000, True)) == []


def test_follow_stroke__repeated_and_late_samples__change_nothing() -> None:
    assert too_long((100, True), (1000, True), (500, False), (1000, False), (1101, True)) == [1101]
