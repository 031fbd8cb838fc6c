"""Sealed payloads: only the key and the topic that sealed one open it."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MessageError
from protocol.messages import Channel, topic
from protocol.sealing import MAC_BYTES, parse_key, seal, unseal

KEY = bytes(range(32))
TOPIC = topic(7, Channel.SAMPLE)


@given(st.binary(max_size=200))
def test_unseal__what_was_sealed__is_the_same(payload: bytes) -> None:
    assert unseal(KEY, TOPIC, seal(KEY, TOPIC, payload)) == payload


def test_seal__known_answer__follows_the_layout() -> None:
    mac = hmac.new(KEY, b"smart-drill message 1\0drill/7/sample\0abc", hashlib.sha256).digest()
    assert seal(KEY, TOPIC, b"abc") == b"abc" + mac


@given(st.binary(min_size=1, max_size=200), st.data())
def test_unseal__any_bit_changed__is_refused(payload: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, TOPIC, payload))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(MessageError, match="not sealed with the message key of drill/7/sample"):
        unseal(KEY, TOPIC, bytes(sealed))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (bytes(32), TOPIC),
        (KEY, topic(8, Channel.SAMPLE)),
        (KEY, topic(7, Channel.JOURNALLED)),
    ],
)
def test_unseal__other_key_drill_or_channel__is_refused(key: bytes, name: str) -> None:
    with pytest.raises(MessageError, match="not sealed"):
        unseal(key, name, seal(KEY, TOPIC, b"payload"))


@given(st.binary(max_size=MAC_BYTES + 8))
def test_unseal__any_bytes__are_refused_and_never_fail_in_another_way(sealed: bytes) -> None:
    with pytest.raises(MessageError):
        unseal(KEY, TOPIC, sealed)


def test_parse_key__64_digits__is_the_key() -> None:
    assert parse_key(KEY.hex()) == KEY


@pytest.mark.parametrize(
    "text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, "0x" + "a" * 64, "a" * 64 + " "]
)
def test_parse_key__anything_else__is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(MessageError, match="64 hexadecimal digits") as caught:
        parse_key(text)
    assert "aaa" not in str(caught.value)
