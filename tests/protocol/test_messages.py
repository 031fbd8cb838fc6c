"""MQTT topics and payloads: what is ours goes through unchanged, anything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from protocol.errors import MessageError
from protocol.messages import (
    MAX_JSON_BYTES,
    MAX_SAMPLES_PER_MESSAGE,
    Channel,
    CreditWarning,
    EventMessage,
    InhibitMessage,
    JournalledMessage,
    LeaseMessage,
    ReadingMessage,
    SampleMessage,
    StatusMessage,
    decode_samples,
    encode_samples,
    parse_command,
    parse_message,
    parse_topic,
    topic,
)
from protocol.records import Domain, Lease, Reading, Registers
from protocol.sample import ControllerFault, Sample

NOW = 1_790_000_000_000
NONCE = 2**127 + 5
HASH, SIGNATURE, ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 65, "0x" + "Ef" * 20
SAMPLE = Sample(
    1, NOW, 7, 1, True, True, False, ControllerFault.NONE, 2500, 1000, 900, 30_000, 3, Registers(1)
)

JOURNALLED = JournalledMessage(drill=7, sequence=12, resend=True)
STATUS = StatusMessage(
    drill=7, online=True, link_up=True, state="READY", reason="", sequence=4, time_ms=NOW
)
LEASE = LeaseMessage(
    drill=7,
    rental=3,
    issued_at=NOW,
    expires_at=NOW + 4000,
    block_number=12,
    nonce=f"0x{NONCE:032x}",
    signature=SIGNATURE,
    block_hash=HASH,
    transaction_hash=HASH,
    log_index=2,
)
INHIBIT = InhibitMessage(drill=7, rental=3, reason="exhausted", time_ms=NOW)
READING = ReadingMessage(
    chain_id=31337,
    contract=ADDRESS,
    drill=7,
    oracle=1,
    rental=3,
    until=NOW,
    active_ms_1=1,
    active_ms_2=2,
    active_ms_3=3,
    revolutions_1=4,
    revolutions_2=5,
    revolutions_3=6,
    log_size=9,
    log_root=HASH,
    signature=SIGNATURE,
    charge=str(10**30),
    balance="0",
    headroom="-5",
    runway_seconds=0,
    settled_until=NOW - 1,
    settled_charge="17",
    warning=CreditWarning.EXHAUSTED,
)
EVENT = EventMessage(drill=7, time_ms=NOW, event="locked", reason="exhausted")
MESSAGES = [JOURNALLED, STATUS, LEASE, INHIBIT, READING, EVENT]


def names(message: BaseModel) -> str:
    return type(message).__name__


@given(st.integers(1, 2**32 - 1), st.sampled_from(Channel))
def test_parse_topic__own_topic__is_understood(drill: int, channel: Channel) -> None:
    assert parse_topic(topic(drill, channel)) == (drill, channel)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drill",
        "drill/1",
        "drill/1/",
        "drill/0/sample",
        "drill/01/sample",
        "drill/-1/sample",
        "drill/1/other",
        "drill/1/sample/more",
        "/drill/1/sample",
        "drill/1/Sample",
        "drill/1/sample\n",
        "drill/+/sample",
        "drill/\u0661/sample",
        "drill/12345678901/sample",
        "x" * 10_000,
    ],
)
def test_parse_topic__anything_else__is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="not a topic of this protocol"):
        parse_topic(text)


@pytest.mark.parametrize("count", [1, 2, MAX_SAMPLES_PER_MESSAGE])
def test_decode_samples__encoded_samples__are_the_same(count: int) -> None:
    samples = tuple(replace(SAMPLE, sequence=4 + n * n) for n in range(1, count + 1))
    payload = encode_samples(samples, 3, NONCE)
    assert len(payload) == 32 + 96 * count
    assert decode_samples(7, payload) == SampleMessage(3, NONCE, samples)


@pytest.mark.parametrize("count", [0, MAX_SAMPLES_PER_MESSAGE + 1])
def test_encode_samples__too_few_or_many__is_refused(count: int) -> None:
    with pytest.raises(MessageError, match=f"not {count}"):
        encode_samples([replace(SAMPLE, sequence=n + 1) for n in range(count)], 1, NONCE)


@pytest.mark.parametrize("sequences", [(1, 1), (2, 1)])
def test_encode_samples__sequence_that_does_not_rise__is_refused(
    sequences: tuple[int, int],
) -> None:
    with pytest.raises(MessageError, match="in one message"):
        encode_samples([replace(SAMPLE, sequence=n) for n in sequences], 1, NONCE)


def test_encode_samples__two_drills__is_refused() -> None:
    with pytest.raises(MessageError, match="sample of drill 8 in a message of drill 7"):
        encode_samples([SAMPLE, replace(SAMPLE, sequence=2, drill=8)], 1, NONCE)


@pytest.mark.parametrize("oldest", [0, 6])
def test_encode_samples__oldest_not_up_to_the_first_sample__is_refused(oldest: int) -> None:
    with pytest.raises(MessageError, match=f"oldest {oldest} in a message from sample 5 on"):
        encode_samples([replace(SAMPLE, sequence=5)], oldest, NONCE)


GOOD = encode_samples([SAMPLE, replace(SAMPLE, sequence=2)], 1, NONCE)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "0 bytes is too short"),
        (GOOD[:31], "31 bytes is too short"),
        (b"XX" + GOOD[2:], "not a sample message"),
        (GOOD[:2] + b"\2" + GOOD[3:], "sample message of version 2, this side takes 3"),
        (GOOD[:3] + b"\0" + GOOD[4:], r"not"),
        (GOOD[:3] + b"\3" + GOOD[4:], r"not"),
        (GOOD[:3] + b"\1" + GOOD[4:], r"not"),
        (GOOD[:3] + b"\x41" + GOOD[4:] + GOOD[32:] * 63, r"not"),
        (GOOD[:-1], "bad sample|not"),
        (GOOD + b"\0", "bad sample|not"),
        (GOOD[:32], "not"),
        (GOOD[:32] + GOOD[128:] + GOOD[32:128], "sequence 1 after 2"),
        (GOOD[:32] + GOOD[32:128] * 2, "sequence 1 after 1"),
        (GOOD[:15] + b"\0" + GOOD[16:], "oldest 0 in a message from sample 1 on"),
        (GOOD[:15] + b"\2" + GOOD[16:], "oldest 2 in a message from sample 1 on"),
        (GOOD[:4] + b"\0\0\0\x08" + GOOD[8:], "about drill 8 on the topic of drill 7"),
        (GOOD[:48] + b"\0\0\0\x08" + GOOD[52:], "sample of drill 8"),
        (GOOD[:52] + b"\x09" + GOOD[53:], "bad sample in a message of drill 7"),
    ],
)
def test_decode_samples__malformed_payload__is_refused(payload: bytes, message: str) -> None:
    with pytest.raises(MessageError, match=message):
        decode_samples(7, payload)


@given(st.binary(max_size=400))
def test_decode_samples__any_bytes__never_fail_in_another_way(payload: bytes) -> None:
    for data in (payload, GOOD[:32] + payload, GOOD[: len(GOOD) - len(payload)] + payload):
        try:
            decode_samples(7, data)
        except MessageError:
            continue


@pytest.mark.parametrize("message", MESSAGES, ids=names)
def test_parse_message__own_json__is_the_same(message: Any) -> None:
    assert parse_message(type(message), 7, message.to_json()) == message


def test_parse_command__lease_or_inhibit__is_told_apart() -> None:
    assert parse_command(7, LEASE.to_json()) == LEASE
    assert parse_command(7, INHIBIT.to_json()) == INHIBIT


def test_lease__of_a_message__is_the_signed_part() -> None:
    assert LEASE.lease() == Lease(7, 3, NOW, NOW + 4000, 12, NONCE)


def test_reading__of_a_message__is_the_signed_part() -> None:
    root = bytes.fromhex("ab" * 32)
    assert READING.reading() == Reading(3, NOW, Registers(1, 2, 3, 4, 5, 6), 9, root)
    assert READING.domain() == Domain(31337, ADDRESS)


@pytest.mark.parametrize("message", MESSAGES, ids=names)
def test_parse_message__another_drill__is_refused(message: Any) -> None:
    with pytest.raises(MessageError, match="about drill 7 on the topic of drill 8"):
        parse_message(type(message), 8, message.to_json())


@pytest.mark.parametrize("message", MESSAGES, ids=names)
def test_parse_message__field_missing_or_unknown__is_refused_by_name(message: Any) -> None:
    whole = json.loads(message.to_json())
    for name in whole.keys() - {"kind"}:
        part = {k: v for k, v in whole.items() if k != name}
        with pytest.raises(MessageError, match=f"{name}: Field required"):
            parse_message(type(message), 7, json.dumps(part).encode())
    with pytest.raises(MessageError, match="extra: Extra inputs"):
        parse_message(type(message), 7, json.dumps({**whole, "extra": 1}).encode())


WRONG: list[tuple[Any, dict[str, object]]] = [
    (JOURNALLED, {"sequence": -1}),
    (JOURNALLED, {"sequence": 2**63}),
    (JOURNALLED, {"sequence": 1.5}),
    (JOURNALLED, {"sequence": "12"}),
    (JOURNALLED, {"sequence": None}),
    (JOURNALLED, {"resend": 1}),
    (JOURNALLED, {"drill": 0}),
    (JOURNALLED, {"drill": 2**32}),
    (JOURNALLED, {"drill": True}),
    (STATUS, {"state": "x" * 201}),
    (STATUS, {"online": "yes"}),
    (LEASE, {"signature": "0x" + "cd" * 64}),
    (LEASE, {"signature": "0x" + "CD" * 65}),
    (LEASE, {"block_hash": "ab" * 32}),
    (LEASE, {"kind": "inhibit"}),
    (LEASE, {"expires_at": -1}),
    (INHIBIT, {"reason": 5}),
    (READING, {"charge": 17}),
    (READING, {"charge": "-1"}),
    (READING, {"charge": "1.0"}),
    (READING, {"charge": "01"}),
    (READING, {"charge": "1e3"}),
    (READING, {"charge": "1" * 79}),
    (READING, {"charge": "1\n"}),
    (READING, {"charge": "\u0661"}),
    (READING, {"headroom": "-0"}),
    (READING, {"headroom": "+1"}),
    (READING, {"contract": "0x" + "Eg" * 20}),
    (READING, {"warning": "soon"}),
    (READING, {"log_root": "0x" + "ab" * 31}),
    (EVENT, {"event": "x" * 201}),
]


@pytest.mark.parametrize(("message", "change"), WRONG, ids=[str(c) for _, c in WRONG])
def test_parse_message__wrong_value__is_refused_by_name(
    message: Any, change: dict[str, object]
) -> None:
    payload = json.dumps({**json.loads(message.to_json()), **change}).encode()
    with pytest.raises(MessageError, match=next(iter(change))):
        parse_message(type(message), 7, payload)


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"1", b'"text"', b"\xff\xfe", b"{}" * 3, b"[" * 4000]
)
@pytest.mark.parametrize("message", MESSAGES, ids=names)
def test_parse_message__no_object__is_refused(message: Any, payload: bytes) -> None:
    with pytest.raises(MessageError):
        parse_message(type(message), 7, payload)


def test_parse_message__oversized__is_refused_before_it_is_parsed() -> None:
    payload = JOURNALLED.to_json() + b" " * MAX_JSON_BYTES
    with pytest.raises(MessageError, match=f"over {MAX_JSON_BYTES}"):
        parse_message(JournalledMessage, 7, payload)


@pytest.mark.parametrize("kind", ["", "reading", None, 1])
def test_parse_command__unknown_kind__is_refused(kind: object) -> None:
    payload = json.dumps({**json.loads(LEASE.to_json()), "kind": kind}).encode()
    with pytest.raises(MessageError):
        parse_command(7, payload)


@given(st.binary(max_size=200))
def test_parse_command__any_bytes__never_fail_in_another_way(payload: bytes) -> None:
    try:
        parse_command(7, payload)
    except MessageError:
        return
