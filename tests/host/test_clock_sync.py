"""What the kernel says of the clock."""

from __future__ import annotations

import time

import pytest

from host.clock_sync import by_state, clock_is_synchronised


@pytest.mark.parametrize(
    ("state", "expected"), [(0, True), (1, True), (4, True), (5, False), (-1, None)]
)
def test_by_state__kernels_answer__kept_or_not_or_unknown(
    state: int, expected: bool | None
) -> None:
    assert by_state(state) is expected


def test_clock_is_synchronised__asked__the_kernels_own_answer_and_the_clock_goes_on() -> None:
    """It is only read: asking thrice says the same, and sets nothing."""
    before = time.time_ns()
    told = {clock_is_synchronised() for _ in range(3)}

    assert len(told) == 1
    assert 0 <= time.time_ns() - before < 60 * 10**9
