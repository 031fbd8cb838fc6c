"""Malformed MQTT messages to oracle and bridge: from strangers, and from who has the key."""

from __future__ import annotations

import json
import random
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, cast

from host.mqtt_client import Incoming
from lab.malformed.frames import Accepted, another
from lab.malformed.parts import DRILL, KEY, NONCE, NOW, Inbox, a_sample, make_bridge
from oracle.core import Core
from protocol.messages import (
    MAX_JSON_BYTES,
    Channel,
    InhibitMessage,
    JournalledMessage,
    LeaseMessage,
    StatusMessage,
    encode_samples,
    topic,
)
from protocol.sample import SAMPLE_BYTES
from protocol.sealing import seal

HEADER = 32
Made = tuple[str, str, bytes]
"""What is wrong, the topic, the payload."""


def _damaged(dice: random.Random, payload: bytes) -> bytes:
    """Something of it is otherwise."""
    at = dice.randrange(len(payload))
    match dice.randrange(4):
        case 0:
            return payload[:at] + bytes([payload[at] ^ 1 << dice.randrange(8)]) + payload[at + 1 :]
        case 1:
            return payload[:at]
        case 2:
            return payload[at + 1 :]
        case _:
            return payload[:at] + dice.randbytes(dice.randrange(1, 20)) + payload[at:]


def _sample_messages(dice: random.Random) -> Iterator[Made]:
    place = topic(DRILL, Channel.SAMPLE)
    good = encode_samples([a_sample(n) for n in range(5, 8)], 2, NONCE)
    sealed = seal(KEY, place, good)
    while True:
        yield "sealed and damaged", place, _damaged(dice, sealed)
        yield "not sealed", place, good
        yield "random bytes", place, dice.randbytes(dice.randrange(400))
        yield "sealed with another key", place, seal(dice.randbytes(32), place, good)
        other = topic(DRILL + 1, Channel.SAMPLE)
        yield "sealed for another drill", place, seal(KEY, other, good)
        yield "a drill of nobody's", topic(dice.randrange(8, 2**31), Channel.SAMPLE), sealed
        yield "another channel", f"drill/{DRILL}/{dice.choice(('lease', 'x', 'sample/x'))}x", sealed
        yield "no topic of ours", dice.choice(("", "/", "drill/07/sample", "drill/7", "é")), sealed
        for what, payload in _with_the_key(dice, good):
            yield what, place, seal(KEY, place, payload)


def _with_the_key(dice: random.Random, good: bytes) -> Iterator[tuple[str, bytes]]:
    """Sealed all right, and wrong: as from a bridge with a defect."""
    yield "sealed: cut", good[: dice.randrange(len(good))]
    yield "sealed: longer", good + dice.randbytes(dice.randrange(1, 300))
    yield "sealed: another magic", dice.randbytes(2).replace(b"SD", b"XX") + good[2:]
    yield "sealed: another version", good[:2] + another(dice, good[2]) + good[3:]
    yield "sealed: another number", good[:3] + bytes([dice.choice((0, 1, 2, 4, 65))]) + good[4:]
    yield "sealed: about another drill", good[:4] + dice.randbytes(3) + b"\xff" + good[8:]
    oldest = dice.choice((0, 6, 2**64 - 1))
    yield "sealed: oldest is none", good[:8] + struct.pack(">Q", oldest) + good[16:]
    first, second, third = (
        good[HEADER + n * SAMPLE_BYTES : HEADER + (n + 1) * SAMPLE_BYTES] for n in range(3)
    )
    yield "sealed: not in order", good[:HEADER] + second + first + third
    yield "sealed: a sample twice", good[:HEADER] + first + first + third
    for offset, bad in ((20, 0), (20, 4), (21, 3), (21, 8), (21, 255), (22, 128), (24, 255)):
        wrong = first[:offset] + bytes([bad]) + first[offset + 1 :]
        yield "sealed: a field out of range", good[:HEADER] + wrong + second + third


