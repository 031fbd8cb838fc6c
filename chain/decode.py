"""What an endpoint answers, turned into values.

A wrong, hostile or half-broken node may put anything anywhere. What does not have the type and
range that it must have raises TypeError or ValueError here, which `chain` turns into ChainError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chain.views import BlockSummary

HIGHEST = 2**63 - 1
"""What the journal holds in an integer."""


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


def header_of(block: Any) -> BlockSummary:
    """A block's header; raises TypeError, ValueError or KeyError."""
    if not isinstance(block, Mapping):
        raise TypeError(f"a block is {type(block).__name__}")
    return BlockSummary(
        number=whole(block["number"], "number"),
        hash=digest(block["hash"], "hash"),
        parent_hash=digest(block["parentHash"], "parentHash"),
        timestamp=whole(block["timestamp"], "timestamp"),
        base_fee_wei=whole(block.get("baseFeePerGas", 0), "baseFeePerGas"),
    )
