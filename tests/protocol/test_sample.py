"""The binary sample: one encoding for one sample, and nothing else is a sample."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import SampleError
from protocol.records import Registers
from protocol.sample import (
    MAX_RENTAL,
    MAX_RPM,
    MAX_SEQUENCE,
    MAX_TIME_MS,
    SAMPLE_BYTES,
    ControllerFault,
    Sample,
    decode_sample,
    encode_sample,
)

u64 = st.integers(0, 2**64 - 1)
i32 = st.integers(-(2**31), 2**31 - 1)
samples = st.builds(
    Sample,
    sequence=st.integers(1, MAX_SEQUENCE),
    time_ms=st.integers(0, MAX_TIME_MS),
    drill=st.integers(1, 2**32 - 1),
    level=st.integers(1, 3),
    motor_on=st.booleans(),
    trigger=st.booleans(),
    inhibited=st.booleans(),
    fault_flags=st.integers(0, sum(ControllerFault)).map(ControllerFault),
    rpm=st.integers(0, MAX_RPM),
    torque_mnm=i32,
    current_ma=i32,
    temperature_mc=i32,
    rental=st.integers(0, MAX_RENTAL),
    odometer=st.builds(Registers, *[u64] * 6),
)
ORDINARY = Sample(
    sequence=7,
    time_ms=1_790_000_000_000,
    drill=1,
    level=2,
    motor_on=True,
    trigger=True,
    inhibited=False,
    fault_flags=ControllerFault.NONE,
    rpm=798,
    torque_mnm=7_104,
    current_ma=3_312,
    temperature_mc=41_250,
    rental=3,
    odometer=Registers(1, 2, 3, 4, 5, 6),
)


@given(samples)
def test_decode_sample__encoded_sample__is_the_same(sample: Sample) -> None:
    data = encode_sample(sample)
    assert len(data) == SAMPLE_BYTES == 96
    assert decode_sample(data) == sample


@given(st.binary(min_size=SAMPLE_BYTES, max_size=SAMPLE_BYTES))
def test_decode_sample__any_96_bytes__are_refused_or_encode_to_themselves(data: bytes) -> None:
    try:
        sample = decode_sample(data)
    except SampleError:
        return
    assert encode_sample(sample) == data


@given(samples, st.data())
def test_decode_sample__likely_bytes__encode_to_themselves(
    sample: Sample, data: st.DataObject
) -> None:
    # Random bytes are hardly ever a sample; one altered byte of a sample often is.
    altered = bytearray(encode_sample(sample))
    altered[data.draw(st.integers(0, SAMPLE_BYTES - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_sample(bytes(altered))
    except SampleError:
        return
    assert encode_sample(decoded) == bytes(altered)


@pytest.mark.parametrize("size", [0, 1, 88, 95, 97, 192])
def test_decode_sample__wrong_length__is_refused(size: int) -> None:
    with pytest.raises(SampleError, match=f"has 96 bytes, not {size}"):
        decode_sample(bytes(size))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (7, 0, "sequence must lie in 1"),
        (0, 128, "sequence must lie in 1"),
        (10, 8, "time_ms must lie in 0"),
        (19, 0, "drill numbers start at 1"),
        (20, 0, "level 0, not 1 .. 3"),
        (20, 4, "level 4, not 1 .. 3"),
        (21, 0x28, "unknown flags 0x28"),
        (21, 0x03, "of layout 0, not of layout 2"),
        (40, 128, "rental must lie in 0"),
        (23, 32, "unknown fault flags 0x0020"),
        (24, 1, "over 1000000"),
    ],
)
def test_decode_sample__field_out_of_range__is_refused(
    offset: int, value: int, message: str
) -> None:
    data = bytearray(encode_sample(ORDINARY))
    data[offset] = value
    with pytest.raises(SampleError, match=message):
        decode_sample(bytes(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequence": 0}, "sequence must lie in 1"),
        ({"sequence": 2**63}, "sequence must lie in 1"),
        ({"time_ms": -1}, "time_ms must lie in 0"),
        ({"time_ms": 2**43}, "time_ms must lie in 0"),
        ({"drill": 0}, "drill numbers start at 1"),
        ({"drill": 2**32}, "does not fit"),
        ({"level": 0}, "level 0"),
        ({"level": 4}, "level 4"),
        ({"rpm": -1}, "does not fit"),
        ({"rpm": MAX_RPM + 1}, "over 1000000"),
        ({"torque_mnm": 2**31}, "does not fit"),
        ({"current_ma": -(2**31) - 1}, "does not fit"),
        ({"odometer": Registers(2**64)}, "does not fit"),
    ],
)
def test_encode_sample__field_out_of_range__is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(SampleError, match=message):
        encode_sample(replace(ORDINARY, **change))  # type: ignore[arg-type]
