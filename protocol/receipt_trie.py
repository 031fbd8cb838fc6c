"""Receipts of a block, hashed anew into the root that its header commits to.

A receipt is RLP of [status or root, cumulative gas, bloom, logs], behind its transaction's type
where that is not 0. The root is that of a Merkle-Patricia trie from the RLP of the index.
Source: https://eips.ethereum.org/EIPS/eip-2718 and eip-658
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from trie import HexaryTrie

from protocol.answers import data, listing, quantity, record
from protocol.errors import AnswerError

LAST_KIND = 4
"""Set-code transactions; what other chains add, such as deposits of a rollup, has other fields."""


def receipts_root(receipts: Sequence[Any]) -> bytes:
    """The root of a block's receipts as a node gives them; raises AnswerError."""
    return bytes(_trie(receipts).root_hash)


def receipt_nodes(receipts: Sequence[Any], index: int) -> list[bytes]:
    """The nodes that lead from the root to the receipt of transaction `index`, root first, as
    `audit.inclusion.proven_value` takes them; raises AnswerError."""
    nodes = [rlp.encode(node) for node in _trie(receipts).get_proof(rlp.encode(index))]
    # A node of less than 32 bytes stands within the one before, and is not named by a hash.
    return [nodes[0], *(node for node in nodes[1:] if len(node) >= 32)]


def _trie(receipts: Sequence[Any]) -> HexaryTrie:
    trie = HexaryTrie({}, prune=True)
    for index, receipt in enumerate(receipts):
        trie[rlp.encode(index)] = _encoded(record(receipt, "receipt"))
    return trie


def _encoded(receipt: Mapping[str, Any]) -> bytes:
    logs = [
        [
            data(entry.get("address"), "address", 20),
            [data(topic, "topic", 32) for topic in listing(entry.get("topics"), "topics")],
            data(entry.get("data"), "data"),
        ]
        for entry in listing(receipt.get("logs"), "logs")
    ]
    outcome = receipt.get("status")
    first = _number(outcome, "status") if outcome is not None else data(receipt["root"], "root", 32)
    body = rlp.encode(
        [
            first,
            _number(receipt.get("cumulativeGasUsed"), "cumulativeGasUsed"),
            data(receipt.get("logsBloom"), "logsBloom", 256),
            logs,
        ]
    )
    kind = quantity(receipt.get("type", "0x0"), "type")
    if kind > LAST_KIND:
        raise AnswerError(f"a receipt of the unknown type {kind:#x}")
    return (bytes([kind]) if kind else b"") + bytes(body)


def _number(found: Any, name: str) -> bytes:
    number = quantity(found, name)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
