"""Which samples of a drill come next: sequence numbers from end to end.

Samples are taken in sequence order only. One that is too far ahead is not taken: the bridge is
asked to send everything after the last one again, as it keeps what was not acknowledged. Sequence
numbers can be missing for good (a controller that lost power skips the block it had reserved): a
hole is accepted when the bridge says, in a sealed message, that nothing older than the first number
behind it will ever come. What a broker drops, delays or repeats makes no such message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from oracle.meter.sample_log import LoggedSample

RESEND_PAUSE_MS = 1_500
"""Long enough for a bridge to have read its spool and sent it, short enough that a drill is metered
again within seconds after a request got lost."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message's samples, sequences rising; nothing older than `oldest` will ever come. `nonce`
    is what the controller wants the next lease to answer, NO_NONCE while its bridge knows none."""

    drill: int
    oldest: int
    nonce: int
    samples: tuple[LoggedSample, ...]


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """What is durable of one drill: the last sequence, its time, whose sample it is, and whether
    the motor was on. While numbers behind it are missing, `asked_ms` is when they were last asked
    for. `latest_ms` is the latest time of all that came since the start."""

    drill: int
    sequence: int = 0
    time_ms: int = 0
    asked_ms: int | None = None
    rental: int = 0
    motor_on: bool = False
    latest_ms: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one message: the state after it, what to journal, and what to say."""

    order: SampleOrder
    accepted: tuple[LoggedSample, ...] = ()
    late: tuple[LoggedSample, ...] = ()
    resend: bool = False
    hole_accepted: tuple[int, int] | None = None
    reused: int = 0


def take(order: SampleOrder, message: Arrived, now_ms: int) -> Intake:
    """Decide about one message.

    `late` are samples that fill a hole which was already given up: they cannot enter a log that
    has been signed past them. `reused` counts samples that carry an old number and a newer time,
    the mark of a controller that lost its memory.
    """
    fresh = [logged for logged in message.samples if logged.sample.sequence > order.sequence]
    old = [logged for logged in message.samples if logged.sample.sequence <= order.sequence]
    latest_ms = max(order.time_ms, order.latest_ms)
    reused = sum(logged.sample.time_ms > latest_ms for logged in old)
    if not fresh:
        return Intake(order, reused=reused, late=() if reused else tuple(old))
    first = fresh[0].sample.sequence
    if first > max(order.sequence + 1, message.oldest):
        asked, resend = _ask(order, now_ms)
        return Intake(asked, resend=resend, reused=reused)
    hole = None if first == order.sequence + 1 else (order.sequence + 1, first - 1)
    run = _run(fresh)
    last = run[-1].sample
    after = SampleOrder(
        order.drill,
        last.sequence,
        last.time_ms,
        rental=last.rental,
        motor_on=last.motor_on,
        latest_ms=max(latest_ms, *(logged.sample.time_ms for logged in run)),
    )
    resend = len(run) < len(fresh)
    if resend:
        after = replace(after, asked_ms=now_ms)
    return Intake(after, tuple(run), resend=resend, hole_accepted=hole, reused=reused)


def overdue(order: SampleOrder, now_ms: int) -> tuple[SampleOrder, bool]:
    """Whether to ask for the missing numbers once more, and the state after having asked."""
    return (order, False) if order.asked_ms is None else _ask(order, now_ms)


def _ask(order: SampleOrder, now_ms: int) -> tuple[SampleOrder, bool]:
    if order.asked_ms is not None and 0 <= now_ms - order.asked_ms < RESEND_PAUSE_MS:
        return order, False
    return replace(order, asked_ms=now_ms), True


def _run(samples: Sequence[LoggedSample]) -> list[LoggedSample]:
    run = [samples[0]]
    for logged in samples[1:]:
        if logged.sample.sequence != run[-1].sample.sequence + 1:
            break
        run.append(logged)
    return run
