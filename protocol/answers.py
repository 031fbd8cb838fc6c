"""Hexadecimal text of JSON-RPC turned into values; raises AnswerError for what is not that.

A node's answer is plain JSON in which anything may stand anywhere, so each field is checked as it
is read. Source: https://ethereum.github.io/execution-apis/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from protocol.errors import AnswerError

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def quantity(found: Any, name: str) -> int:
    """A number such as "0x1a"."""
    if not isinstance(found, str) or not _QUANTITY.fullmatch(found):
        raise AnswerError(f"{name} is not a quantity: {str(found)[:80]!r}")
    return int(found, 16)


def data(found: Any, name: str, size: int | None = None) -> bytes:
    """Bytes, of a given size where told."""
    if not isinstance(found, str) or not _DATA.fullmatch(found):
        raise AnswerError(f"{name} is not hexadecimal data: {str(found)[:80]!r}")
    content = bytes.fromhex(found[2:])
    if size is not None and len(content) != size:
        raise AnswerError(f"{name} has {len(content)} bytes, not {size}")
    return content


def record(found: Any, name: str) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(found, Mapping):
        raise AnswerError(f"{name} is missing or no object: {str(found)[:80]!r}")
    return found


def listing(found: Any, name: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(found, list):
        raise AnswerError(f"{name} is not a list: {str(found)[:80]!r}")
    return found


def hexadecimal(content: bytes) -> str:
    """Bytes as JSON-RPC spells them."""
    return "0x" + content.hex()
