"""Storage proofs (EIP-1186) against the state root of a block whose hash is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak
from rlp.exceptions import RLPException
from trie import HexaryTrie
from trie.exceptions import BadTrieProof, InvalidNode, ValidationError

from protocol.answers import data, listing, record
from protocol.errors import AbsentError, ProofError


@dataclass(frozen=True, slots=True)
class Account:
    """An account as proven."""

    balance: int
    storage_root: bytes
    code_hash: bytes
    nonce: int = 0


def proven_account(state_root: bytes, address: str, answer: Any) -> Account:
    """The account in an answer of eth_getProof; raises AbsentError when there is
    provably none, ProofError, AnswerError."""
    nodes = _nodes(record(answer, "proof").get("accountProof"))
    found = _value(state_root, keccak(bytes.fromhex(address[2:])), nodes)
    if not found:
        raise AbsentError("the state holds no such account")
    fields = _decoded(found)
    if not (isinstance(fields, list) and len(fields) == 4):
        raise ProofError("the account is no list of four")
    nonce, balance, storage_root, code_hash = fields
    return Account(
        int.from_bytes(balance, "big"), storage_root, code_hash, int.from_bytes(nonce, "big")
    )


def proven_words(storage_root: bytes, slots: Sequence[int], answer: Any) -> list[int]:
    """The words of slots in an answer of eth_getProof, in order; raises ProofError."""
    entries = listing(record(answer, "proof").get("storageProof"), "storageProof")
    if len(entries) != len(slots):
        raise ProofError(f"{len(entries)} proofs for {len(slots)} slots")
    words = []
    for slot, entry in zip(slots, entries, strict=True):
        nodes = _nodes(record(entry, "storage proof").get("proof"))
        found = _value(storage_root, keccak(slot.to_bytes(32, "big")), nodes)
        word = _decoded(found) if found else b""
        if not isinstance(word, bytes):
            raise ProofError("a storage slot is no word")
        words.append(int.from_bytes(word, "big"))
    return words


def _nodes(found: Any) -> list[Any]:
    return [_decoded(data(node, "proof node")) for node in listing(found, "proof")]


def _decoded(content: bytes) -> Any:
    try:
        return rlp.decode(content)
    except RLPException as error:
        raise ProofError(f"not RLP: {error}") from error


def _value(root: bytes, key: bytes, nodes: Sequence[Any]) -> bytes:
    """What stands under a key; empty when the proof shows that nothing does."""
    if root == keccak(b"\x80"):
        return b""
    try:
        return bytes(HexaryTrie.get_from_proof(root, key, nodes))
    except (BadTrieProof, InvalidNode, ValidationError, KeyError, TypeError, ValueError) as error:
        raise ProofError(f"the proof does not lead to the root: {error}") from error
