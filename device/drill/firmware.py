"""What runs on a controller besides its state machine: frames in and out, memory, samples.

No I/O: bytes and monotonic time come in, bytes go out, and the memory to be made durable is handed
over before anything that rests on it leaves. While that fails, samples are held back, the drill
locks at standstill, and it is tried again with each new sample.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from device.drill.controller import Inhibited, LeaseOffered
from device.drill.drill import SimulatedDrill
from device.drill.memory import Memory
from device.drill.uplink import RING_SAMPLES, Uplink
from device.errors import NonVolatileError
from protocol.errors import FrameError
from protocol.sample import Sample, encode_sample
from protocol.serial.frames import Decoder, Frame, FrameType
from protocol.serial.payloads import Status, parse_ack, parse_clock, parse_inhibit, parse_lease

MAX_CATCH_UP_MS = 10_000
"""A process that was held up for longer does not make up for it: the drill stood still meanwhile,
and the gap in its samples shows it."""


class Firmware:
    """One simulated controller with its end of the serial link."""

    def __init__(self, drill: SimulatedDrill, remember: Callable[[Memory], None]) -> None:
        """Start with the drill; `remember` makes the memory durable or raises NonVolatileError."""
        self.drill = drill
        self.uplink = Uplink(drill.controller.provisioning.drill, drill.memory.sequence + 1)
        self.skipped_ms = 0
        self._remember = remember
        self._decoder = Decoder()
        self._grid_ms = drill.monotonic_ms
        self._bad_payloads = 0
        self._held: deque[Sample] = deque()

    def receive(self, data: bytes, monotonic_ms: int) -> None:
        """Take bytes off the line, after `run_until` for the same time. Whatever is not a frame
        for a controller is counted."""
        for frame in self._decoder.feed(data):
            try:
                self._take(frame, monotonic_ms)
            except FrameError:
                self._bad_payloads += 1

    def run_until(self, monotonic_ms: int) -> None:
        """Advance the drill on its fixed grid up to `monotonic_ms` and queue its samples. However
        long it was held up, its time is then less than a step behind, and no input may be given to
        it before."""
        step_ms = self.drill.step_ms
        behind = monotonic_ms - self._grid_ms
        if behind > MAX_CATCH_UP_MS:
            skipped = behind // step_ms * step_ms - step_ms
            self._grid_ms += skipped
            self.skipped_ms += skipped
        sampled = False
        while self._grid_ms + step_ms <= monotonic_ms:
            self._grid_ms += step_ms
            sample = self.drill.step(self._grid_ms)
            if sample is not None:
                self._hold(sample)
                sampled = True
        if sampled and self._make_durable():
            while self._held:
                sample = self._held.popleft()
                self.uplink.add(sample.sequence, encode_sample(sample))

    def next_step_ms(self) -> int:
        """Monotonic ms at which the next step is due."""
        return self._grid_ms + self.drill.step_ms

    def send(self, monotonic_ms: int) -> bytes:
        """The bytes for the line, due now."""
        return self.uplink.due(monotonic_ms, self._status())

    def _hold(self, sample: Sample) -> None:
        """Keep a sample until its sequence is durable; at most as many as the ring holds."""
        self._held.append(sample)
        if len(self._held) > RING_SAMPLES:
            self._held.popleft()
            self.uplink.lost_samples += 1

    def _make_durable(self) -> bool:
        """Whether the drill's memory is durable now; if not, the drill has been told why."""
        reason = ""
        try:
            self._remember(self.drill.memory)
        except NonVolatileError as error:
            reason = f"memory fails: {error}"
        if reason != self.drill.memory_error:
            self.drill.set_memory_error(reason)
        return not reason

    def _take(self, frame: Frame, monotonic_ms: int) -> None:
        match frame.type:
            case FrameType.ACK:
                self.uplink.acknowledged(parse_ack(frame.payload), monotonic_ms)
                return
            case FrameType.LEASE:
                refusal = self._take_lease(frame.payload)
            case FrameType.INHIBIT:
                rental, reason = parse_inhibit(frame.payload)
                refusal = self.drill.apply(Inhibited(reason, rental))
            case FrameType.CLOCK:
                since_step_ms = monotonic_ms - self._grid_ms
                refusal = self.drill.set_clock(parse_clock(frame.payload) - since_step_ms)
            case _:
                raise FrameError(f"a controller does not take {frame.type.name}")
        self.uplink.acknowledge(frame.number, 0, refusal)

    def _take_lease(self, payload: bytes) -> str:
        """Returns why it was refused. A lease is remembered before it is acknowledged and before
        it can start anything, so that it is not accepted again after a loss of power."""
        known = self.drill.memory.newest_issued_at
        refusal = self.drill.apply(LeaseOffered(*parse_lease(payload)))
        if self.drill.memory.newest_issued_at != known and not self._make_durable():
            return self.drill.memory_error
        return refusal

    def _status(self) -> Status:
        controller = self.drill.controller
        return Status(
            drill=controller.provisioning.drill,
            nonce=controller.nonces[0],
            state=controller.state,
            time_ms=self.drill.time_ms,
            lease_expires_at=controller.lease_expires_at,
            lost_samples=self.uplink.lost_samples,
            bad_frames=self._decoder.bad_frames + self._bad_payloads,
            refused_starts=self.drill.refused_starts,
            reason=controller.reason,
        )
