"""The meter word: `until` and the six registers of a reading as the contract takes them.

    bits     field          width
    0        until          43     Unix ms
    43       active_ms_1    37
    80       active_ms_2    37
    117      active_ms_3    37
    154      revolutions_1  34
    188      revolutions_2  34
    222      revolutions_3  34

What an oracle signs is the typed data with every field in the clear; the word is how a reading
travels in calldata, lies in storage and stands in the event `UsageSettled`.
Source: contracts/modules/meter.vy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.errors import RecordError
from protocol.records import Reading, Registers, require_uint
from protocol.typed_data import P256_MARKS, split_signature

UNTIL_BITS = 43
ACTIVE_MS_BITS = 37
REVOLUTIONS_BITS = 34

_WIDTHS = (UNTIL_BITS, *[ACTIVE_MS_BITS] * 3, *[REVOLUTIONS_BITS] * 3)
_NAMES = ("until", *Registers.__dataclass_fields__)

MAX_READINGS = 64
"""Readings in one settlement, as in the contract."""


def pack_meter(until: int, registers: Registers) -> int:
    """The word; raises RecordError when a field is wider than its place."""
    word, shift = 0, 0
    for name, value, width in zip(_NAMES, (until, *registers.as_tuple()), _WIDTHS, strict=True):
        word |= require_uint(name, value, width) << shift
        shift += width
    return word


def unpack_meter(word: int) -> tuple[int, Registers]:
    """Return (`until`, registers); raises RecordError for what is not a uint256."""
    require_uint("meter", word)
    values = []
    for width in _WIDTHS:
        values.append(word & ((1 << width) - 1))
        word >>= width
    return values[0], Registers(*values[1:])


@dataclass(frozen=True, slots=True)
class SignedBatch:
    """Readings of one oracle under its 65-byte signature."""

    oracle: int
    readings: tuple[Reading, ...]
    signature: bytes


SettleArguments = tuple[list[tuple[int, int, bytes, bytes]], list[tuple[int, int, int, bytes]]]


def settle_arguments(batches: Sequence[SignedBatch]) -> SettleArguments:
    """The two arguments of `settle`: signatures (oracle, count, r, vs) and packed readings.

    Raises RecordError for more than 64 readings or a register too wide, SignatureError for a
    malformed signature.
    """
    signatures, readings = [], []
    for batch in batches:
        v, r, s = split_signature(batch.signature)
        vs = s if v in P256_MARKS else s | (v - 27) << 255
        signatures.append(
            (batch.oracle, len(batch.readings), r.to_bytes(32, "big"), vs.to_bytes(32, "big"))
        )
        readings += [
            (x.rental, pack_meter(x.until, x.registers), x.log_size, x.log_root)
            for x in batch.readings
        ]
    if len(readings) > MAX_READINGS:
        raise RecordError(f"a settlement takes {MAX_READINGS} readings, not {len(readings)}")
    return signatures, readings
