"""The drill's controller as a pure state machine: what may start the motor, and what may not.

The simulator runs this code, and firmware is written from the same table; `docs/controller.md`
draws it and the tests compare the two. An input gives at most one signal for what it is (a trigger
edge) and one for how things stand after it (a fault, or standstill with or without permission);
TRANSITIONS says what either does in each state, and nothing else changes the state.

This is not a safety function: the emergency stop is hard-wired and cuts the power by itself. The
controller reports it and makes sure that power coming back moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from protocol.errors import ProtocolError
from protocol.leases import Provisioning, check_lease
from protocol.records import Lease
from protocol.sample import ControllerFault
from protocol.serial.payloads import ControllerState


class Signal(Enum):
    """What may move the machine. A lease that comes or goes is none: it only decides which."""

    PULL_PERMITTED = "trigger edge, lease valid"
    PULL_FORBIDDEN = "trigger edge, no valid lease"
    RELEASE = "trigger released"
    REST_PERMITTED = "standstill, lease valid"
    REST_FORBIDDEN = "standstill, no valid lease"
    FAULT = "fault"


def _rows(
    *rows: tuple[ControllerState, tuple[ControllerState, ...]],
) -> dict[tuple[ControllerState, Signal], ControllerState]:
    return {
        (state, signal): target
        for state, targets in rows
        for signal, target in zip(Signal, targets, strict=True)
    }


_L, _R, _ON, _C, _F = ControllerState
# fmt: off
TRANSITIONS = _rows(
    #  in    pull, permitted  pull, forbidden  release  rest, permitted  rest, forbidden  fault
    (_L,  (_L,              _L,              _L,      _R,              _L,              _F)),
    (_R,  (_ON,             _L,              _R,      _R,              _L,              _F)),
    (_ON, (_ON,             _ON,             _C,      _ON,             _ON,             _F)),
    (_C,  (_ON,             _C,              _C,      _R,              _L,              _F)),
    (_F,  (_F,              _F,              _F,      _L,              _L,              _F)),
)
# fmt: on
"""Every state and signal. A running drill leaves RUNNING by its trigger or by a fault, never by a
lease. Standstill is 0 rpm with the trigger released, so a trigger that was held while the lease
came has to be let go before the drill is READY. A fault always leads through LOCKED."""


@dataclass(frozen=True, slots=True)
class Pull:
    """The trigger was pulled."""


@dataclass(frozen=True, slots=True)
class Release:
    """The trigger was let go."""


@dataclass(frozen=True, slots=True)
class LeaseOffered:
    """A lease came from the edge box; nothing of it has been checked."""

    lease: Lease
    signature: bytes


@dataclass(frozen=True, slots=True)
class Inhibited:
    """The edge box says: no next start, for this reason; and what samples at rest belong to from
    now on, 0 nobody, or None when nothing is said of that."""

    reason: str
    rental: int | None = None


@dataclass(frozen=True, slots=True)
class NoncesDrawn:
    """What a lease may answer from now on, the newest first; see `protocol.leases.NONCE_MS`."""

    nonces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sensed:
    """A clock tick with what the sensors say; `time_ms` is Unix ms, 0 while the clock is unset.
    `obstacle` is what of the controller's own forbids the next start, such as a failing memory."""

    time_ms: int
    rpm: int
    fault_flags: ControllerFault
    obstacle: str = ""


Input = Pull | Release | LeaseOffered | Inhibited | NoncesDrawn | Sensed


