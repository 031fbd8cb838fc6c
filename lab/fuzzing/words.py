"""The contract's ABI by hand: calldata in, events and views out, as plain integers.

The general codec takes longer for one call than the contract does. Every value is one word: an
address or a bytes32 is an integer here, a struct is its fields one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple

WORD = 32
Event = tuple[Any, ...]
"""An event's name and its arguments in the order of the ABI, structs flattened."""

Reading = tuple[int, ...]
"""rental, until, active_ms 1 to 3, revolutions 1 to 3, log_size, log_root."""

_WIDTHS = (43, 37, 37, 37, 34, 34, 34)
_READING_TYPE = (
    b"UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,"
    b"uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,"
    b"uint256 log_size,bytes32 log_root)"
)
READING_TYPEHASH = keccak(_READING_TYPE)
BATCH_TYPEHASH = keccak(b"UsageBatch(UsageReading[] readings)" + _READING_TYPE)
DOMAIN_TYPEHASH = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


def words(*values: int) -> bytes:
    """Each value as one word."""
    return b"".join([v.to_bytes(WORD, "big") for v in values])


def numbers(data: bytes) -> tuple[int, ...]:
    """The words of some data."""
    return tuple(
        [int.from_bytes(data[i : i + WORD], "big") for i in range(0, len(data), WORD)],
    )


def tail(data: bytes) -> bytes:
    """Bytes as the tail of an encoding: length, content, padding."""
    return words(len(data)) + data + bytes(-len(data) % WORD)


def text(data: bytes, offset: int) -> str:
    """The string whose length stands at an offset."""
    length = int.from_bytes(data[offset : offset + WORD], "big")
    return data[offset + WORD : offset + WORD + length].decode()


def meter_word(reading: Reading) -> int:
    """`until` and the registers of a reading in one word."""
    word, shift = 0, 0
    for value, width in zip(reading[1:8], _WIDTHS, strict=True):
        assert value >> width == 0, f"{value} does not fit {width} bits"
        word |= value << shift
        shift += width
    return word


def domain_separator(chain_id: int, contract: int, name: bytes = b"DrillMeter") -> bytes:
    """Where a signature is valid."""
    names = keccak(name) + keccak(b"1")
    return bytes(keccak(DOMAIN_TYPEHASH + names + words(chain_id, contract)))


def typed_digest(domain: bytes, struct: bytes) -> bytes:
    """The digest of an encoded struct (its type's hash first)."""
    return bytes(keccak(b"\x19\x01" + domain + keccak(struct)))


def batch_digest(domain: bytes, readings: Iterable[Reading]) -> bytes:
    """What an oracle signs for a batch."""
    hashes = b"".join([keccak(READING_TYPEHASH + words(*reading)) for reading in readings])
    return typed_digest(domain, BATCH_TYPEHASH + keccak(hashes))


def settle_arguments(
    signatures: Sequence[tuple[int, int, int, int]], readings: Sequence[Reading]
) -> bytes:
    """The arguments of `settle`: (oracle, count, r, vs) each, then the readings."""
    packed = [words(r[0], meter_word(r), r[8], r[9]) for r in readings]
    signed = [words(*signature) for signature in signatures]
    return b"".join(
        (
            words(64, 96 + 128 * len(signed), len(signed)),
            *signed,
            words(len(packed)),
            *packed,
        )
    )


class Interface:
    """Selectors and event layouts of an ABI."""

    def __init__(self, abi: list[dict[str, Any]]) -> None:
        self.selectors: dict[str, bytes] = {}
        self._events: dict[bytes, tuple[str, list[tuple[str, int]]]] = {}
        for entry in abi:
            if entry["type"] == "function":
                self.selectors.setdefault(entry["name"], keccak(_signature(entry))[:4])
            elif entry["type"] == "event":
                self._events[keccak(_signature(entry))] = (entry["name"], _layout(entry["inputs"]))

    @property
    def events(self) -> list[str]:
        """The names of all events."""
        return [name for name, _ in self._events.values()]

    def decode(self, topics: list[bytes], data: bytes) -> Event:
        """One log entry."""
        name, layout = self._events[bytes(topics[0])]
        found: list[Any] = [name]
        for place, index in layout:
            if place == "topic":
                found.append(int.from_bytes(topics[index], "big"))
            elif place == "word":
                found.append(int.from_bytes(data[index : index + WORD], "big"))
            else:
                offset = int.from_bytes(data[index : index + WORD], "big")
                found.append(text(data, offset))
        return tuple(found)


def _signature(entry: dict[str, Any]) -> bytes:
    types = ",".join(collapse_if_tuple(i) for i in entry["inputs"])
    return f"{entry['name']}({types})".encode()


def _layout(inputs: list[dict[str, Any]]) -> list[tuple[str, int]]:
    layout: list[tuple[str, int]] = []
    topic, offset = 1, 0
    for field in inputs:
        if field["indexed"]:
            layout.append(("topic", topic))
            topic += 1
            continue
        if field["type"] == "string":
            layout.append(("string", offset))
            offset += WORD
            continue
        for _ in range(_width(field)):
            layout.append(("word", offset))
            offset += WORD
    return layout


def _width(field: dict[str, Any]) -> int:
    """How many words a static type takes."""
    kind = field["type"]
    if kind.endswith("]"):
        count = int(kind[kind.rindex("[") + 1 : -1])
        return count * _width(field | {"type": kind[: kind.rindex("[")]})
    if kind == "tuple":
        return sum(_width(c) for c in field["components"])
    return 1
