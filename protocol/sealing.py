"""Sealed payloads: what shows that a message between a bridge and its oracle is theirs.

Whoever may publish on the broker could otherwise write samples, which are billed, or claim that
samples are journalled, which the bridge then deletes. Bridge and oracle therefore share one secret
for each drill, the message key, and what they send on `sample` and `journalled` is sealed:

    payload || HMAC-SHA256(key, "smart-drill message 1" || 0x00 || topic || 0x00 || payload)

The topic names drill and channel, so that no message is worth anything at another drill or in the
other direction. Chain and contract are not in it: a key belongs to one drill of one deployment. A
replayed message opens again and must change nothing; sequence numbers see to that.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from protocol.errors import MessageError

KEY_BYTES = 32
MAC_BYTES = 32

_DOMAIN = b"smart-drill message 1\0"
_KEY = re.compile(r"[0-9a-fA-F]{64}")


def parse_key(text: str) -> bytes:
    """The key as text: 64 hexadecimal digits; raises MessageError, which does not quote them."""
    if _KEY.fullmatch(text) is None:
        raise MessageError(f"a message key is {2 * KEY_BYTES} hexadecimal digits")
    return bytes.fromhex(text)


def seal(key: bytes, topic: str, payload: bytes) -> bytes:
    """The payload as it goes out on `topic`."""
    return payload + _mac(key, topic, payload)


def unseal(key: bytes, topic: str, sealed: bytes) -> bytes:
    """The payload of what came in on `topic`; raises MessageError unless it was sealed with this
    key for this topic."""
    payload, mac = sealed[:-MAC_BYTES], sealed[-MAC_BYTES:]
    if len(sealed) < MAC_BYTES or not hmac.compare_digest(mac, _mac(key, topic, payload)):
        raise MessageError(f"not sealed with the message key of {topic[:80]}")
    return payload


def _mac(key: bytes, topic: str, payload: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + topic.encode() + b"\0" + payload, hashlib.sha256)