@dataclass(frozen=True, slots=True)
class Controller:
    """The whole state of a controller, a value.

    `rental` is whose the samples are, 0 nobody's; `next_rental` is whose they become at standstill.
    `nonces` are what a new lease may answer, the newest first; a loss of power takes them.
    """

    provisioning: Provisioning
    nonces: tuple[int, ...]
    state: ControllerState = ControllerState.LOCKED
    trigger: bool = False
    rpm: int = 0
    time_ms: int = 0
    fault_flags: ControllerFault = ControllerFault.NONE
    lease: Lease | None = None
    newest_issued_at: int = 0
    inhibit_reason: str = ""
    obstacle: str = ""
    rental: int = 0
    next_rental: int = 0

    @property
    def motor_on(self) -> bool:
        """Whether the motor has power."""
        return self.state is ControllerState.RUNNING

    @property
    def permitted(self) -> bool:
        """Whether a lease permits a start now, and nothing of the controller's own forbids it.

        A spindle that another rental has set turning comes to rest first, so that every stroke
        begins and ends in the samples of one rental."""
        if self.lease is None or self.obstacle or self.lease.rental != self.rental:
            return False
        return 0 < self.time_ms < self.lease.expires_at

    @property
    def lease_expires_at(self) -> int:
        """Unix ms, 0 without a lease."""
        return self.lease.expires_at if self.lease else 0

    @property
    def reason(self) -> str:
        """Why the next trigger edge would not start the motor; empty when it would."""
        if self.fault_flags:
            names = (str(fault.name) for fault in ControllerFault if fault & self.fault_flags)
            return ", ".join(name.lower().replace("_", " ") for name in names)
        if self.obstacle or self.time_ms == 0:
            return self.obstacle or "clock not set"
        if self.lease is None:
            return f"inhibited: {self.inhibit_reason}" if self.inhibit_reason else "no lease"
        if not self.permitted:
            return "lease expired"
        if self.state is ControllerState.FAULT or (
            self.state is ControllerState.LOCKED and self.trigger
        ):
            return "trigger held"
        return "spindle turning" if self.state is ControllerState.LOCKED and self.rpm else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The controller after an input, and why the input was refused (empty when it was not)."""

    controller: Controller
    refusal: str = ""


def apply(controller: Controller, event: Input) -> Outcome:
    """The controller after `event`; a refused event leaves the permission as it was."""
    match event:
        case Pull():
            outcome = _pull(controller)
        case Release():
            moved = _signal(replace(controller, trigger=False), Signal.RELEASE)
            outcome = Outcome(moved if controller.trigger else controller)
        case LeaseOffered():
            outcome = _accept(controller, event)
        case Inhibited():
            told = replace(controller, lease=None, inhibit_reason=event.reason)
            if event.rental is not None:
                told = replace(told, next_rental=event.rental)
            outcome = Outcome(told)
        case NoncesDrawn():
            outcome = Outcome(replace(controller, nonces=event.nonces))
        case Sensed():
            sensed = replace(
                controller,
                time_ms=event.time_ms,
                rpm=event.rpm,
                fault_flags=event.fault_flags,
                obstacle=event.obstacle,
            )
            outcome = Outcome(_name(sensed))
    return Outcome(_settle(outcome.controller), outcome.refusal)


def _name(controller: Controller) -> Controller:
    """Whose the samples are changes at standstill, as a tick finds it, and at no other time: so a
    rental's samples begin with one that has the motor off."""
    if controller.motor_on or controller.rpm:
        return controller
    return replace(controller, rental=controller.next_rental)


def _signal(controller: Controller, signal: Signal) -> Controller:
    return replace(controller, state=TRANSITIONS[controller.state, signal])


def _pull(controller: Controller) -> Outcome:
    if controller.trigger:
        return Outcome(controller)  # it was down already: no edge
    permitted = controller.permitted and not controller.fault_flags
    signal = Signal.PULL_PERMITTED if permitted else Signal.PULL_FORBIDDEN
    pulled = _signal(replace(controller, trigger=True), signal)
    return Outcome(pulled, "" if pulled.motor_on else pulled.reason)


def _accept(controller: Controller, offered: LeaseOffered) -> Outcome:
    lease = offered.lease
    if controller.obstacle:
        return Outcome(controller, controller.obstacle)
    if lease == controller.lease:
        return Outcome(controller)  # repeated because an acknowledgement was lost
    if controller.time_ms == 0:
        return Outcome(controller, "clock not set")
    if lease.issued_at <= controller.newest_issued_at:
        newest = controller.newest_issued_at
        return Outcome(
            controller, f"lease issued at {lease.issued_at}, one of {newest} was accepted before"
        )
    try:
        check_lease(
            lease,
            offered.signature,
            controller.provisioning,
            controller.time_ms,
            controller.nonces,
        )
    except ProtocolError as error:
        return Outcome(controller, str(error))
    return Outcome(
        replace(
            controller,
            lease=lease,
            newest_issued_at=lease.issued_at,
            inhibit_reason="",
            next_rental=lease.rental,
        )
    )


def _settle(controller: Controller) -> Controller:
    if controller.fault_flags:
        return _signal(controller, Signal.FAULT)
    if controller.rpm or controller.trigger:
        return controller
    rest = Signal.REST_PERMITTED if controller.permitted else Signal.REST_FORBIDDEN
    return _signal(controller, rest)