def _json_faults(
    dice: random.Random, good: bytes, nullable: str | None = None
) -> Iterator[tuple[str, bytes]]:
    """A JSON message with something wrong in it, never only otherwise; null is right for `nullable`
    alone."""
    fields: dict[str, Any] = json.loads(good)
    name = dice.choice(sorted(fields.keys() - {"kind"}))
    yield (
        "json: a field is missing",
        json.dumps({k: v for k, v in fields.items() if k != name}).encode(),
    )
    yield "json: a field too many", json.dumps(fields | {"more": 1}).encode()
    others: tuple[object, ...] = ([], {}, 1.5, -1, 2**63)
    for wrong in others if name == nullable else (None, *others):
        yield "json: a field of another type", json.dumps(fields | {name: wrong}).encode()
    yield "json: about another drill", json.dumps(fields | {"drill": DRILL + 1}).encode()
    yield "json: cut", good[: dice.randrange(len(good))]
    yield "json: more after it", good + dice.choice((b"}", b"x", good))
    yield "json: not text", dice.randbytes(dice.randrange(1, 200)) + b"\xff"
    yield "json: deep", b"[" * dice.randrange(100, 5_000)
    yield "json: too large", b" " * MAX_JSON_BYTES + good
    yield "json: not an object", dice.choice((b"null", b"[]", b"1", b'"a"', b"NaN", b""))


def _status_messages(dice: random.Random) -> Iterator[Made]:
    status = StatusMessage(
        drill=DRILL, online=True, link_up=True, state="A", reason="", sequence=1, time_ms=1
    )
    while True:
        for what, payload in _json_faults(dice, status.to_json()):
            yield f"status {what}", topic(DRILL, Channel.STATUS), payload


def _commands(dice: random.Random) -> Iterator[Made]:
    lease = LeaseMessage(
        drill=DRILL,
        rental=1,
        issued_at=NOW.time_ms,
        expires_at=NOW.time_ms + 5_000,
        block_number=42,
        nonce="0x" + 16 * "11",
        signature="0x" + 65 * "11",
        block_hash="0x" + 32 * "00",
        transaction_hash="0x" + 32 * "00",
        log_index=0,
    ).to_json()
    inhibit = InhibitMessage(drill=DRILL, rental=0, reason="no rental", time_ms=1).to_json()
    word = JournalledMessage(drill=DRILL, sequence=0, resend=False).to_json()
    place, journalled = topic(DRILL, Channel.LEASE), topic(DRILL, Channel.JOURNALLED)
    sealed = seal(KEY, journalled, word)
    never = JournalledMessage(drill=DRILL, sequence=dice.randrange(1, 2**62), resend=True)
    while True:
        for what, payload in _json_faults(dice, lease):
            yield f"lease {what}", place, payload
        for what, payload in _json_faults(dice, inhibit, "rental"):
            yield f"inhibit {what}", place, payload
        for what, payload in _json_faults(dice, word):
            yield f"journalled {what}", journalled, seal(KEY, journalled, payload)
        yield "sealed and damaged", journalled, _damaged(dice, sealed)
        yield "not sealed", journalled, word
        yield "sealed for another channel", journalled, seal(KEY, place, word)
        yield "never sent and journalled", journalled, seal(KEY, journalled, never.to_json())
        yield "a drill of nobody's", topic(DRILL + 1, Channel.LEASE), lease
        yield "another channel", topic(DRILL, Channel.SAMPLE), sealed
        yield "no topic of ours", "drill/7/lease/x", lease


class _Listed:
    """Stands for the metering of one drill."""

    orders: ClassVar[dict[int, None]] = {DRILL: None}
    drills = (DRILL,)


def to_oracle(dice: random.Random, count: int, tally: Counter[str]) -> int:
    """To the oracle's intake; returns how many. Raises Accepted."""
    core = object.__new__(Core)
    core.metering = cast("Any", _Listed())
    core.message_keys = {DRILL: KEY}
    core.counters, core._status = type("C", (), {"samples": 0, "bad_messages": 0})(), {}
    sources = (_sample_messages(dice), _status_messages(dice))
    for number in range(count):
        what, place, payload = next(sources[number % 4 == 3])
        tally[f"oracle: {what}"] += 1
        taken = core._parse([Incoming(place, payload)])
        if taken or core._status or core.counters.bad_messages != number + 1:
            raise Accepted(f"oracle: {what}: {place} {payload[:200]!r}")
    return count


def to_bridge(dice: random.Random, count: int, tally: Counter[str]) -> int:
    """To the bridge; returns how many. Raises Accepted."""
    inbox = Inbox()
    with TemporaryDirectory() as folder:
        bridge, session, spool = make_bridge(Path(folder), inbox)
        with closing(spool):
            source = _commands(dice)
            for number in range(count):
                what, place, payload = next(source)
                tally[f"bridge: {what}"] += 1
                bridge._receive(Incoming(place, payload), NOW)
                if bridge.refused_messages != number + 1 or session._command is not None:
                    raise Accepted(f"bridge: {what}: {place} {payload[:200]!r}")
    return count
