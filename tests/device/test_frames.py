"""The serial codec and the payloads: round trips, garbage, splits, flipped bits."""

from __future__ import annotations

import contextlib
import random
import struct

import pytest
from device_builders import NONCE, make_sample
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import FrameError
from protocol.records import Lease
from protocol.sample import encode_sample
from protocol.serial.frames import (
    MAX_ENCODED_BYTES,
    MAX_PAYLOAD_BYTES,
    Decoder,
    Frame,
    FrameType,
    decode_frame,
    encode_frame,
)
from protocol.serial.payloads import (
    Ack,
    ControllerState,
    Hello,
    Samples,
    Status,
    cut_text,
    pack_ack,
    pack_clock,
    pack_hello,
    pack_lease,
    pack_samples,
    pack_status,
    parse_ack,
    parse_clock,
    parse_hello,
    parse_lease,
    parse_samples,
    parse_status,
    parse_text,
)

FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameType),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=MAX_PAYLOAD_BYTES),
)


@given(st.lists(FRAMES, max_size=5), st.data())
def test_feed__frames_split_at_any_byte__gives_the_same_frames(
    frames: list[Frame], data: st.DataObject
) -> None:
    stream = b"".join(encode_frame(frame) for frame in frames)
    cut = data.draw(st.integers(0, len(stream)))
    decoder = Decoder()
    assert decoder.feed(stream[:cut]) + decoder.feed(stream[cut:]) == frames
    assert decoder.bad_frames == 0


def test_feed__one_byte_at_a_time__gives_the_frame() -> None:
    frame = Frame(FrameType.SAMPLE, 7, bytes(range(256)))
    decoder = Decoder()
    found = [f for byte in encode_frame(frame) for f in decoder.feed(bytes([byte]))]
    assert found == [frame]


@given(st.binary(max_size=5000))
def test_feed__garbage__never_raises_and_never_grows(garbage: bytes) -> None:
    decoder = Decoder()
    for start in range(0, len(garbage), 100):
        decoder.feed(garbage[start : start + 100])
        assert decoder.buffered <= MAX_ENCODED_BYTES


@given(st.binary(min_size=1, max_size=300), FRAMES)
def test_feed__frame_after_garbage_and_delimiter__is_found(garbage: bytes, frame: Frame) -> None:
    found = Decoder().feed(garbage + b"\x00" + encode_frame(frame))
    assert found[-1] == frame


def test_feed__endless_run_without_delimiter__is_dropped_once_and_resynchronises() -> None:
    decoder = Decoder()
    for _ in range(1000):
        decoder.feed(b"\x01" * 1000)
        assert decoder.buffered <= MAX_ENCODED_BYTES
    frame = Frame(FrameType.ACK, 1, b"x")
    assert decoder.feed(b"\x00" + encode_frame(frame)) == [frame]
    assert decoder.bad_frames == 1


@given(FRAMES, st.data())
def test_feed__one_flipped_bit__gives_no_other_frame(frame: Frame, data: st.DataObject) -> None:
    encoded = bytearray(encode_frame(frame))
    bit = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    decoder = Decoder()
    found = decoder.feed(bytes(encoded) + b"\x00")
    # a flip in the delimiter only joins it to an empty frame
    assert found in ([], [frame])


def test_feed__random_frames_of_a_seed__accepts_none() -> None:
    noise, decoder = random.Random(1), Decoder()  # noqa: S311  noise
    for _ in range(50_000):
        assert not decoder.feed(
            noise.randbytes(noise.randrange(1, 60)).replace(b"\x00", b"") + b"\x00"
        )


def test_feed__delimiters_only__is_no_error() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x00" * 100) == []
    assert decoder.bad_frames == 0


def test_encode_frame__payload_too_long__is_refused() -> None:
    with pytest.raises(FrameError, match="at most 1024"):
        encode_frame(Frame(FrameType.SAMPLE, 0, b"x" * (MAX_PAYLOAD_BYTES + 1)))


def test_encode_frame__number_out_of_range__is_refused() -> None:
    with pytest.raises(FrameError, match="frame number"):
        encode_frame(Frame(FrameType.ACK, 2**32, b""))


@pytest.mark.parametrize("encoded", [b"", b"\x05abcd", b"\x09abc"])
def test_decode_frame__too_short_or_no_cobs__is_refused(encoded: bytes) -> None:
    with pytest.raises(FrameError):
        decode_frame(encoded)


