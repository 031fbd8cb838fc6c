"""What a client says of connections that the broker ends, and how long it stays away."""

from __future__ import annotations

import pytest

from host.mqtt import LONGEST_SECONDS, SHORT_SECONDS, TAKEN_OVER, Sessions

UNSPECIFIED = 0x80


def play(
    sessions: Sessions, lasting: list[float], code: int = UNSPECIFIED
) -> list[tuple[str, int]]:
    """Connections one after another, each ended after so many seconds."""
    now, said = 0.0, []
    for seconds in lasting:
        sessions.connected(now)
        now += seconds
        said.append(sessions.ended(now, code, "ended"))
    return said


def test_ended__again_and_again_soon_after__names_the_double_and_waits_longer() -> None:
    said = play(Sessions("drill-bridge-1"), [1.0] * 9)
    assert [pause for _, pause in said] == [1, 1, 4, 8, 16, 30, 30, 30, 30]
    assert [text for text, _ in said[:2]] == ["ended", "ended"]
    assert "3 times in a row" in said[2][0]
    assert "it seems that another client has the id drill-bridge-1" in said[2][0]


def test_ended__both_wait_as_long_as_they_do__is_still_found() -> None:
    assert "another client" in play(Sessions("x"), [float(LONGEST_SECONDS)] * 5)[-1][0]


@pytest.mark.parametrize("lasting", [[1, 1, SHORT_SECONDS + 1, 1, 1], [1, SHORT_SECONDS + 1] * 5])
def test_ended__connections_that_last__are_no_double(lasting: list[float]) -> None:
    assert set(play(Sessions("x"), lasting)) == {("ended", 1)}


def test_ended__broker_could_not_be_reached_in_between__is_no_double() -> None:
    sessions = Sessions("x")
    for _ in range(5):
        assert play(sessions, [1.0, 1.0]) == [("ended", 1)] * 2
        sessions.unreachable()


def test_ended__broker_says_taken_over__is_named_at_once() -> None:
    said = play(Sessions("x"), [600.0, 1.0], TAKEN_OVER)
    assert said[0] == ("another client with the id x has connected: ended", 1)
