"""Which samples a bridge publishes next. Pure but for the spool that it reads.

Samples go out in order of their sequence, each as soon as it is durable. One that is missing is
waited for while the controller may still deliver it. What the oracle has not journalled in time,
asks for again, or may have missed while the broker was away, goes out again.
"""

from __future__ import annotations

from typing import Protocol

from device.errors import SpoolError
from protocol.errors import ProtocolError
from protocol.messages import MAX_SAMPLES_PER_MESSAGE, encode_samples
from protocol.sample import decode_sample

WINDOW_SAMPLES = 64 * MAX_SAMPLES_PER_MESSAGE
"""Published and not journalled at most: 360 kB, what a broker easily holds for one client."""

FIRST_RESEND_MS = 5_000
LONGEST_RESEND_MS = 60_000
"""Without news from the oracle everything goes again, after twice the time each time."""

SAME_REQUEST_MS = 250
"""A request to resend from the same place within this time is the same request."""


class SpooledSamples(Protocol):
    """What a publisher needs of a spool; see `device.bridge.spool.Spool`."""

    oldest: int
    journalled: int
    newest: int

    def pending(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` samples with a sequence over `after`, oldest first."""

    def oldest_held(self, after: int) -> int | None:
        """The lowest sequence over `after` that is here."""

    def forget(self, up_to: int) -> None:
        """The oracle has journalled all up to here."""


class SpoolPublisher:
    """The place up to which one drill's samples are published."""

    def __init__(self, spool: SpooledSamples, gather_ms: int = 0) -> None:
        """Begin with what the oracle has not journalled. The first sample of a message waits
        `gather_ms` for others."""
        self._spool, self._gather_ms = spool, gather_ms
        self._since_ms: int | None = None
        self._cursor = spool.journalled
        self._resend_ms = FIRST_RESEND_MS
        self._progress_ms = 0
        self._asked: tuple[int, int] | None = None

    def restart(self, now_ms: int) -> None:
        """The broker is back: what is not journalled may be lost."""
        self._cursor = self._spool.journalled
        self._progress_ms = now_ms

    def journalled(self, sequence: int, now_ms: int, *, resend: bool) -> bool:
        """The oracle's word; returns False when it speaks of samples that were never sent."""
        if sequence > self._spool.newest:
            return False
        if sequence > self._spool.journalled:
            self._spool.forget(sequence)
            self._cursor = max(self._cursor, sequence)
            self._progress_ms, self._resend_ms = now_ms, FIRST_RESEND_MS
        if resend and not self._asked_before(sequence, now_ms):
            self._asked = (sequence, now_ms)
            self._cursor = min(self._cursor, sequence)
        return True

    def next(self, now_ms: int, nonce: int) -> bytes | None:
        """The next sample message, with what the controller wants the next lease to answer, or None
        when there is nothing to publish now; raises SpoolError when the spool cannot be read."""
        if self._cursor > self._spool.journalled and now_ms - self._progress_ms >= self._resend_ms:
            self._cursor = self._spool.journalled
            self._progress_ms = now_ms
            self._resend_ms = min(2 * self._resend_ms, LONGEST_RESEND_MS)
        ahead = self._cursor - self._spool.journalled
        if self._cursor >= self._spool.newest or ahead >= WINDOW_SAMPLES:
            return None
        rows = self._in_order(self._spool.pending(self._cursor, MAX_SAMPLES_PER_MESSAGE))
        if not rows:
            return None
        if not self._is_full(rows, now_ms):
            return None
        if ahead <= 0:
            self._progress_ms = now_ms
        oldest = self._oldest()
        self._cursor = rows[-1][0]
        try:
            return encode_samples([decode_sample(data) for _, data in rows], oldest, nonce)
        except ProtocolError as error:
            raise SpoolError(f"the spool is damaged: {error}") from error

    def _is_full(self, rows: list[tuple[int, bytes]], now_ms: int) -> bool:
        """Whether the message is to go: no more fits, or its first sample has waited enough."""
        if self._since_ms is None:
            self._since_ms = now_ms
        if len(rows) < MAX_SAMPLES_PER_MESSAGE and now_ms - self._since_ms < self._gather_ms:
            return False
        self._since_ms = None
        return True

    def _in_order(self, rows: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """The rows up to the first hole that may still be filled."""
        previous = self._cursor
        filled_from = max(self._spool.oldest, self._spool.journalled + 1)
        for index, (sequence, _) in enumerate(rows):
            if sequence > previous + 1 and sequence > filled_from:
                return rows[:index]
            previous = sequence
        return rows

    def _oldest(self) -> int:
        """The lowest sequence that the oracle may still get from us: it takes what is missing
        below as missing for good."""
        lowest = max(self._spool.oldest, self._spool.journalled + 1)
        held = self._spool.oldest_held(min(self._cursor, self._spool.journalled))
        return lowest if held is None else min(held, lowest)

    def _asked_before(self, sequence: int, now_ms: int) -> bool:
        return (
            self._asked is not None
            and self._asked[0] == sequence
            and now_ms - self._asked[1] < SAME_REQUEST_MS
        )
