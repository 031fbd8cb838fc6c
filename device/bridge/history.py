"""What happened to a drill, told by the states that its controller reports one after another."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.serial.payloads import State

UNREPORTED = "not reported itself, seen by what followed"
"""The reason of what must have happened between two statuses."""

_NAMES = {
    State.LOCKED: "locked",
    State.READY: "unlocked",
    State.RUNNING: "started",
    State.COASTING: "stopped",
    State.FAULT: "fault",
}

_NOT_PERMITTED = (State.LOCKED, State.FAULT)


def events_between(before: State | None, after: State, reason: str) -> Iterator[tuple[str, str]]:
    """The names and reasons of a drill's events from one reported state to the next one.

    A status may be lost on the line, and a state be over before it was sent; but a drill that runs
    has been unlocked, and one that does not run any more has stopped.
    """
    if after is before:
        return
    motor_ran = after in (State.RUNNING, State.COASTING)
    if motor_ran and before in _NOT_PERMITTED:
        yield _NAMES[State.READY], UNREPORTED
    if after is State.COASTING and before in (State.READY, *_NOT_PERMITTED):
        yield _NAMES[State.RUNNING], UNREPORTED
    if before is State.RUNNING and after in (State.READY, State.LOCKED):
        yield _NAMES[State.COASTING], UNREPORTED
    stayed_permitted = after is State.READY and before in (State.RUNNING, State.COASTING)
    if not stayed_permitted:
        yield _NAMES[after], reason
