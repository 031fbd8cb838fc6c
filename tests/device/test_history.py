"""Events out of the states that a controller reports, with some of them missing."""

from __future__ import annotations

import pytest

from device.bridge.history import UNREPORTED, events_between
from protocol.serial.payloads import ControllerState


def told(before: ControllerState | None, after: ControllerState) -> list[str]:
    return [event for event, _ in events_between(before, after, "why")]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (None, ControllerState.LOCKED, ["locked"]),
        (None, ControllerState.RUNNING, ["started"]),
        (ControllerState.LOCKED, ControllerState.READY, ["unlocked"]),
        (ControllerState.LOCKED, ControllerState.RUNNING, ["unlocked", "started"]),
        (ControllerState.FAULT, ControllerState.RUNNING, ["unlocked", "started"]),
        (ControllerState.LOCKED, ControllerState.COASTING, ["unlocked", "started", "stopped"]),
        (ControllerState.READY, ControllerState.COASTING, ["started", "stopped"]),
        (ControllerState.RUNNING, ControllerState.READY, ["stopped"]),
        (ControllerState.RUNNING, ControllerState.LOCKED, ["stopped", "locked"]),
        (ControllerState.COASTING, ControllerState.READY, []),
        (ControllerState.COASTING, ControllerState.LOCKED, ["locked"]),
        (ControllerState.RUNNING, ControllerState.FAULT, ["fault"]),
    ],
)
def test_events_between__two_reports__tells_what_must_have_happened(
    before: ControllerState | None, after: ControllerState, events: list[str]
) -> None:
    assert told(before, after) == events


@pytest.mark.parametrize("state", ControllerState)
def test_events_between__same_state__tells_nothing(state: ControllerState) -> None:
    assert told(state, state) == []


def test_events_between__reason__is_that_of_the_report_and_none_for_what_was_not_reported() -> None:
    found = list(events_between(ControllerState.LOCKED, ControllerState.RUNNING, ""))
    assert found == [("unlocked", UNREPORTED), ("started", "")]
