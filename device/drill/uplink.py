"""The controller's end of the serial link: what to send, what to send again, what it was told.

Pure: monotonic time and frames go in, bytes come out. Samples wait in a bounded ring until the
edge box acknowledges the frame that carried them. Until it has answered a HELLO, nothing else is
sent; when it falls silent the controller begins again with HELLO.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from protocol.serial.frames import NUMBERS, Frame, FrameType, encode_frame
from protocol.serial.payloads import (
    MAX_SAMPLES_PER_FRAME,
    Ack,
    Hello,
    Status,
    pack_ack,
    pack_hello,
    pack_samples,
    pack_status,
)

RING_SAMPLES = 8192
"""Thirteen minutes at ten samples a second, 720 kB."""

WINDOW_FRAMES = 4
"""Frames on their way at a time: 3 kB, a quarter of a second at 115,200 baud."""

RESEND_MS = 500
"""A frame without acknowledgement goes again: line time of the window and a slow disk's sync."""

LATE_FRAMES = 64
"""Frames that were sent again and may still be acknowledged, as when a disk is slow."""

HELLO_MS = 500
STATUS_MS = 1000
SILENCE_MS = 2000
"""An edge box that acknowledges nothing for so long is taken to be gone."""


@dataclass(slots=True)
class _Sent:
    sequences: tuple[int, ...]
    at_ms: int


class Uplink:
    """Ring, window and timers of one controller."""

    def __init__(self, drill: int, next_sequence: int) -> None:
        """Start with an empty ring; `next_sequence` is that of the next sample."""
        self.lost_samples = 0
        self._drill = drill
        self._next_sequence = next_sequence
        self._ring: OrderedDict[int, bytes] = OrderedDict()
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
        self._late: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._on_the_way: set[int] = set()
        self._number = 0
        self._linked = False
        self._heard_ms = 0
        self._hello_ms: int | None = None
        self._status_ms = 0
        self._status: Status | None = None
        self._acks: list[Ack] = []

    @property
    def unacknowledged(self) -> int:
        """Samples that wait in the ring."""
        return len(self._ring)

    def add(self, sequence: int, encoded: bytes) -> None:
        """Queue a sample; the oldest is dropped and counted when the ring is full."""
        self._ring[sequence] = encoded
        self._next_sequence = sequence + 1
        if len(self._ring) > RING_SAMPLES:
            oldest, _ = self._ring.popitem(last=False)
            self._on_the_way.discard(oldest)
            self.lost_samples += 1

    def acknowledge(self, number: int, sequence: int, refusal: str) -> None:
        """Queue the answer to frame `number` of the edge box."""
        self._acks.append(Ack(number, sequence, refusal))

    def acknowledged(self, ack: Ack, now_ms: int) -> None:
        """The edge box acknowledged a frame: forget its samples unless it refused them."""
        self._heard_ms = now_ms
        self._linked = True
        sent = self._sent.get(ack.number)
        sequences = sent.sequences if sent else self._late.get(ack.number)
        if sequences is None or ack.refusal or ack.sequence != sequences[-1]:
            return
        self._sent.pop(ack.number, None)
        self._late.pop(ack.number, None)
        for sequence in sequences:
            self._on_the_way.discard(sequence)
            self._ring.pop(sequence, None)

    def due(self, now_ms: int, status: Status) -> bytes:
        """The bytes to send now."""
        frames = [self._frame(FrameType.ACK, pack_ack(ack)) for ack in self._acks]
        self._acks.clear()
        if self._linked and self._sent and now_ms - self._heard_ms > SILENCE_MS:
            self._linked = False
            self._hello_ms = None
            self._sent.clear()
            self._on_the_way.clear()
        if not self._linked:
            if self._hello_ms is None or now_ms - self._hello_ms >= HELLO_MS:
                self._hello_ms = now_ms
                oldest = next(iter(self._ring), self._next_sequence)
                hello = Hello(self._drill, oldest, status.nonce)
                frames.append(self._frame(FrameType.HELLO, pack_hello(hello)))
            return b"".join(frames)
        if self._status_due(now_ms, status):
            frames.append(self._frame(FrameType.STATUS, pack_status(status)))
        frames.extend(self._samples(now_ms))
        return b"".join(frames)

    def _status_due(self, now_ms: int, status: Status) -> bool:
        old = self._status
        changed = old is None or (old.state, old.reason, old.refused_starts, old.nonce) != (
            status.state,
            status.reason,
            status.refused_starts,
            status.nonce,
        )
        if not changed and now_ms - self._status_ms < STATUS_MS:
            return False
        self._status, self._status_ms = status, now_ms
        return True

    def _samples(self, now_ms: int) -> list[bytes]:
        for number, sent in list(self._sent.items()):
            if now_ms - sent.at_ms >= RESEND_MS:
                del self._sent[number]
                self._on_the_way.difference_update(sent.sequences)
                self._late[number] = sent.sequences
                if len(self._late) > LATE_FRAMES:
                    self._late.popitem(last=False)
        frames = []
        while len(self._sent) < WINDOW_FRAMES:
            sequences = self._next_sequences()
            if not sequences:
                break
            oldest = next(iter(self._ring))
            payload = pack_samples(oldest, [self._ring[sequence] for sequence in sequences])
            self._sent[self._number] = _Sent(sequences, now_ms)
            self._on_the_way.update(sequences)
            frames.append(self._frame(FrameType.SAMPLE, payload))
        return frames

    def _next_sequences(self) -> tuple[int, ...]:
        """The oldest samples that are not on their way; at most one window is passed over."""
        found: list[int] = []
        for sequence in self._ring:
            if sequence not in self._on_the_way:
                found.append(sequence)
                if len(found) == MAX_SAMPLES_PER_FRAME:
                    break
        return tuple(found)

    def _frame(self, kind: FrameType, payload: bytes) -> bytes:
        number, self._number = self._number, (self._number + 1) % NUMBERS
        return encode_frame(Frame(kind, number, payload))
