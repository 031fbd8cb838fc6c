"""The controller's state machine: every transition, allowed and forbidden, and its leases."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from device_builders import (
    DOMAIN,
    NONCE,
    NOW_MS,
    PROVISIONING,
    STRANGER_KEY,
    make_lease,
    sign_lease,
)
from hypothesis import given
from hypothesis import strategies as st

from device.drill.controller import (
    TRANSITIONS,
    Controller,
    Inhibited,
    Input,
    LeaseOffered,
    NoncesDrawn,
    Pull,
    Release,
    Sensed,
    Signal,
    apply,
)
from protocol.records import Domain, Lease
from protocol.sample import ControllerFault
from protocol.serial.payloads import ControllerState

LEASE = make_lease()
SIGNATURE = sign_lease(LEASE)
DOCUMENT = Path(__file__).parents[2] / "docs" / "controller.md"


def controller(
    state: ControllerState, *, permitted: bool, trigger: bool = False, rpm: int = 0
) -> Controller:
    return Controller(
        PROVISIONING,
        (NONCE,),
        state=state,
        trigger=trigger,
        rpm=rpm,
        time_ms=NOW_MS,
        lease=LEASE if permitted else None,
        newest_issued_at=LEASE.issued_at,
        rental=LEASE.rental,
        next_rental=LEASE.rental,
    )


def still(controller: Controller) -> Sensed:
    return Sensed(controller.time_ms, 0, ControllerFault.NONE)


# What a firmware engineer reads in docs/controller.md, written down a second time by hand:
# from a state, by an input, with or without a lease, to a state.
EDGES = [
    # the trigger goes down
    (ControllerState.LOCKED, Pull(), True, ControllerState.LOCKED),
    (ControllerState.LOCKED, Pull(), False, ControllerState.LOCKED),
    (ControllerState.READY, Pull(), True, ControllerState.RUNNING),
    (ControllerState.READY, Pull(), False, ControllerState.LOCKED),
    (ControllerState.COASTING, Pull(), True, ControllerState.RUNNING),
    (ControllerState.COASTING, Pull(), False, ControllerState.COASTING),
    (ControllerState.FAULT, Pull(), True, ControllerState.FAULT),
    (ControllerState.FAULT, Pull(), False, ControllerState.FAULT),
]


@pytest.mark.parametrize(("state", "event", "permitted", "expected"), EDGES)
def test_apply__trigger_edge_while_spindle_turns__follows_the_table(
    state: ControllerState, event: Input, permitted: bool, expected: ControllerState
) -> None:
    turning = controller(state, permitted=permitted, rpm=100)
    assert apply(turning, event).controller.state is expected


@pytest.mark.parametrize("permitted", [True, False])
def test_apply__edge_while_running__changes_nothing(permitted: bool) -> None:
    running = controller(ControllerState.RUNNING, permitted=permitted, trigger=True, rpm=2500)
    assert apply(running, Pull()).controller == running


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ControllerState.LOCKED, ControllerState.LOCKED),
        (ControllerState.READY, ControllerState.READY),
        (ControllerState.RUNNING, ControllerState.COASTING),
        (ControllerState.COASTING, ControllerState.COASTING),
        (ControllerState.FAULT, ControllerState.FAULT),
    ],
)
@pytest.mark.parametrize("permitted", [True, False])
def test_apply__release_while_spindle_turns__only_ends_running(
    state: ControllerState, expected: ControllerState, permitted: bool
) -> None:
    pulled = controller(state, permitted=permitted, trigger=True, rpm=100)
    assert apply(pulled, Release()).controller.state is expected


@pytest.mark.parametrize(
    ("state", "permitted", "expected"),
    [
        (ControllerState.LOCKED, True, ControllerState.READY),
        (ControllerState.LOCKED, False, ControllerState.LOCKED),
        (ControllerState.READY, True, ControllerState.READY),
        (ControllerState.READY, False, ControllerState.LOCKED),
        (ControllerState.COASTING, True, ControllerState.READY),
        (ControllerState.COASTING, False, ControllerState.LOCKED),
        (ControllerState.FAULT, True, ControllerState.LOCKED),
        (ControllerState.FAULT, False, ControllerState.LOCKED),
    ],
)
def test_apply__standstill__locks_or_makes_ready(
    state: ControllerState, permitted: bool, expected: ControllerState
) -> None:
    resting = controller(state, permitted=permitted)
    assert apply(resting, still(resting)).controller.state is expected


@pytest.mark.parametrize("state", ControllerState)
@pytest.mark.parametrize("permitted", [True, False])
@pytest.mark.parametrize("fault", list(ControllerFault)[0:])
def test_apply__any_fault_in_any_state__cuts_the_motor(
    state: ControllerState, permitted: bool, fault: ControllerFault
) -> None:
    before = controller(state, permitted=permitted, trigger=state is ControllerState.RUNNING, rpm=9)
    after = apply(before, Sensed(NOW_MS, 9, fault)).controller
    assert after.state is ControllerState.FAULT
    assert not after.motor_on


@pytest.mark.parametrize("state", [ControllerState.RUNNING, ControllerState.COASTING])
@pytest.mark.parametrize(
    "event",
    [Inhibited("exhausted"), Sensed(NOW_MS + 60_000, 500, ControllerFault.NONE)],
    ids=["inhibit", "lease lapses"],
)
def test_apply__permission_ends_while_turning__state_stays(
    state: ControllerState, event: Input
) -> None:
    pulled = state is ControllerState.RUNNING
    before = controller(state, permitted=True, trigger=pulled, rpm=500)
    after = apply(before, event).controller
    assert after.state is state
    assert not after.permitted


def test_apply__lease_ends_while_running__locks_at_standstill_only() -> None:
    running = controller(ControllerState.RUNNING, permitted=True, trigger=True, rpm=500)
    lapsed = apply(running, Inhibited("exhausted")).controller
    released = apply(lapsed, Release()).controller
    slow = apply(released, Sensed(NOW_MS, 1, ControllerFault.NONE)).controller
    stopped = apply(slow, Sensed(NOW_MS, 0, ControllerFault.NONE)).controller
    assert [c.state for c in (lapsed, released, slow, stopped)] == [
        ControllerState.RUNNING,
        ControllerState.COASTING,
        ControllerState.COASTING,
        ControllerState.LOCKED,
    ]
    assert stopped.reason == "inhibited: exhausted"


def test_apply__trigger_held_through_unlocking__does_nothing_until_a_fresh_edge() -> None:
    locked = apply(controller(ControllerState.LOCKED, permitted=False), Pull()).controller
    locked = replace(locked, newest_issued_at=0)
    unlocked = apply(locked, LeaseOffered(LEASE, SIGNATURE)).controller
    assert (unlocked.state, unlocked.reason) == (ControllerState.LOCKED, "trigger held")
    ticked = apply(unlocked, still(unlocked)).controller
    assert not ticked.motor_on
    released = apply(ticked, Release()).controller
    assert released.state is ControllerState.READY
    assert apply(released, Pull()).controller.state is ControllerState.RUNNING


def test_apply__held_trigger_in_coasting_without_lease__is_not_standstill() -> None:
    coasting = controller(ControllerState.COASTING, permitted=False, rpm=100)
    held = apply(coasting, Pull()).controller
    stopped = apply(held, still(held)).controller
    assert stopped.state is ControllerState.COASTING
    assert apply(stopped, Release()).controller.state is ControllerState.LOCKED


def test_apply__emergency_stop_released_with_trigger_held__stays_in_fault() -> None:
    running = controller(ControllerState.RUNNING, permitted=True, trigger=True, rpm=500)
    stopped = apply(running, Sensed(NOW_MS, 500, ControllerFault.EMERGENCY_STOP)).controller
    assert stopped.reason == "emergency stop"
    cleared = apply(stopped, still(stopped)).controller
    assert (cleared.state, cleared.reason) == (ControllerState.FAULT, "trigger held")
    released = apply(cleared, Release()).controller
    assert released.state is ControllerState.LOCKED
    ready = apply(released, still(released)).controller
    assert ready.state is ControllerState.READY


def test_apply__pull_under_emergency_stop_with_lease__is_refused_with_its_name() -> None:
    ready = controller(ControllerState.READY, permitted=True)
    fault = apply(
        ready, Sensed(NOW_MS, 0, ControllerFault.EMERGENCY_STOP | ControllerFault.STALL)
    ).controller
    outcome = apply(fault, Pull())
    assert outcome.refusal == "emergency stop, stall"
    assert not outcome.controller.motor_on


def test_apply__pull_when_locked__gives_the_reason() -> None:
    assert apply(Controller(PROVISIONING, (NONCE,)), Pull()).refusal == "clock not set"
    assert apply(controller(ControllerState.LOCKED, permitted=False), Pull()).refusal == "no lease"
    expired = replace(controller(ControllerState.READY, permitted=True), time_ms=LEASE.expires_at)
    assert apply(expired, Pull()).refusal == "lease expired"


def test_apply__pull_at_the_very_ms_of_expiry__does_not_start() -> None:
    last = replace(controller(ControllerState.READY, permitted=True), time_ms=LEASE.expires_at - 1)
    assert apply(last, Pull()).controller.motor_on
    over = replace(last, time_ms=LEASE.expires_at)
    assert not apply(over, Pull()).controller.motor_on


FRESH = replace(controller(ControllerState.LOCKED, permitted=False), newest_issued_at=0)
OTHER_CHAIN = Domain(1, DOMAIN.contract)


@pytest.mark.parametrize(
    ("lease", "signature", "reason"),
    [
        (make_lease(drill=8), sign_lease(make_lease(drill=8)), "this is drill 7"),
        (LEASE, sign_lease(LEASE, STRANGER_KEY), "lease is signed by"),
        (LEASE, sign_lease(LEASE, domain=OTHER_CHAIN), "lease is signed by"),
        (LEASE, bytes(65), "v of a signature"),
        (make_lease(NOW_MS - 9_000), sign_lease(make_lease(NOW_MS - 9_000)), "lease expired"),
        (make_lease(NOW_MS + 9_000), sign_lease(make_lease(NOW_MS + 9_000)), "lease begins"),
        (make_lease(NOW_MS, NOW_MS + 90_000), SIGNATURE, "longer than"),
    ],
)
def test_apply__bad_lease__is_refused_and_stays_locked(
    lease: Lease, signature: bytes, reason: str
) -> None:
    outcome = apply(FRESH, LeaseOffered(lease, signature))
    assert reason in outcome.refusal
    assert outcome.controller == FRESH


def test_apply__good_lease__makes_ready_and_moves_nothing() -> None:
    outcome = apply(FRESH, LeaseOffered(LEASE, SIGNATURE))
    assert outcome.refusal == ""
    assert outcome.controller.state is ControllerState.READY
    assert not outcome.controller.motor_on


def test_apply__lease_of_another_rental__makes_ready_in_the_next_tick() -> None:
    other = replace(LEASE, rental=2)
    leased = apply(FRESH, LeaseOffered(other, sign_lease(other))).controller
    assert (leased.state, leased.rental) == (ControllerState.LOCKED, 1)
    assert not apply(leased, Pull()).controller.motor_on
    ticked = apply(leased, still(leased)).controller
    assert (ticked.state, ticked.rental) == (ControllerState.READY, 2)


def test_apply__trigger_held_over_from_the_rental_before__stays_with_it_until_standstill() -> None:
    held = controller(ControllerState.RUNNING, permitted=True, trigger=True, rpm=500)
    other = replace(make_lease(NOW_MS + 100), rental=2)
    held = apply(held, LeaseOffered(other, sign_lease(other))).controller
    assert (held.lease, held.rental) == (other, 1)
    turning = Sensed(NOW_MS + 200, 300, ControllerFault.NONE)
    coasting = apply(apply(held, Release()).controller, turning).controller
    assert (coasting.state, coasting.rental) == (ControllerState.COASTING, 1)
    assert not apply(coasting, Pull()).controller.motor_on, "the other rental's starts at rest"
    rest = apply(coasting, Sensed(NOW_MS + 300, 0, ControllerFault.NONE)).controller
    assert (rest.state, rest.rental) == (ControllerState.READY, 2)


@pytest.mark.parametrize(("named", "rental"), [(None, 1), (0, 0), (3, 3)])
def test_apply__inhibit_at_rest__samples_become_those_of_the_rental_it_names(
    named: int | None, rental: int
) -> None:
    told = apply(FRESH, Inhibited("exhausted", named)).controller
    assert told.rental == 1
    assert apply(told, still(told)).controller.rental == rental


def test_apply__nonce_drawn_anew__takes_answers_to_the_newest_two_and_no_others() -> None:
    drawn = apply(FRESH, NoncesDrawn((8, NONCE))).controller
    assert (drawn.state, drawn.nonces) == (ControllerState.LOCKED, (8, NONCE))
    former = apply(drawn, LeaseOffered(LEASE, SIGNATURE))
    assert (former.refusal, former.controller.state) == ("", ControllerState.READY)
    newest = make_lease(nonce=8)
    assert apply(drawn, LeaseOffered(newest, sign_lease(newest))).refusal == ""
    later = apply(drawn, NoncesDrawn((9, 8))).controller
    outcome = apply(later, LeaseOffered(LEASE, SIGNATURE))
    assert f"answers nonce {NONCE:x}, none of the newest" in outcome.refusal
    assert outcome.controller == later


def test_apply__nonce_of_the_lease_in_force_is_replaced__lease_stays() -> None:
    ready = apply(FRESH, LeaseOffered(LEASE, SIGNATURE)).controller
    later = apply(apply(ready, NoncesDrawn((8, NONCE))).controller, NoncesDrawn((9, 8))).controller
    assert later.lease == LEASE
    assert apply(later, Pull()).controller.motor_on


def test_apply__lease_without_a_rental__is_refused() -> None:
    nobody = replace(LEASE, rental=0)
    refusal = apply(FRESH, LeaseOffered(nobody, sign_lease(nobody))).refusal
    assert refusal == "lease is for rental 0, not 1 .. 2^63-1"


def test_apply__lease_before_the_clock_is_set__is_refused() -> None:
    outcome = apply(Controller(PROVISIONING, (NONCE,)), LeaseOffered(LEASE, SIGNATURE))
    assert outcome.refusal == "clock not set"


def test_apply__same_lease_twice__changes_nothing() -> None:
    once = apply(FRESH, LeaseOffered(LEASE, SIGNATURE)).controller
    again = apply(once, LeaseOffered(LEASE, SIGNATURE))
    assert again.refusal == ""
    assert again.controller == once


def test_apply__older_lease_replayed__is_refused_and_the_newer_stays() -> None:
    newer = make_lease(NOW_MS + 100)
    later = apply(FRESH, LeaseOffered(newer, sign_lease(newer))).controller
    replayed = apply(later, LeaseOffered(LEASE, SIGNATURE))
    assert "was accepted before" in replayed.refusal
    assert replayed.controller.lease == newer


def test_apply__lease_replayed_after_inhibit__is_refused() -> None:
    leased = apply(FRESH, LeaseOffered(LEASE, SIGNATURE)).controller
    inhibited = apply(leased, Inhibited("exhausted")).controller
    assert inhibited.state is ControllerState.LOCKED
    replayed = apply(inhibited, LeaseOffered(LEASE, SIGNATURE))
    assert replayed.refusal
    assert replayed.controller.state is ControllerState.LOCKED


def test_apply__spindle_turned_by_hand_in_ready__starts_nothing_without_a_lease() -> None:
    ready = Controller(PROVISIONING, (NONCE,))
    tick = Sensed(NOW_MS, 0, ControllerFault.NONE)
    for event in (tick, LeaseOffered(LEASE, SIGNATURE), tick):
        ready = apply(ready, event).controller
    turned = apply(ready, Sensed(LEASE.expires_at, 700, ControllerFault.NONE)).controller
    assert turned.state is ControllerState.READY
    pulled = apply(turned, Pull())
    assert (pulled.refusal, pulled.controller.state) == ("lease expired", ControllerState.LOCKED)


EVENTS = st.one_of(
    st.just(Pull()),
    st.just(Release()),
    st.builds(Inhibited, st.just("test"), st.sampled_from([None, 0, 1, 2])),
    st.builds(NoncesDrawn, st.sampled_from([(NONCE,), (8, NONCE), (9, 8)])),
    st.builds(
        Sensed,
        st.integers(NOW_MS, NOW_MS + 9_000),
        st.sampled_from([0, 0, 0, 700]),
        st.sampled_from(
            [
                ControllerFault.NONE,
                ControllerFault.NONE,
                ControllerFault.NONE,
                ControllerFault.EMERGENCY_STOP,
                ControllerFault.STALL,
            ]
        ),
    ),
    st.sampled_from(
        [
            LeaseOffered(lease, sign_lease(lease))
            for lease in (
                replace(make_lease(NOW_MS + step), rental=rental)
                for step, rental in ((0, 1), (1_000, 2), (2_000, 1), (3_000, 3))
            )
        ]
    ),
)


@given(st.lists(EVENTS, max_size=60))
def test_apply__any_inputs__never_break_the_promises(events: list[Input]) -> None:
    before = Controller(PROVISIONING, (NONCE,))
    for event in events:
        after = apply(before, event).controller
        if after.lease is not None and after.lease != before.lease:
            assert after.lease.nonce in before.nonces
        if after.motor_on and not before.motor_on:  # a start: fresh edge, lease, no fault
            assert isinstance(event, Pull)
            assert not before.trigger
            assert before.permitted
            assert not before.fault_flags
            assert after.lease is not None
            assert after.rental == after.lease.rental
        if after.rental != before.rental:  # another's samples: between strokes, at a tick
            assert isinstance(event, Sensed)
            assert True not in (before.motor_on, after.motor_on, after.rpm > 0)
        if before.motor_on and not after.motor_on:  # a stop: the trigger or a fault
            assert isinstance(event, Release) or after.fault_flags
        if after.fault_flags:
            assert after.state is ControllerState.FAULT
        if after.state is ControllerState.READY:
            assert after.permitted or after.rpm  # a spindle turned by hand delays the lock
            assert not after.trigger
            assert after.rpm == 0 or before.state is ControllerState.READY
        before = after


def test_transitions__whole_table__covers_each_state_and_signal() -> None:
    assert set(TRANSITIONS) == {(state, signal) for state in ControllerState for signal in Signal}
    into_running = {key for key, target in TRANSITIONS.items() if target is ControllerState.RUNNING}
    assert {key for key in into_running if key[0] is not ControllerState.RUNNING} == {
        (ControllerState.READY, Signal.PULL_PERMITTED),
        (ControllerState.COASTING, Signal.PULL_PERMITTED),
    }


def _document() -> dict[tuple[ControllerState, Signal], ControllerState]:
    """The table of docs/controller.md."""
    rows = re.findall(r"^\| \*\*(\w+)\*\* \|(.+)\|$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    return {
        (ControllerState[name], signal): ControllerState[target.strip()]
        for name, targets in rows
        for signal, target in zip(Signal, targets.split("|"), strict=True)
    }


@pytest.mark.parametrize(("state", "signal"), [(s, g) for s in ControllerState for g in Signal])
def test_apply__each_signal_alone_in_each_state__moves_as_the_document_says(
    state: ControllerState, signal: Signal
) -> None:
    """All thirty transitions through the machine itself, those that must not happen among them."""
    permitted = signal in (Signal.PULL_PERMITTED, Signal.REST_PERMITTED)
    event: Input
    match signal:
        case Signal.PULL_PERMITTED | Signal.PULL_FORBIDDEN:
            event = Pull()
        case Signal.RELEASE:
            event = Release()
        case Signal.REST_PERMITTED | Signal.REST_FORBIDDEN:
            event = Sensed(NOW_MS, 0, ControllerFault.NONE)
        case Signal.FAULT:
            event = Sensed(NOW_MS, 100, ControllerFault.OVER_TEMPERATURE)
    # A spindle that turns keeps the look at how things stand from adding a signal of its own.
    before = controller(state, permitted=permitted, trigger=signal is Signal.RELEASE, rpm=100)

    after = apply(before, event).controller

    assert after.state is _document()[state, signal]
    assert after.motor_on == (after.state is ControllerState.RUNNING)


def test_transitions__table_in_the_document__is_the_one_in_the_code() -> None:
    assert _document() == TRANSITIONS
