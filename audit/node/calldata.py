"""The calldata of `settle` and `dispute`, taken apart.

settle(BatchSignature[] signatures, PackedReading[] readings)
    selector 4, offset of signatures 32, offset of readings 32; at each offset (counted from
    behind the selector) a length and so many times four words
dispute(PackedReading receipt, address key, bytes32 r, bytes32 vs)
    selector 4, seven words
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.node.decode import signature_hash

MOST = 64
"""Readings, and signatures, that `settle` takes."""

Words = tuple[int, int, int, int]


class CalldataError(ValueError):
    """Calldata that the function cannot have accepted."""


@dataclass(frozen=True, slots=True)
class PackedReading:
    """A reading as it travels."""

    rental: int
    meter: int
    log_size: int
    log_root: int


@dataclass(frozen=True, slots=True)
class BatchSignature:
    """One oracle's signature over the next `count` readings."""

    oracle: int
    count: int
    r: int
    vs: int


Batch = tuple[BatchSignature, tuple[PackedReading, ...]]


def is_call_of(function: str, content: bytes) -> bool:
    """Whether calldata calls the function."""
    return content[:4] == signature_hash(function, "function")[:4]


def settle_batches(content: bytes) -> list[Batch]:
    """The batches of a settlement; raises CalldataError."""
    body = content[4:]
    signatures = [BatchSignature(*words) for words in _fours(body, _number(body, 0))]
    readings = [PackedReading(*words) for words in _fours(body, _number(body, 32))]
    if sum(signature.count for signature in signatures) != len(readings):
        raise CalldataError("the signatures do not cover the readings")
    batches, place = [], 0
    for signature in signatures:
        batches.append((signature, tuple(readings[place : place + signature.count])))
        place += signature.count
    return batches


def dispute_arguments(content: bytes) -> tuple[PackedReading, str, int, int]:
    """Receipt, key, r and vs of a dispute; raises CalldataError."""
    body = content[4:]
    numbers = [_number(body, 32 * place) for place in range(7)]
    key = "0x" + f"{numbers[4]:040x}"
    return PackedReading(*numbers[:4]), key, numbers[5], numbers[6]


def _number(body: bytes, place: int) -> int:
    word = body[place : place + 32]
    if len(word) != 32:
        raise CalldataError("calldata that ends too early")
    return int.from_bytes(word, "big")


def _fours(body: bytes, offset: int) -> list[Words]:
    count = _number(body, offset)
    if count > MOST:
        raise CalldataError(f"{count} items, and at most {MOST} are taken")
    first = offset + 32
    return [
        (
            _number(body, place),
            _number(body, place + 32),
            _number(body, place + 64),
            _number(body, place + 96),
        )
        for place in range(first, first + 128 * count, 128)
    ]
