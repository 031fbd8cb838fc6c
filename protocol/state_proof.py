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
    return account_from_nodes(state_root, address, nodes)


def proven_words(storage_root: bytes, slots: Sequence[int], answer: Any) -> list[int]:
    """The words of slots in an answer of eth_getProof, in order; raises ProofError."""
    entries = listing(record(answer, "proof").get("storageProof"), "storageProof")
    if len(entries) != len(slots):
        raise ProofError(f"{len(entries)} proofs for {len(slots)} slots")
    return [
        word_from_nodes(storage_root, slot, _nodes(record(entry, "storage proof").get("proof")))
        for slot, entry in zip(slots, entries, strict=True)
    ]


def account_from_nodes(state_root: bytes, address: str, nodes: Sequence[bytes]) -> Account:
    """The account by nodes of the state trie, other nodes among them; raises AbsentError,
    ProofError."""
    found = value_from_nodes(state_root, keccak(bytes.fromhex(address[2:])), nodes)
    if not found:
        raise AbsentError("the state holds no such account")
    fields = decoded_rlp(found)
    if not (isinstance(fields, list) and len(fields) == 4):
        raise ProofError("the account is not a list of four")
    nonce, balance, storage_root, code_hash = fields
    return Account(
        int.from_bytes(balance, "big"), storage_root, code_hash, int.from_bytes(nonce, "big")
    )


def word_from_nodes(storage_root: bytes, slot: int, nodes: Sequence[bytes]) -> int:
    """A slot's word by nodes of the storage trie, other nodes among them; raises ProofError."""
    found = value_from_nodes(storage_root, keccak(slot.to_bytes(32, "big")), nodes)
    word = decoded_rlp(found) if found else b""
    if not isinstance(word, bytes) or len(word) > 32:
        raise ProofError("a storage slot is not a word")
    return int.from_bytes(word, "big")


def value_from_nodes(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """What stands under a key; empty when the nodes show that nothing does. Raises ProofError."""
    if root == keccak(b"\x80"):
        return b""
    decoded = [decoded_rlp(node) for node in nodes]
    try:
        return bytes(HexaryTrie.get_from_proof(root, key, decoded))
    except (BadTrieProof, InvalidNode, ValidationError, KeyError, TypeError, ValueError) as error:
        raise ProofError(f"the proof does not lead to the root: {error}") from error


def _nodes(found: Any) -> list[bytes]:
    return [data(node, "proof node") for node in listing(found, "proof")]


def decoded_rlp(content: bytes) -> Any:
    """Bytes, or a list of such, by their RLP encoding; raises ProofError, also where lists are
    nested deeper than any of a chain's."""
    try:
        return rlp.decode(content)
    except (RLPException, TypeError, RecursionError) as error:
        raise ProofError(f"not RLP: {error}") from error
