"""Which samples of a rental that goes on its next reading covers, and how that is dated.

A reading is dated by the chain: by the time of its last sample, less how far the drill's clock is
ahead. What is known of that changes with what arrives, and begins anew with each start. If the
clock is found further ahead than it was, what was drilled since the last reading would have to fit
into less time than it took, and for as long as the drill is not released nothing would ever fit. So
a reading is dated no sooner after the one before than the motor ran meanwhile. When the chain's
time has not come so far, the log waits for it, and is signed at its time although the drill has
gone on.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.meter.sample_log import RentalLog
from protocol.records import Reading, Registers


@dataclass(frozen=True, slots=True)
class LastSigned:
    """What was signed last for the rental's number, `until` in Unix ms; without any, the opening.
    It may be of another rental, on a chain that has vanished."""

    until: int
    log_size: int
    registers: Registers


@dataclass(frozen=True, slots=True)
class LiveLog:
    """What may be signed now, and the logs that may be signed while no newer one may: at most one
    whose time has come, and one that waits."""

    reading: Reading | None
    waiting: tuple[RentalLog, ...] = ()


def live_log(
    newest: RentalLog,
    waiting: tuple[RentalLog, ...],
    signed: LastSigned,
    *,
    latest_ms: int,
    ahead_ms: int,
) -> LiveLog:
    """The reading of the newest log that can be dated up to `latest_ms`, the chain's time now.

    It may be the one that was signed last: a receipt of it has gone out, and it can be settled.
    `ahead_ms` is how far the drill's clock seems to be ahead of the chain's now.
    """
    until = _until(newest, signed, ahead_ms)
    if until is None or until < signed.until:  # nothing was drilled since
        return LiveLog(None)
    if until <= latest_ms:
        return LiveLog(_reading(newest, until, signed), (newest,))
    no_shorter = [log for log in waiting if log.frontier.size >= signed.log_size]
    dates = [(log, _until(log, signed, ahead_ms)) for log in no_shorter]
    kept = [(log, at) for log, at in dates if at is not None and signed.until <= at < until]
    due = [(log, at) for log, at in kept if at <= latest_ms][-1:]
    later = [log for log, at in kept if at > latest_ms] or [newest]
    reading = _reading(*due[0], signed) if due else None
    return LiveLog(reading, (*(log for log, _ in due), later[0]))


def _until(log: RentalLog, signed: LastSigned, ahead_ms: int) -> int | None:
    """The date of the log's reading, Unix ms; None before the first sample that counts."""
    if log.until is None:
        return None
    registers = log.meter.registers
    if (log.frontier.size, registers) == (signed.log_size, signed.registers):
        return signed.until
    until = log.until - ahead_ms
    ran_ms = sum(registers.active_ms) - sum(signed.registers.active_ms)
    return max(until, signed.until + ran_ms) if ran_ms > 0 else until


def _reading(log: RentalLog, until: int, signed: LastSigned) -> Reading | None:
    """None where another of that time is signed."""
    if until == signed.until and log.frontier.size != signed.log_size:
        return None
    return log.reading(until)
