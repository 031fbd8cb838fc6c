"""What the frames of the serial link hold.

    type     direction  payload
    HELLO    up         version u8 = 3, drill u32, oldest u64, nonce u128
    SAMPLE   up         oldest u64, then 1 to 8 samples of 96 bytes (`protocol.sample`)
    STATUS   up         version u8 = 3, drill u32, nonce u128, state u8, time_ms u64,
                        lease_expires_at u64, lost_samples u32, bad_frames u32, refused_starts u32,
                        then the reason, UTF-8, to the end
    LEASE    down       drill, rental, issued_at, expires_at, block_number as u64 each, nonce u128,
                        65 bytes signature (r, s, v)
    INHIBIT  down       rental u64 that samples at rest belong to from now on, 0 nobody's, all ones:
                        says nothing of it; then the reason, UTF-8, at most 200 bytes
    CLOCK    down       time_ms u64, Unix ms
    ACK      both       number u32 of the frame, sequence u64 of its last sample (0: it held
                        none), then why it was refused, UTF-8 (nothing: it was taken)

All integers are big endian. `oldest` is the smallest sequence that may still come: what
is missing below it never will. `nonce` is what the controller wants the next lease to
answer, never 0. Texts are cut to 200 bytes; a controller shows them and decides nothing by
them. A STATUS says its version too: a bridge that was replaced hears no HELLO at first.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

from protocol.errors import FrameError, RecordError, SampleError
from protocol.records import NO_NONCE, NONCE_BYTES, Lease
from protocol.sample import MAX_RENTAL, SAMPLE_BYTES, Sample, decode_sample

VERSION = 3
"""Of HELLO and STATUS; in version 2 a lease answered no nonce."""

MAX_SAMPLES_PER_FRAME = 8
MAX_TEXT_BYTES = 200
SIGNATURE_BYTES = 65

_U32 = 2**32 - 1
_NOT_SAID = 2**64 - 1

_HELLO = struct.Struct(f">BIQ{NONCE_BYTES}s")
_OLDEST = struct.Struct(">Q")
_STATUS = struct.Struct(f">BI{NONCE_BYTES}sBQQIII")
_LEASE = struct.Struct(f">5Q{NONCE_BYTES}s65s")
_INHIBIT = struct.Struct(">Q")
_CLOCK = struct.Struct(">Q")
_ACK = struct.Struct(">IQ")


class ControllerState(IntEnum):
    """The controller's states; the motor has power in RUNNING and in no other."""

    LOCKED = 1
    READY = 2
    RUNNING = 3
    COASTING = 4
    FAULT = 5


@dataclass(frozen=True, slots=True)
class Hello:
    """A controller's first word: its drill, the smallest sequence that may still come, and what
    its leases have to answer."""

    drill: int
    oldest: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples oldest first, and the smallest sequence that may still come."""

    oldest: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The controller's state and why; times in Unix ms, 0 for no lease and for no clock."""

    drill: int
    nonce: int
    state: ControllerState
    time_ms: int
    lease_expires_at: int
    lost_samples: int
    bad_frames: int
    refused_starts: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ack:
    """Frame `number` arrived; `refusal` is empty when it was taken."""

    number: int
    sequence: int
    refusal: str


def cut_text(text: str) -> bytes:
    """UTF-8 of at most 200 bytes, cut between characters."""
    return text.encode(errors="replace")[:MAX_TEXT_BYTES].decode(errors="ignore").encode()


