"""The edge box's end of the serial link: acknowledge, command, repeat, keep the clock.

Pure: bytes and times go in, bytes and samples come out. Samples are handed over with the number of
their frame and acknowledged by the caller once they are durable. Of leases and inhibits only the
newest is kept: an older one has no use. Monotonic times are in ms, `time_ms` is Unix ms.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.errors import FrameError
from protocol.records import NO_NONCE, Lease
from protocol.serial.frames import NUMBERS, Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import (
    Ack,
    Samples,
    Status,
    pack_ack,
    pack_clock,
    pack_inhibit,
    pack_lease,
    parse_ack,
    parse_hello,
    parse_samples,
    parse_status,
)

RESEND_MS = 150
"""A command goes again after this: a lease takes 15 ms on the line and 10 ms to check."""

MOST_SENDS = 20
"""Then it is given up (3 s): a lease is as good as expired, and the next one is on its way."""

CLOCK_MS = 10_000
"""How often the clock is set: a crystal of 50 ppm strays 0.5 ms in this time."""

SILENCE_MS = 3_000
"""A controller reports once a second at least; after three misses it counts as gone."""


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """Samples that wait to be made durable, and the number of the frame to acknowledge."""

    number: int
    content: Samples


@dataclass(frozen=True, slots=True)
class CommandRefusal:
    """The controller did not take a command, and why."""

    kind: FrameType
    reason: str


@dataclass(slots=True)
class _Command:
    kind: FrameType
    payload: bytes
    expires_at: int | None = None
    number: int | None = None
    sends: int = 0
    sent_ms: int = 0


class Session:
    """The state of one link; a new one is not needed when the port comes back."""

    def __init__(self, drill: int) -> None:
        """Expect the controller of `drill` and no other at the end of the line."""
        self.drill = drill
        self.nonce = NO_NONCE
        """What the controller wants its next lease to answer, as it said last."""
        self.status: Status | None = None
        self.statuses: list[Status] = []
        self.wrong_drill: int | None = None
        self.refusals: list[CommandRefusal] = []
        self.refused_frames = 0
        self._refusal = ""
        self._noise = False
        self._decoder = Decoder()
        self._number = 0
        self._acks: list[Ack] = []
        self._command: _Command | None = None
        self._clock: _Command | None = None
        self._clock_ms: int | None = None
        self._heard_ms: int | None = None

    @property
    def bad_frames(self) -> int:
        """Frames that were damaged on the line or made no sense."""
        return self._decoder.bad_frames + self.refused_frames

    @property
    def unheard(self) -> str:
        """What the line gives while the right controller is not heard."""
        if self._refusal:
            return f"what comes is refused: {self._refusal}"
        if self._noise:
            return "bytes come and no frame among them: has the controller another baud rate?"
        return "the controller is silent"

    def up(self, now_ms: int) -> bool:
        """Whether the right controller was heard of lately."""
        return (
            self.wrong_drill is None
            and self._heard_ms is not None
            and now_ms - self._heard_ms <= SILENCE_MS
        )

    def opened(self) -> None:
        """The port was opened: nothing of the line's past counts."""
        self._decoder.reset()
        self._acks.clear()
        self._heard_ms = None
        self.wrong_drill = None
        self.nonce = NO_NONCE
        self._noise, self._refusal = False, ""
        self._restart()

    def send_lease(self, lease: Lease, signature: bytes) -> None:
        """Pass a lease on; raises FrameError when it does not fit its layout."""
        payload = pack_lease(lease, signature)
        self._command = _Command(FrameType.LEASE, payload, expires_at=lease.expires_at)

    def send_inhibit(self, reason: str, rental: int | None = None) -> None:
        """Tell the controller: no next start, and whose the samples at rest are from now on; None
        says nothing of that. Raises FrameError when it does not fit its layout."""
        self._command = _Command(FrameType.INHIBIT, pack_inhibit(rental, reason))

    def receive(self, data: bytes, now_ms: int) -> list[SampleFrame]:
        """Take bytes off the line; returns the samples to be made durable, oldest first."""
        received: list[SampleFrame] = []
        self._noise = self._noise or bool(data)
        for frame in self._decoder.feed(data):
            try:
                samples = self._take(frame)
            except FrameError as error:
                self.refused_frames += 1
                self._refusal = str(error)
                continue
            self._heard_ms = now_ms
            self._noise, self._refusal = False, ""
            if samples is not None:
                received.append(samples)
        return received

    def acknowledge(self, frame: SampleFrame) -> None:
        """The samples of this frame are durable."""
        self._acks.append(Ack(frame.number, frame.content.samples[-1].sequence, ""))

    def due(self, now_ms: int, time_ms: int) -> bytes:
        """The bytes to send now."""
        frames = [self._frame(FrameType.ACK, pack_ack(ack), self._next()) for ack in self._acks]
        self._acks.clear()
        if self.wrong_drill is not None:
            return b""
        if self._clock_ms is None or now_ms - self._clock_ms >= CLOCK_MS:
            self._clock_ms = now_ms
            self._clock = _Command(FrameType.CLOCK, b"")
        if self._clock is not None:
            self._clock.payload = pack_clock(time_ms)  # a repeated one tells the time anew
            self._clock = self._repeat(self._clock, now_ms, frames)
        command = self._command
        if command is not None and command.expires_at is not None:
            command = command if command.expires_at > time_ms else None
        self._command = self._repeat(command, now_ms, frames) if command else None
        return b"".join(frames)

    def _repeat(self, command: _Command, now_ms: int, frames: list[bytes]) -> _Command | None:
        if command.number is not None and now_ms - command.sent_ms < RESEND_MS:
            return command
        if command.sends == MOST_SENDS:
            return None
        if command.number is None:
            command.number = self._next()
        command.sends += 1
        command.sent_ms = now_ms
        frames.append(self._frame(command.kind, command.payload, command.number))
        return command

    def _take(self, frame: Frame) -> SampleFrame | None:
        match frame.type:
            case FrameType.HELLO:
                hello = parse_hello(frame.payload)
                self._check_drill(hello.drill)
                self.nonce = hello.nonce
                self._acks.append(Ack(frame.number, 0, ""))
                self._restart()
            case FrameType.SAMPLE:
                samples = parse_samples(frame.payload)
                self._check_drill(samples.samples[0].drill)
                return SampleFrame(frame.number, samples)
            case FrameType.STATUS:
                status = parse_status(frame.payload)
                self._check_drill(status.drill)
                self.status, self.nonce = status, status.nonce
                self.statuses.append(status)
            case FrameType.ACK:
                self._acknowledged(parse_ack(frame.payload))
            case _:
                raise FrameError(f"an edge box does not take {frame.type.name}")
        return None

    def _acknowledged(self, ack: Ack) -> None:
        for command in (self._clock, self._command):
            if command is not None and command.number == ack.number and ack.refusal:
                self.refusals.append(CommandRefusal(command.kind, ack.refusal))
        if self._clock is not None and self._clock.number == ack.number:
            self._clock = None
        if self._command is not None and self._command.number == ack.number:
            self._command = None

    def _check_drill(self, drill: int) -> None:
        if drill != self.drill:
            self.wrong_drill = drill
            raise FrameError(f"this is the controller of drill {drill}, not of {self.drill}")

    def _restart(self) -> None:
        """The controller may have started anew: the clock and the command go again, first."""
        self._clock_ms = None
        if self._command is not None:
            self._command.number = None
            self._command.sends = 0

    def _next(self) -> int:
        number, self._number = self._number, (self._number + 1) % NUMBERS
        return number

    @staticmethod
    def _frame(kind: FrameType, payload: bytes, number: int) -> bytes:
        return encode_frame(Frame(kind, number, payload))
