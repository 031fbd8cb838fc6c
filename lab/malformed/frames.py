"""Malformed frames of the serial link, to both ends of it.

Most are damaged on the line: random bytes, and real frames with something flipped, cut, doubled or
spliced. The others have a right checksum and make no sense, as from a controller that is broken.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator

from cobs import cobs

from device.bridge.session import Session
from lab.malformed.parts import DRILL, NONCE, make_firmware, real_frames
from protocol.records import NONCE_BYTES
from protocol.sample import SAMPLE_BYTES
from protocol.serial.frames import Decoder, Frame, FrameType, encode_frame
from protocol.serial.payloads import VERSION, Hello, pack_hello

BATCH = 500
SENSELESS_SHARE = 20
"""One frame in so many has a right checksum."""

Damage = Callable[[random.Random, bytes], bytes]


def _random(dice: random.Random, frame: bytes) -> bytes:  # noqa: ARG001
    return dice.randbytes(dice.randrange(1, 80))


def _flip(dice: random.Random, frame: bytes) -> bytes:
    at = dice.randrange(len(frame))
    return frame[:at] + bytes([frame[at] ^ 1 << dice.randrange(8)]) + frame[at + 1 :]


def _burst(dice: random.Random, frame: bytes) -> bytes:
    at = dice.randrange(len(frame))
    length = dice.randrange(1, 9)
    return frame[:at] + dice.randbytes(length) + frame[at + length :]


def _cut(dice: random.Random, frame: bytes) -> bytes:
    return frame[: dice.randrange(1, len(frame))]


def _tail(dice: random.Random, frame: bytes) -> bytes:
    return frame[dice.randrange(1, len(frame)) :]


def _missing(dice: random.Random, frame: bytes) -> bytes:
    at = dice.randrange(len(frame))
    return frame[:at] + frame[at + 1 :]


def _doubled(dice: random.Random, frame: bytes) -> bytes:
    at = dice.randrange(len(frame))
    return frame[:at] + frame[at : at + 1] + frame[at:]


def _run_together(dice: random.Random, frame: bytes) -> bytes:  # noqa: ARG001
    return frame + frame


def _recoded(dice: random.Random, frame: bytes) -> bytes:
    """Damaged before it was encoded: only the checksum can tell."""
    raw = bytearray(cobs.decode(frame))
    for _ in range(dice.randrange(1, 5)):
        raw[dice.randrange(len(raw))] ^= dice.randrange(1, 256)
    return bytes(cobs.encode(bytes(raw)))


def _endless(dice: random.Random, frame: bytes) -> bytes:
    return (frame * (2_000 // len(frame) + 1))[: dice.randrange(1_100, 2_000)]


DAMAGES: tuple[Damage, ...] = (
    *(_random, _flip, _burst, _cut, _tail, _missing, _doubled, _run_together, _recoded, _endless),
)
_WEIGHTS = [10, 20, 10, 8, 8, 8, 8, 2, 20, 1]


class Accepted(Exception):  # noqa: N818
    """What should have been refused was not."""


def damaged(dice: random.Random, count: int, tally: Counter[str]) -> int:
    """Feed damaged frames to a decoder; returns how many there were. Raises Accepted."""
    frames = real_frames()
    originals = set(frames)
    decoder = Decoder()
    done = 0
    while done < count:
        pieces: list[bytes] = []
        for damage in dice.choices(DAMAGES, _WEIGHTS, k=BATCH):
            made = damage(dice, dice.choice(frames))
            # A zero byte makes two frames of one.
            pieces += [piece for piece in made.split(b"\0") if piece and piece not in originals]
            tally[damage.__name__.strip("_").replace("_", " ")] += 1
        before = decoder.bad_frames
        found = decoder.feed(b"\0".join(pieces) + b"\0")
        if found:
            raise Accepted(f"a damaged frame was taken for {found[0]}")
        if decoder.bad_frames - before != len(pieces) or decoder.buffered:
            raise Accepted(f"{len(pieces)} frames, {decoder.bad_frames - before} counted as bad")
        done += len(pieces)
    return done


def another(dice: random.Random, value: int) -> bytes:
    """Any byte but this one."""
    return bytes([value ^ dice.randrange(1, 256)])


def _senseless_up(dice: random.Random) -> Iterator[tuple[str, FrameType, bytes]]:
    """What no controller says."""
    size = dice.randrange(200)
    hello = pack_hello(Hello(DRILL, 1, NONCE))
    status = bytes([VERSION]) + DRILL.to_bytes(4, "big")
    asked = NONCE.to_bytes(NONCE_BYTES, "big")
    while True:
        junk = dice.randbytes(dice.randrange(200))
        down = dice.choice((FrameType.LEASE, FrameType.INHIBIT, FrameType.CLOCK))
        yield "a word of the other side", down, junk
        yield "a hello of another size", FrameType.HELLO, hello[: dice.randrange(len(hello))]
        yield "a hello of another size", FrameType.HELLO, hello + junk[:50] + b"\0"
        yield "a hello of another version", FrameType.HELLO, another(dice, hello[0]) + hello[1:]
        yield (
            "a hello that asks nothing",
            FrameType.HELLO,
            hello[:-NONCE_BYTES] + bytes(NONCE_BYTES),
        )
        yield "a status of another version", FrameType.STATUS, another(dice, VERSION) + junk
        yield "a cut status", FrameType.STATUS, (status + asked + junk)[: dice.randrange(49)]
        yield "a state that is none", FrameType.STATUS, status + asked + b"\x09" * 29
        yield "a status that asks nothing", FrameType.STATUS, status + bytes(16) + b"\x02" * 29
        yield "a short acknowledgement", FrameType.ACK, junk[:11]
        yield "a text that is none", FrameType.ACK, bytes(12) + b"\xff" + junk[:50]
        size = 8 + SAMPLE_BYTES * dice.randrange(1, 9) + dice.choice((-1, 1, 7, 44))
        yield "samples of another size", FrameType.SAMPLE, dice.randbytes(size)
        # Level, flags or rpm of random bytes are never all in range: see the check of 0xFF below.
        yield "samples that are none", FrameType.SAMPLE, bytes(8) + b"\xff" * SAMPLE_BYTES


def _senseless_down(dice: random.Random) -> Iterator[tuple[str, FrameType, bytes]]:
    """What no edge box says, and leases that nobody signed."""
    while True:
        junk = dice.randbytes(dice.randrange(200))
        up = dice.choice((FrameType.HELLO, FrameType.SAMPLE, FrameType.STATUS))
        yield "a word of the other side", up, junk
        yield "a lease of another size", FrameType.LEASE, junk[:120]
        yield "a lease of the version before", FrameType.LEASE, dice.randbytes(105)
        yield "a lease that nobody signed", FrameType.LEASE, dice.randbytes(121)
        lease = b"".join(
            n.to_bytes(8, "big") for n in (DRILL, 1, 10**12, 10**12 + 5_000, dice.randrange(99))
        )
        answer = dice.choice((NONCE.to_bytes(NONCE_BYTES, "big"), bytes(NONCE_BYTES)))
        yield "a lease that nobody signed", FrameType.LEASE, lease + answer + dice.randbytes(65)
        yield "a clock of another size", FrameType.CLOCK, junk[:7]
        yield "a time that is none", FrameType.CLOCK, b"\xff" * 8
        yield "a text that is none", FrameType.INHIBIT, bytes(8) + b"\xff" + junk[:50]
        yield "a text too long", FrameType.INHIBIT, bytes(8) + b"a" * dice.randrange(201, 1_000)
        yield "a short acknowledgement", FrameType.ACK, junk[:11]


def senseless(dice: random.Random, count: int, tally: Counter[str]) -> int:
    """Feed frames with a right checksum to both ends; returns how many. Raises Accepted."""
    session, firmware = Session(DRILL), make_firmware()
    up, down = _senseless_up(dice), _senseless_down(dice)
    memory = firmware.drill.memory
    for number in range(count // 2):
        what, kind, payload = next(up)
        tally[what] += 1
        before = session.bad_frames
        samples = session.receive(encode_frame(Frame(kind, number, payload)), number)
        if samples or session.bad_frames != before + 1 or session.status is not None:
            raise Accepted(f"up: {what}: {kind.name} {payload.hex()}")
        what, kind, payload = next(down)
        tally[what] += 1
        firmware.receive(encode_frame(Frame(kind, number, payload)), 0)
        drill = firmware.drill
        if drill.controller.lease or drill.memory != memory or drill.clock.offset_ms is not None:
            raise Accepted(f"down: {what}: {kind.name} {payload.hex()}")
        firmware.uplink._acks.clear()
    return count // 2 * 2
