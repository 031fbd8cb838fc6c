"""A sample as a row of the journal: as it came, and behind it four bytes of checksum.

    0   96  the sample (`protocol.sample`)
    96   4  CRC-32 of drill, sequence and time, each as 8 bytes big endian, and the sample

A disk may change a bit and say nothing. Rows of older versions have no checksum; drill, sequence
and time, which are columns of their own, are held against the sample instead.
"""

from __future__ import annotations

import struct
import zlib

from protocol.errors import SampleError
from protocol.sample import SAMPLE_BYTES, decode_sample

_PLACE = struct.Struct(">QQQ")
CHECK_BYTES = 4


def checksum(*parts: bytes) -> bytes:
    """CRC-32 of the parts one after another."""
    value = 0
    for part in parts:
        value = zlib.crc32(part, value)
    return value.to_bytes(CHECK_BYTES, "big")


def pack_row(drill: int, sequence: int, time_ms: int, raw: bytes) -> bytes:
    """What is stored of a sample beside its columns."""
    return raw + checksum(_PLACE.pack(drill, sequence, time_ms), raw)


def raw_of_row(drill: int, sequence: int, time_ms: int, stored: bytes) -> bytes:
    """The sample as it came; raises SampleError when this is not what was stored."""
    raw = bytes(stored[:SAMPLE_BYTES])
    if len(stored) == SAMPLE_BYTES:
        intact = _agrees(drill, sequence, time_ms, raw)
    else:
        intact = pack_row(drill, sequence, time_ms, raw) == stored
    if not intact:
        raise SampleError(f"sample {sequence} of drill {drill} was changed in the journal")
    return raw


def _agrees(drill: int, sequence: int, time_ms: int, raw: bytes) -> bool:
    try:
        sample = decode_sample(raw)
    except SampleError:
        return False
    return (sample.drill, sample.sequence, sample.time_ms) == (drill, sequence, time_ms)