def parse_text(data: bytes) -> str:
    """The text at the end of an INHIBIT, STATUS or ACK."""
    if len(data) > MAX_TEXT_BYTES:
        raise FrameError(f"a text has at most {MAX_TEXT_BYTES} bytes, not {len(data)}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"a text is not UTF-8: {error}") from error


def pack_hello(hello: Hello) -> bytes:
    """Lay out a HELLO."""
    return _HELLO.pack(VERSION, hello.drill, hello.oldest, _pack_nonce(hello.nonce))


def parse_hello(payload: bytes) -> Hello:
    """Read a HELLO."""
    _require_version(payload)
    _require_size("HELLO", payload, _HELLO.size)
    _version, drill, oldest, nonce = _HELLO.unpack(payload)
    return Hello(drill, oldest, _parse_nonce(nonce))


def pack_samples(oldest: int, encoded: Sequence[bytes]) -> bytes:
    """Lay out a SAMPLE frame from 1 to 8 encoded samples, oldest first."""
    if not 1 <= len(encoded) <= MAX_SAMPLES_PER_FRAME:
        raise FrameError(f"a frame holds 1 .. {MAX_SAMPLES_PER_FRAME} samples, not {len(encoded)}")
    return _OLDEST.pack(oldest) + b"".join(encoded)


def parse_samples(payload: bytes) -> Samples:
    """Read a SAMPLE frame: whole samples of one drill with rising sequences."""
    count, rest = divmod(len(payload) - _OLDEST.size, SAMPLE_BYTES)
    if rest or not 1 <= count <= MAX_SAMPLES_PER_FRAME:
        raise FrameError(f"a SAMPLE frame does not have {len(payload)} bytes")
    try:
        samples = tuple(
            decode_sample(payload[start : start + SAMPLE_BYTES])
            for start in range(_OLDEST.size, len(payload), SAMPLE_BYTES)
        )
    except SampleError as error:
        raise FrameError(str(error)) from error
    for earlier, later in pairwise(samples):
        if later.sequence <= earlier.sequence or later.drill != earlier.drill:
            raise FrameError(f"sample {later.sequence} after {earlier.sequence} in one frame")
    return Samples(_OLDEST.unpack_from(payload)[0], samples)


def pack_status(status: Status) -> bytes:
    """Lay out a STATUS."""
    head = _STATUS.pack(
        VERSION,
        status.drill,
        _pack_nonce(status.nonce),
        status.state,
        status.time_ms,
        status.lease_expires_at,
        status.lost_samples & _U32,
        status.bad_frames & _U32,
        status.refused_starts & _U32,
    )
    return head + cut_text(status.reason)


def parse_status(payload: bytes) -> Status:
    """Read a STATUS."""
    _require_version(payload)
    if len(payload) < _STATUS.size:
        raise FrameError(f"a STATUS frame does not have {len(payload)} bytes")
    head = _STATUS.unpack_from(payload)
    _version, drill, nonce, state, time_ms, lease_expires_at, lost, bad, refused = head
    reason = parse_text(payload[_STATUS.size :])
    try:
        known = ControllerState(state)
    except ValueError:
        raise FrameError(f"unknown controller state {state}") from None
    asked = _parse_nonce(nonce)
    return Status(drill, asked, known, time_ms, lease_expires_at, lost, bad, refused, reason)


def pack_lease(lease: Lease, signature: bytes) -> bytes:
    """Lay out a LEASE; raises FrameError when a field does not fit."""
    if len(signature) != SIGNATURE_BYTES:
        raise FrameError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    *words, nonce = lease.words()
    try:
        return _LEASE.pack(*words, _pack_nonce(nonce), signature)
    except struct.error as error:
        raise FrameError(f"a lease does not fit its layout: {error}") from error


def parse_lease(payload: bytes) -> tuple[Lease, bytes]:
    """Read a LEASE: the lease and its signature, neither of them checked yet."""
    _require_size("LEASE", payload, _LEASE.size)
    drill, rental, issued_at, expires_at, block, nonce, signature = _LEASE.unpack(payload)
    asked = _parse_nonce(nonce)
    try:
        return Lease(drill, rental, issued_at, expires_at, block, asked), signature
    except RecordError as error:
        raise FrameError(str(error)) from error


def pack_inhibit(rental: int | None, reason: str) -> bytes:
    """Lay out an INHIBIT; `rental` None says nothing of whose the samples are."""
    number = _NOT_SAID if rental is None else rental
    if not 0 <= number <= _NOT_SAID:
        raise FrameError(f"rental {rental} does not fit its layout")
    return _INHIBIT.pack(number) + cut_text(reason)


def parse_inhibit(payload: bytes) -> tuple[int | None, str]:
    """Read an INHIBIT: the rental, or None when nothing is said of it, and the reason."""
    if len(payload) < _INHIBIT.size:
        raise FrameError(f"an INHIBIT frame does not have {len(payload)} bytes")
    (rental,) = _INHIBIT.unpack_from(payload)
    if MAX_RENTAL < rental < _NOT_SAID:
        raise FrameError(f"an INHIBIT names rental {rental}, over 2^63-1")
    return None if rental == _NOT_SAID else rental, parse_text(payload[_INHIBIT.size :])


def pack_clock(time_ms: int) -> bytes:
    """Lay out a CLOCK."""
    return _CLOCK.pack(time_ms)


def parse_clock(payload: bytes) -> int:
    """Read a CLOCK: Unix ms."""
    _require_size("CLOCK", payload, _CLOCK.size)
    (time_ms,) = _CLOCK.unpack(payload)
    return int(time_ms)


def pack_ack(ack: Ack) -> bytes:
    """Lay out an ACK."""
    return _ACK.pack(ack.number, ack.sequence) + cut_text(ack.refusal)


def parse_ack(payload: bytes) -> Ack:
    """Read an ACK."""
    if len(payload) < _ACK.size:
        raise FrameError(f"an ACK frame does not have {len(payload)} bytes")
    number, sequence = _ACK.unpack_from(payload)
    return Ack(number, sequence, parse_text(payload[_ACK.size :]))


def _pack_nonce(nonce: int) -> bytes:
    try:
        return nonce.to_bytes(NONCE_BYTES, "big")
    except OverflowError:
        raise FrameError(f"nonce {nonce} does not fit its layout") from None


def _parse_nonce(data: bytes) -> int:
    nonce = int.from_bytes(data, "big")
    if nonce == NO_NONCE:
        raise FrameError("a nonce is never 0")
    return nonce


def _require_version(payload: bytes) -> None:
    """A controller's release is told by its first byte; the STATUS of version 2 had none, and a
    drill's number there, 0 up to drill 16,777,215."""
    if payload[:1] != bytes([VERSION]):
        found = payload[0] if payload[:1] > b"\0" else "2 or older"
        raise FrameError(f"the controller speaks version {found}, this side {VERSION}")


def _require_size(name: str, payload: bytes, size: int) -> None:
    if len(payload) != size:
        raise FrameError(f"a {name} frame has {size} bytes, not {len(payload)}")
