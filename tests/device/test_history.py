"""Events out of the states that a controller reports, with some of them missing."""

from __future__ import annotations

import pytest

from device.bridge.history import UNREPORTED, events_between
from protocol.serial.payloads import State


def told(before: State | None, after: State) -> list[str]:
    return [event for event, _ in events_between(before, after, "why")]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, State.LOCKED, ["locked"]),
        (None, State.RUNNING, ["started"]),
        (State.LOCKED, State.READY, ["unlocked"]),
        (State.LOCKED, State.RUNNING, ["unlocked", "started"]),
        (State.FAULT, State.RUNNING, ["unlocked", "started"]),
        (State.LOCKED, State.COASTING, ["unlocked", "started", "stopped"]),
        (State.READY, State.COASTING, ["started", "stopped"]),
        (State.RUNNING, State.READY, ["stopped"]),
        (State.RUNNING, State.LOCKED, ["stopped", "locked"]),
        (State.COASTING, State.READY, []),
        (State.COASTING, State.LOCKED, ["locked"]),
        (State.RUNNING, State.FAULT, ["fault"]),
    ],
)
def test_events_between__two_reports__tells_what_must_have_happened(
    before: State | None, after: State, events: list[str]
) -> None:
    assert told(before, after) == events


@pytest.mark.parametrize("state", State)
def test_events_between__same_state__tells_nothing(state: State) -> None:
    assert told(state, state) == []


def test_events_between__reason__is_that_of_the_report_and_none_for_what_was_not_reported() -> None:
    found = list(events_between(State.LOCKED, State.RUNNING, ""))
    assert found == [("unlocked", UNREPORTED), ("started", "")]
