"""What happened to a drill, told by the states that its controller reports one after another."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.serial.payloads import ControllerState

UNREPORTED = "not reported itself, seen by what followed"
"""The reason of what must have happened between two statuses."""

_NAMES = {
    ControllerState.LOCKED: "locked",
    ControllerState.READY: "unlocked",
    ControllerState.RUNNING: "started",
    ControllerState.COASTING: "stopped",
    ControllerState.FAULT: "fault",
}

_NOT_PERMITTED = (ControllerState.LOCKED, ControllerState.FAULT)


def events_between(
    before: ControllerState | None, after: ControllerState, reason: str
) -> Iterator[tuple[str, str]]:
    """The names and reasons of a drill's events from one reported state to the next one.

    A status may be lost on the line, and a state be over before it was sent; but a drill that runs
    has been unlocked, and one that does not run any more has stopped.
    """
    if after is before:
        return
    motor_ran = after in (ControllerState.RUNNING, ControllerState.COASTING)
    if motor_ran and before in _NOT_PERMITTED:
        yield _NAMES[ControllerState.READY], UNREPORTED
    if after is ControllerState.COASTING and before in (ControllerState.READY, *_NOT_PERMITTED):
        yield _NAMES[ControllerState.RUNNING], UNREPORTED
    if before is ControllerState.RUNNING and after in (
        ControllerState.READY,
        ControllerState.LOCKED,
    ):
        yield _NAMES[ControllerState.COASTING], UNREPORTED
    stayed_permitted = after is ControllerState.READY and before in (
        ControllerState.RUNNING,
        ControllerState.COASTING,
    )
    if not stayed_permitted:
        yield _NAMES[after], reason
