"""The meter word: what goes in comes out, and nothing wider than its place goes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RecordError, SignatureError
from protocol.meter_word import (
    ACTIVE_MS_BITS,
    REVOLUTIONS_BITS,
    UNTIL_BITS,
    SignedBatch,
    pack_meter,
    settle_arguments,
    unpack_meter,
)
from protocol.records import Reading, Registers

READING = Reading(5, 1_800_000_000_123, Registers(1, 2, 3, 4, 5, 6), 7, bytes(range(32)))


def signature(r: int, s: int, v: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


times = st.integers(0, 2**UNTIL_BITS - 1)
registers = st.builds(
    Registers,
    *[st.integers(0, 2**ACTIVE_MS_BITS - 1)] * 3,
    *[st.integers(0, 2**REVOLUTIONS_BITS - 1)] * 3,
)


@given(times, registers)
def test_pack_meter__any_reading__comes_out_again(until: int, values: Registers) -> None:
    word = pack_meter(until, values)
    assert word < 2**256
    assert unpack_meter(word) == (until, values)


@given(st.integers(0, 2**256 - 1))
def test_unpack_meter__any_word__packs_to_itself(word: int) -> None:
    assert pack_meter(*unpack_meter(word)) == word


def test_pack_meter__one_in_each_field__lies_where_the_contract_looks() -> None:
    word = pack_meter(1, Registers(1, 1, 1, 1, 1, 1))
    assert word == 1 | 1 << 43 | 1 << 80 | 1 << 117 | 1 << 154 | 1 << 188 | 1 << 222


@pytest.mark.parametrize(
    ("until", "values", "name"),
    [
        (2**43, Registers(), "until"),
        (0, Registers(active_ms_3=2**37), "active_ms_3"),
        (0, Registers(revolutions_1=2**34), "revolutions_1"),
    ],
)
def test_pack_meter__field_too_wide__named(until: int, values: Registers, name: str) -> None:
    with pytest.raises(RecordError, match=name):
        pack_meter(until, values)


@pytest.mark.parametrize("word", [-1, 2**256])
def test_unpack_meter__no_uint256__refused(word: int) -> None:
    with pytest.raises(RecordError, match="meter"):
        unpack_meter(word)


@pytest.mark.parametrize(("v", "high_bit"), [(27, 0), (28, 1)])
def test_settle_arguments__parity__is_the_highest_bit_of_vs(v: int, high_bit: int) -> None:
    heads, readings = settle_arguments([SignedBatch(3, (READING, READING), signature(1, 2, v))])
    assert heads == [(3, 2, (1).to_bytes(32, "big"), (2 | high_bit << 255).to_bytes(32, "big"))]
    word = pack_meter(READING.until, READING.registers)
    assert readings == [(5, word, 7, READING.log_root)] * 2


def test_settle_arguments__sixty_five_readings__refused() -> None:
    batches = [SignedBatch(1, (READING,) * 33, signature(1, 1, 27))] * 2
    with pytest.raises(RecordError, match="64 readings, not 66"):
        settle_arguments(batches)


def test_settle_arguments__malformed_signature__refused() -> None:
    with pytest.raises(SignatureError, match="v of a signature"):
        settle_arguments([SignedBatch(1, (READING,), signature(1, 1, 31))])
