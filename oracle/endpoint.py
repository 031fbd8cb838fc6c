"""What an endpoint answers, turned into values, and its address without the secrets in it.

A wrong, hostile or half-broken node may put anything anywhere. What does not have the type and
range that it must have raises TypeError or ValueError here, which `chain` turns into ChainError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from oracle.views import Header

HIGHEST = 2**63 - 1
"""What the journal holds in an integer."""

_ADDRESS = re.compile(r"(\w+://)[^\s'\"]*")
_PATH = re.compile(r"(\burl: )[^\s'\"]+")


def place_of(url: str) -> str:
    """Scheme, host and port: a path, a query or a user's part may hold a key."""
    parts = urlsplit(url)
    host = parts.netloc.rsplit("@", maxsplit=1)[-1]
    return f"{parts.scheme}://{host}"


def without_addresses(text: str, url: str) -> str:
    """An error's text without any address in it, and without the parts of `url`."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    words = [parts.path, parts.query, user, *re.split(r"[/&=:]", parts.path + "/" + parts.query)]
    text = _PATH.sub(r"\1...", _ADDRESS.sub(r"\1...", text))
    for word in sorted({*words, *user.split(":")}, key=len, reverse=True):
        if len(word) >= 8:
            text = text.replace(word, "...")
    return text


def whole(found: Any, name: str) -> int:
    """An integer that fits a database; raises TypeError or ValueError that names it."""
    if not isinstance(found, int) or isinstance(found, bool):
        raise TypeError(f"{name} is {type(found).__name__}, not an integer")
    if not 0 <= found <= HIGHEST:
        raise ValueError(f"{name} is out of range")
    return found


def digest(found: Any, name: str) -> bytes:
    """32 bytes; raises TypeError or ValueError that names it."""
    if not isinstance(found, bytes):
        raise TypeError(f"{name} is {type(found).__name__}, not bytes")
    if len(found) != 32:
        raise ValueError(f"{name} has {len(found)} bytes, not 32")
    return bytes(found)


def header_of(block: Any) -> Header:
    """A block's header; raises TypeError, ValueError or KeyError."""
    if not isinstance(block, Mapping):
        raise TypeError(f"a block is {type(block).__name__}")
    return Header(
        number=whole(block["number"], "number"),
        hash=digest(block["hash"], "hash"),
        parent_hash=digest(block["parentHash"], "parentHash"),
        timestamp=whole(block["timestamp"], "timestamp"),
        base_fee_wei=whole(block.get("baseFeePerGas", 0), "baseFeePerGas"),
    )
