"""The serial codec: frames between a drill's controller and its edge box.

On the line a frame is COBS-encoded, so that it holds no zero byte, and ends with one zero byte:

    COBS( type ‖ number ‖ payload ‖ crc )  0x00

    offset  size  field
    0       1     type, see FrameType
    1       4     number of the frame; each side counts its own from 0 and wraps after 2^32 - 1
    5       n     payload, 0 to 1024 bytes, laid out in `protocol.serial.payloads`
    5+n     4     CRC-32 (IEEE 802.3, as in zlib) of type, number and payload

All integers are big endian. Whatever is not a frame is dropped and counted: who sent it repeats it.
Sources: COBS, S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions
on Networking 7(2), 1999; CRC-32 because CRC-16 let 13 of a million random frames pass.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

from cobs import cobs

from protocol.errors import FrameError

_HEAD = struct.Struct(">BI")
_CRC = struct.Struct(">I")

NUMBERS = 2**32
"""Frame numbers wrap here."""

MAX_PAYLOAD_BYTES = 1024
"""Eight samples need 712 bytes; at 115,200 baud a full frame takes 90 ms."""

_MAX_RAW_BYTES = _HEAD.size + MAX_PAYLOAD_BYTES + _CRC.size
_MIN_RAW_BYTES = _HEAD.size + _CRC.size
MAX_ENCODED_BYTES = _MAX_RAW_BYTES + -(-_MAX_RAW_BYTES // 254)  # COBS adds one to each 254


class FrameType(IntEnum):
    """What a frame carries. Up: controller to edge box; down: edge box to controller."""

    HELLO = 0x01
    SAMPLE = 0x02
    STATUS = 0x03
    LEASE = 0x11
    INHIBIT = 0x12
    CLOCK = 0x13
    ACK = 0x20


_TYPES = frozenset(FrameType)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its type, its sender's count, and up to 1024 bytes."""

    type: FrameType
    number: int
    payload: bytes


def encode_frame(frame: Frame) -> bytes:
    """The bytes for the line with their delimiter; raises FrameError for a field out of range."""
    if not 0 <= frame.number < NUMBERS:
        raise FrameError(f"a frame number lies in 0 .. 2^32-1, not {frame.number}")
    if len(frame.payload) > MAX_PAYLOAD_BYTES:
        raise FrameError(
            f"a payload has at most {MAX_PAYLOAD_BYTES} bytes, not {len(frame.payload)}"
        )
    body = _HEAD.pack(frame.type, frame.number) + frame.payload
    return bytes(cobs.encode(body + _CRC.pack(zlib.crc32(body)))) + b"\x00"


def decode_frame(encoded: bytes) -> Frame:
    """The frame in what stood between two delimiters; raises FrameError when it is none."""
    if len(encoded) > MAX_ENCODED_BYTES:
        raise FrameError(f"{len(encoded)} bytes without a delimiter are not a frame")
    try:
        raw = bytes(cobs.decode(encoded))
    except cobs.DecodeError as error:
        raise FrameError(f"not COBS: {error}") from error
    if len(raw) < _MIN_RAW_BYTES:
        raise FrameError(f"a frame has at least {_MIN_RAW_BYTES} bytes, not {len(raw)}")
    body, (crc,) = raw[: -_CRC.size], _CRC.unpack(raw[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise FrameError(f"CRC is {crc:#010x}, the bytes say {zlib.crc32(body):#010x}")
    kind, number = _HEAD.unpack_from(body)
    if kind not in _TYPES:
        raise FrameError(f"unknown frame type {kind:#04x}")
    return Frame(FrameType(kind), number, body[_HEAD.size :])


class Decoder:
    """Turns a stream of bytes into frames; never raises, never holds more than one frame.

    After garbage it is back in step at the next delimiter. `bad_frames` counts what stood between
    two delimiters and was not a frame; an over-long run counts once.
    """

    def __init__(self) -> None:
        """Begin between two frames."""
        self._buffer = bytearray()
        self._skipping = False
        self.bad_frames = 0

    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not complete; at most MAX_ENCODED_BYTES."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, oldest first."""
        frames: list[Frame] = []
        *complete, rest = data.split(b"\x00")
        for piece in complete:
            self._extend(piece)
            self._finish(frames)
        self._extend(rest)
        return frames

    def reset(self) -> None:
        """Forget a half-received frame, as after opening a port."""
        self._buffer.clear()
        self._skipping = False

    def _extend(self, piece: bytes) -> None:
        if self._skipping:
            return
        if len(self._buffer) + len(piece) > MAX_ENCODED_BYTES:
            self._buffer.clear()
            self._skipping = True
            self.bad_frames += 1
        else:
            self._buffer += piece

    def _finish(self, frames: list[Frame]) -> None:
        if self._skipping:
            self._skipping = False
        elif self._buffer:  # delimiters side by side enclose nothing: not an error
            try:
                frames.append(decode_frame(bytes(self._buffer)))
            except FrameError:
                self.bad_frames += 1
            self._buffer.clear()
