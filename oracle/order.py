"""Which samples of a drill come next: sequence numbers from end to end.

Samples are taken in sequence order only. One that is too far ahead is not taken: the bridge is
asked to send everything after the last one again, as it keeps what was not acknowledged. Sequence
numbers can be missing for good (a controller that lost power skips the block it had reserved), so a
hole is accepted when two separate resends both began behind it at the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oracle.log import LoggedSample

RESEND_PAUSE_MS = 1_500
"""Long enough for a bridge to have read its spool and sent it, short enough that a controller that
restarted is metered again within a few seconds."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Missing numbers: the first number seen behind them, and in which resends it was seen."""

    first: int
    seen_rounds: int
    round: int
    asked_ms: int
    seen_in_round: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What is durable of one drill: the last sequence and its time, and the hole behind it."""

    drill: int
    sequence: int = 0
    time_ms: int = 0
    hole: Hole | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one message: the state after it, what to journal, and what to say."""

    order: Order
    accepted: tuple[LoggedSample, ...] = ()
    late: tuple[LoggedSample, ...] = ()
    resend: bool = False
    hole_accepted: tuple[int, int] | None = None
    reused: int = 0


def take(order: Order, samples: Sequence[LoggedSample], now_ms: int) -> Intake:
    """Decide about one message's samples, sequences rising.

    `late` are samples that fill a hole which was already given up: they cannot enter a log that
    has been signed past them. `reused` counts samples that carry an old number and a newer time,
    the mark of a controller that lost its memory.
    """
    fresh = [logged for logged in samples if logged.sample.sequence > order.sequence]
    old = [logged for logged in samples if logged.sample.sequence <= order.sequence]
    reused = sum(logged.sample.time_ms > order.time_ms for logged in old)
    if not fresh:
        return Intake(order, reused=reused, late=() if reused else tuple(old))
    first = fresh[0].sample.sequence
    hole_accepted = None
    if first != order.sequence + 1:
        hole, resend = _look(order.hole, first, now_ms)
        if hole.seen_rounds < 2:
            return Intake(replace(order, hole=hole), resend=resend, reused=reused)
        hole_accepted = (order.sequence + 1, first - 1)
    run = _run(fresh)
    last = run[-1].sample
    after = Order(order.drill, last.sequence, max(last.time_ms, order.time_ms))
    rest = fresh[len(run) :]
    if not rest:
        return Intake(after, tuple(run), hole_accepted=hole_accepted, reused=reused)
    hole, resend = _look(None, rest[0].sample.sequence, now_ms)
    return Intake(replace(after, hole=hole), tuple(run), (), resend, hole_accepted, reused)


def overdue(order: Order, now_ms: int) -> tuple[Order, bool]:
    """Whether to ask for the missing numbers once more, and the state after having asked."""
    hole = order.hole
    if hole is None or now_ms - hole.asked_ms < RESEND_PAUSE_MS:
        return order, False
    return replace(order, hole=_asked(hole, now_ms)), True


def _run(samples: Sequence[LoggedSample]) -> list[LoggedSample]:
    run = [samples[0]]
    for logged in samples[1:]:
        if logged.sample.sequence != run[-1].sample.sequence + 1:
            break
        run.append(logged)
    return run


def _look(hole: Hole | None, first: int, now_ms: int) -> tuple[Hole, bool]:
    """Note that `first` arrived behind a hole; returns it and whether to ask for a resend."""
    if hole is None:
        return Hole(first, 0, 1, now_ms, seen_in_round=False), True
    if first < hole.first:
        hole = replace(hole, first=first, seen_rounds=0, seen_in_round=False)
    if first == hole.first and not hole.seen_in_round:
        hole = replace(hole, seen_rounds=hole.seen_rounds + 1, seen_in_round=True)
    if now_ms - hole.asked_ms >= RESEND_PAUSE_MS:
        return _asked(hole, now_ms), True
    return hole, False


def _asked(hole: Hole, now_ms: int) -> Hole:
    return replace(hole, round=hole.round + 1, asked_ms=now_ms, seen_in_round=False)
