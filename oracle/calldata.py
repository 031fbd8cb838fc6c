"""How readings and signatures travel to the contract: packed words, as `settle` takes them.

    meter word, least significant first: until 43, active_ms 3 x 37, revolutions 3 x 34
    vs: s with the parity of v in the highest bit (EIP-2098)

Source: contracts/modules/meter.vy and IDrillMeter.vyi.
"""

from __future__ import annotations

from collections.abc import Sequence

from protocol.errors import RecordError
from protocol.records import Reading
from protocol.typed_data import split_signature

UNTIL_BITS, ACTIVE_BITS, REVOLUTION_BITS = 43, 37, 34

PackedReading = tuple[int, int, int, bytes]
PackedSignature = tuple[int, int, bytes, bytes]


def meter_word(reading: Reading) -> int:
    """`until` and the six registers in one word; raises RecordError when one does not fit."""
    word, shift = 0, 0
    fields = [(reading.until, UNTIL_BITS)]
    fields += [(value, ACTIVE_BITS) for value in reading.registers.active_ms]
    fields += [(value, REVOLUTION_BITS) for value in reading.registers.revolutions]
    for value, bits in fields:
        if value >= 1 << bits:
            raise RecordError(
                f"rental {reading.rental}: {value} does not fit {bits} bits of the meter word; "
                "the rental has to be ended"
            )
        word |= value << shift
        shift += bits
    return word


def pack_readings(readings: Sequence[Reading]) -> list[PackedReading]:
    """The readings as the contract's PackedReading."""
    return [
        (reading.rental, meter_word(reading), reading.log_size, reading.log_root)
        for reading in readings
    ]


def pack_signature(oracle: int, count: int, signature: bytes) -> PackedSignature:
    """One signature over `count` readings as the contract's BatchSignature."""
    v, r, s = split_signature(signature)
    return oracle, count, r.to_bytes(32, "big"), (s | (v - 27) << 255).to_bytes(32, "big")
