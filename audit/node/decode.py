"""Log entries into events, by the contract's generated interface.

Every field of our events is one word, but for a text at the end (`String`) and a tariff's levels,
three times three words. So decoding is cutting into words; eth-abi takes twenty times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_hash.auto import keccak

from audit.node.logs import Log
from protocol.abi import drill_meter_abi

WORD = 64
"""Hexadecimal digits."""


class DecodeError(ValueError):
    """A log entry that no DrillMeter writes."""


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event: numbers as int, addresses and bytes32 as lower-case text.

    `timestamp` is that of the block, Unix s.
    """

    name: str
    args: dict[str, Any]
    log: Log
    timestamp: int

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"block {self.log.block}, log {self.log.index}"


@dataclass(frozen=True, slots=True)
class _Shape:
    name: str
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]


def _type(entry: dict[str, Any]) -> str:
    """The canonical type, structs as tuples of theirs."""
    kind: str = entry["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(part) for part in entry["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


@cache
def signature_hash(name: str, kind: str) -> bytes:
    """Keccak-256 of an event's or a function's signature; raises KeyError for one we lack."""
    for entry in drill_meter_abi():
        if entry["type"] == kind and entry["name"] == name:
            types = ",".join(_type(part) for part in entry["inputs"])
            return keccak(f"{name}({types})".encode())
    raise KeyError(name)


@cache
def shapes() -> dict[str, _Shape]:
    """All events by their first topic."""
    found = {}
    for entry in drill_meter_abi():
        if entry["type"] == "event":
            fields = [(i["name"], _type(i), i["indexed"]) for i in entry["inputs"]]
            found["0x" + signature_hash(entry["name"], "event").hex()] = _Shape(
                entry["name"],
                tuple((name, kind) for name, kind, indexed in fields if indexed),
                tuple((name, kind) for name, kind, indexed in fields if not indexed),
            )
    return found


def decode(log: Log, timestamp: int) -> Event:
    """The event of a log entry; raises DecodeError."""
    shape = shapes().get(log.topics[0]) if log.topics else None
    if shape is None:
        raise DecodeError(f"unknown event {log.topics[:1]}")
    if len(log.topics) != 1 + len(shape.indexed):
        raise DecodeError(f"{shape.name} with {len(log.topics)} topics")
    args: dict[str, Any] = {}
    for (name, kind), topic in zip(shape.indexed, log.topics[1:], strict=True):
        args[name] = _value(kind, topic[2:])
    body, place = log.data[2:], 0
    for name, kind in shape.plain:
        if kind == "string":
            args[name] = _text(body, place)
            place = len(body)
        elif kind == "(uint256,uint256,uint256)[3]":
            words = [int(_word(body, place + n * WORD), 16) for n in range(9)]
            args[name] = tuple((words[n], words[n + 1], words[n + 2]) for n in (0, 3, 6))
            place += 9 * WORD
        else:
            args[name] = _value(kind, _word(body, place))
            place += WORD
    if place != len(body):
        raise DecodeError(f"{shape.name} with {len(body) // 2} bytes of data")
    return Event(shape.name, args, log, timestamp)


def _word(body: str, place: int) -> str:
    word = body[place : place + WORD]
    if len(word) != WORD:
        raise DecodeError("data that ends too early")
    return word


def _value(kind: str, word: str) -> Any:
    if kind == "uint256":
        return int(word, 16)
    if kind == "bytes32":
        return "0x" + word
    if kind == "address" and word.startswith("0" * 24):
        return "0x" + word[24:]
    if kind == "bool" and int(word, 16) < 2:
        return int(word, 16) == 1
    raise DecodeError(f"a {kind} of {word}")


def _text(body: str, place: int) -> str:
    offset = int(_word(body, place), 16) * 2
    size = int(_word(body, offset), 16)
    text = body[offset + WORD : offset + WORD + 2 * size]
    padded = -(-size // 32) * WORD
    if len(text) != 2 * size or len(body) != offset + WORD + padded:
        raise DecodeError("a text that is cut short")
    # Whoever wrote it may have put anything into it, and a report should still be readable.
    return bytes.fromhex(text).decode("utf-8", "backslashreplace")
