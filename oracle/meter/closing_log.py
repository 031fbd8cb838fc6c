"""Which samples of an ended rental its closing reading covers.

A closing reading is dated by the block that ended the rental, so it covers what was drilled before
that: the samples up to the last one that the drill's clock dates no later, once it is known how far
that clock is ahead of the chain. A stroke held beyond the end is cut there. Clocks are known to the
second at best, so two things that need no clock go before: what was signed with an earlier date is
covered, and no register grows faster than the contract takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oracle.meter.sample_log import LoggedSample, RentalLog
from protocol.records import Registers


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What was signed next before the end, `until` in Unix ms, and next after it; without any
    before it, the opening."""

    before_until: int
    before: Registers
    after: Registers | None = None


def grows_within(elapsed_ms: int, now: Registers, then: Registers) -> bool:
    """Whether the contract takes the growth: no more active time in all levels together than passed
    (`_plausible` in contracts/modules/meter.vy; the meter keeps turns within active time)."""
    return sum(now.active_ms) - sum(then.active_ms) <= elapsed_ms


def closing_log(
    start: RentalLog,
    samples: Iterable[LoggedSample],
    *,
    ended_ms: int,
    last_ms: int,
    signed: Neighbours,
) -> RentalLog:
    """The log under the reading of `ended_ms`, from `start`, which it covers for certain, and the
    rental's samples after that.

    `last_ms` is the end by the drill's clock, both Unix ms.
    """
    log, waiting = start, list[LoggedSample]()
    for sample in samples:
        waiting.append(sample)
        if sample.sample.time_ms > last_ms:
            continue
        for one in waiting:
            longer, _ = log.append(one)
            if not _may_close(longer.meter.registers, ended_ms, signed):
                return log
            log = longer
        waiting.clear()
    return log


def _may_close(registers: Registers, ended_ms: int, signed: Neighbours) -> bool:
    if signed.after is not None and not signed.after.no_lower_than(registers):
        return False
    return grows_within(ended_ms - signed.before_until, registers, signed.before)