def test_decode_frame__unknown_type__is_refused() -> None:
    encoded = bytearray(encode_frame(Frame(FrameType.ACK, 0, b"")))
    frame = decode_frame(bytes(encoded[:-1]))
    assert frame.type is FrameType.ACK
    object.__setattr__(frame, "type", 0x7F)
    with pytest.raises(FrameError, match="unknown frame type 0x7f"):
        decode_frame(encode_frame(frame)[:-1])


def test_payloads__all_kinds__survive_the_round_trip() -> None:
    hello = Hello(7, 123, NONCE)
    status = Status(7, NONCE, ControllerState.COASTING, 5, 6, 1, 2, 3, "lease expired")
    ack = Ack(9, 12, "no")
    lease, signature = Lease(7, 1, 1000, 2000, 5, 2**128 - 1), bytes(range(65))
    samples = Samples(3, (make_sample(4), make_sample(6)))
    assert parse_hello(pack_hello(hello)) == hello
    assert parse_status(pack_status(status)) == status
    assert parse_ack(pack_ack(ack)) == ack
    assert parse_lease(pack_lease(lease, signature)) == (lease, signature)
    assert parse_clock(pack_clock(1_700_000_000_123)) == 1_700_000_000_123
    encoded = [encode_sample(sample) for sample in samples.samples]
    assert parse_samples(pack_samples(3, encoded)) == samples


@given(st.binary(max_size=300))
def test_parse__any_bytes__parses_or_raises_frame_error(payload: bytes) -> None:
    for parse in (
        parse_hello,
        parse_status,
        parse_ack,
        parse_lease,
        parse_clock,
        parse_samples,
        parse_text,
    ):
        with contextlib.suppress(FrameError):
            parse(payload)


def test_parse_samples__sequence_falls_within_a_frame__is_refused() -> None:
    payload = pack_samples(1, [encode_sample(make_sample(2)), encode_sample(make_sample(1))])
    with pytest.raises(FrameError, match="sample 1 after 2"):
        parse_samples(payload)


def test_parse_lease__expires_before_it_is_issued__is_refused() -> None:
    payload = bytearray(pack_lease(Lease(1, 1, 10, 20, 1, NONCE), bytes(65)))
    payload[16:24] = (30).to_bytes(8, "big")
    with pytest.raises(FrameError, match="must expire after"):
        parse_lease(bytes(payload))


@pytest.mark.parametrize(("rental", "nonce"), [(2**64, NONCE), (1, 2**128)])
def test_pack_lease__field_over_its_bits__is_refused(rental: int, nonce: int) -> None:
    with pytest.raises(FrameError, match="does not fit"):
        pack_lease(Lease(1, rental, 10, 20, 1, nonce), bytes(65))


def test_parse__nonce_of_0__is_refused() -> None:
    hello = pack_hello(Hello(7, 123, 0))
    status = pack_status(Status(7, 0, ControllerState.READY, 5, 6, 1, 2, 3, ""))
    lease = pack_lease(Lease(7, 1, 1000, 2000, 5, 0), bytes(65))
    for parse, payload in ((parse_hello, hello), (parse_status, status), (parse_lease, lease)):
        with pytest.raises(FrameError, match="never 0"):
            parse(payload)


def test_parse_hello__version_before__is_refused_by_its_number() -> None:
    with pytest.raises(FrameError, match="speaks version 2, this side 3"):
        parse_hello(struct.pack(">BIQ", 2, 7, 123))


def test_parse_status__version_before__is_refused() -> None:
    former = struct.pack(">IBQQIII", 7, 2, 5, 6, 1, 2, 3) + b"a reason longer than a nonce"
    with pytest.raises(FrameError, match="speaks version 2 or older, this side 3"):
        parse_status(former)


def test_parse_lease__version_before__is_refused_by_its_size() -> None:
    former = struct.pack(">5Q65s", 7, 1, 10, 20, 5, bytes(65))
    with pytest.raises(FrameError, match="121 bytes, not 105"):
        parse_lease(former)


@given(st.text(max_size=400))
def test_cut_text__any_text__is_utf8_of_at_most_200_bytes(text: str) -> None:
    data = cut_text(text)
    assert len(data) <= 200
    assert text.encode(errors="replace").startswith(data)
    parse_text(data)
