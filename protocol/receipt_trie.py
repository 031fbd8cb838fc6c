"""Receipts of a block, hashed anew into the root that its header commits to.

    receipt           RLP of [status or root, cumulative gas, bloom, logs], behind its transaction's
                      type where that is not 0 (EIP-2718, EIP-658)
    type 0x7e         a rollup's deposit (OP stack): the same, and where the node tells a
                      `depositReceiptVersion` also [..., deposit nonce, deposit receipt version];
                      before these were agreed on, and on Scroll, there is neither
    root              of a Merkle-Patricia trie from the RLP of the index to the receipt

A type that is not known here is encoded like most: if it comes out wrong, so does the root, and
`StrangeReceiptsError` names the type. Nothing is ever taken for right that does not hash to the
root, so a guess costs nothing.

Sources: https://eips.ethereum.org/EIPS/eip-2718,
https://specs.optimism.io/protocol/deposits.html#deposit-receipt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from trie import HexaryTrie

from protocol.answers import data, hexadecimal, listing, quantity, record
from protocol.errors import AnswerError, ProofError, StrangeReceiptsError

ORDINARY_TYPES = range(5)
"""Legacy, access list, dynamic fee, blob, set code: those of Ethereum itself."""

DEPOSIT = 0x7E

TYPE_NAMES: Mapping[int, str] = {
    0x64: "Arbitrum's deposit",
    0x65: "Arbitrum's unsigned transaction",
    0x66: "Arbitrum's call of a contract",
    0x68: "Arbitrum's retry",
    0x69: "Arbitrum's retryable ticket",
    0x6A: "Arbitrum's internal transaction",
    0x78: "Arbitrum's transaction from before Nitro",
    0x7B: "Celo's transaction with another fee currency",
    DEPOSIT: "a rollup's deposit",
    0x7F: "Polygon's state-sync transaction",
}
"""What other chains add to Ethereum's types."""


def require_receipts(receipts: Sequence[Any], root: bytes) -> None:
    """Raise unless the receipts are all that the header's root (bytes32) commits to.

    Raises StrangeReceiptsError where the chain's own rules may be the reason, which it names;
    ProofError for other receipts, AnswerError for what are none.
    """
    found = receipts_root(receipts)
    if found == root:
        return
    kinds = {_kind(record(receipt, "receipt")) for receipt in receipts}
    if strange := sorted(kinds - {*ORDINARY_TYPES}):
        names = ", ".join(f"{one:#x} ({TYPE_NAMES.get(one, 'unknown')})" for one in strange)
        raise StrangeReceiptsError(
            f"receipts of the type {names} are among them, and they do not hash to the root"
        )
    if receipts and receipts_root(receipts[:-1]) == root:
        raise StrangeReceiptsError(
            "there is one receipt more than its root covers, as of Polygon's state sync; "
            "what it logs cannot be checked"
        )
    raise ProofError(f"receipts hash to {hexadecimal(found)}, not {hexadecimal(root)}")


def receipts_root(receipts: Sequence[Any]) -> bytes:
    """The root of a block's receipts as a node gives them; raises AnswerError."""
    return bytes(_trie(receipts).root_hash)


def receipt_nodes(receipts: Sequence[Any], index: int) -> list[bytes]:
    """The nodes that lead from the root to the receipt of transaction `index`, root first, as
    `audit.proof.inclusion.proven_value` takes them; raises AnswerError."""
    nodes = [rlp.encode(node) for node in _trie(receipts).get_proof(rlp.encode(index))]
    # A node of less than 32 bytes stands within the one before, and is not named by a hash.
    return [nodes[0], *(node for node in nodes[1:] if len(node) >= 32)]


def _trie(receipts: Sequence[Any]) -> HexaryTrie:
    trie = HexaryTrie({}, prune=True)
    for index, receipt in enumerate(receipts):
        trie[rlp.encode(index)] = _encoded(record(receipt, "receipt"))
    return trie


def _encoded(receipt: Mapping[str, Any]) -> bytes:
    kind = _kind(receipt)
    fields = [
        _outcome(receipt),
        _number(receipt.get("cumulativeGasUsed"), "cumulativeGasUsed"),
        data(receipt.get("logsBloom"), "logsBloom", 256),
        [_log(entry) for entry in listing(receipt.get("logs"), "logs")],
    ]
    if kind == DEPOSIT and receipt.get("depositReceiptVersion") is not None:
        more = ("depositNonce", "depositReceiptVersion")
        fields += [_number(receipt.get(name), name) for name in more]
    return (bytes([kind]) if kind else b"") + bytes(rlp.encode(fields))


def _kind(receipt: Mapping[str, Any]) -> int:
    kind = quantity(receipt.get("type", "0x0"), "type")
    if kind > 0x7F:
        raise AnswerError(f"a receipt of type {kind:#x}, which none can have")
    return kind


def _outcome(receipt: Mapping[str, Any]) -> bytes:
    if receipt.get("status") is not None:
        return _number(receipt["status"], "status")
    return data(receipt.get("root"), "root", 32)


def _log(entry: Any) -> list[Any]:
    found = record(entry, "log entry")
    return [
        data(found.get("address"), "address", 20),
        [data(topic, "topic", 32) for topic in listing(found.get("topics"), "topics")],
        data(found.get("data"), "data"),
    ]


def _number(found: Any, name: str) -> bytes:
    number = quantity(found, name)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
