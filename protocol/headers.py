"""Block headers: hashed anew, linked to their parents, and asked whether they may hold a log.

A header is the RLP list of its fields; its hash is the Keccak-256 of that. Fields that later forks
have added stand at the end, in the order of the forks.
Source: https://ethereum.github.io/execution-specs/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak

from protocol.answers import data, hexadecimal, quantity, record
from protocol.errors import AnswerError, ProofError, StrangeHeaderError

_FIELDS: tuple[tuple[str, int | None], ...] = (
    # Name, and the size of a fixed field; None for a number.
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
_LATER_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
    ("blockAccessListHash", 32),
    ("slotNumber", None),
)


_BESIDE_THE_HEADER = frozenset(
    ("hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals")
)
"""What a node tells of a block besides its header's fields."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is needed of a block. `proven` says that the fields hash to `hash`; where they do not,
    `strange` names fields that Ethereum's headers do not have."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    state_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    proven: bool
    base_fee: int = 0
    strange: tuple[str, ...] = ()

    def may_log(self, address: str) -> bool:
        """Whether the block may hold a log entry of the contract; False is certain."""
        digest = keccak(bytes.fromhex(address[2:]))
        bloom = int.from_bytes(self.logs_bloom, "big")
        bits = (int.from_bytes(digest[i : i + 2], "big") & 2047 for i in (0, 2, 4))
        return all(bloom >> bit & 1 for bit in bits)


def header_of(found: Any) -> Header:
    """A header from a node's answer; raises AnswerError."""
    block = record(found, "block")
    claimed = hexadecimal(data(block.get("hash"), "hash of a block", 32))
    proven = header_hash(block) == claimed
    return Header(
        number=quantity(block.get("number"), "number of a block"),
        hash=claimed,
        parent_hash=hexadecimal(data(block.get("parentHash"), "parentHash", 32)),
        timestamp=quantity(block.get("timestamp"), "timestamp of a block"),
        state_root=data(block.get("stateRoot"), "stateRoot", 32),
        receipts_root=data(block.get("receiptsRoot"), "receiptsRoot", 32),
        logs_bloom=data(block.get("logsBloom"), "logsBloom", 256),
        proven=proven,
        base_fee=quantity(block.get("baseFeePerGas", "0x0"), "baseFeePerGas"),
        strange=() if proven else _strange(block),
    )


def _strange(block: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields that no header here has, at most eight of them."""
    known = {name for name, _size in (*_FIELDS, *_LATER_FIELDS)} | _BESIDE_THE_HEADER
    return tuple(sorted(str(name)[:40] for name in block if name not in known)[:8])


def proven_header(found: Any) -> Header:
    """A header whose fields hash to its hash; raises ProofError, and AnswerError for what is no
    header or one of a later fork, whose unknown fields it names."""
    header = header_of(found)
    if not header.proven:
        told = (
            f"block {header.number} hashes to {header_hash(found)}, not to {header.hash} as claimed"
        )
        if header.strange:
            raise StrangeHeaderError(f"{told}, and has the unknown fields {[*header.strange]}")
        raise ProofError(told)
    return header


def header_asked_for(found: Any, asked: int | str) -> Header:
    """The header that answers a call by number, hash or tag: it hashes to its hash, and has the
    number or the hash that was asked for; every program asks with this.

    Raises ProofError and AnswerError as `proven_header` does, AnswerError for another block.
    """
    header = proven_header(found)
    require_asked(header, asked)
    return header


def require_asked(header: Header, asked: int | str) -> None:
    """Raise AnswerError unless the header has the number or the hash that was asked for; a tag,
    such as "latest", may be answered with any."""
    other = (isinstance(asked, int) and header.number != asked) or (
        isinstance(asked, str) and asked.startswith("0x") and header.hash != asked.lower()
    )
    if other:
        raise AnswerError(f"asked for block {asked}, got block {header.number} {header.hash}")


def require_parent(header: Header, parent: Header) -> None:
    """Raise ProofError unless `header` is the block right after `parent`."""
    if header.number != parent.number + 1:
        raise ProofError(f"block {header.number} does not follow block {parent.number}")
    if header.parent_hash != parent.hash:
        raise ProofError(
            f"the parent of block {header.number} is {header.parent_hash}, "
            f"block {parent.number} is {parent.hash}"
        )


def header_hash(block: Mapping[str, Any]) -> str:
    """The hash of a header as its fields make it; raises AnswerError for a missing field."""
    return "0x" + keccak(header_rlp(block)).hex()


def header_rlp(block: Mapping[str, Any]) -> bytes:
    """A header as it is hashed; raises AnswerError for a missing field."""
    later = [(name, size) for name, size in _LATER_FIELDS if block.get(name) is not None]
    return bytes(rlp.encode([_encoded(block, name, size) for name, size in (*_FIELDS, *later)]))


def _encoded(block: Mapping[str, Any], name: str, size: int | None) -> bytes:
    if size is None:
        number = quantity(block.get(name), name)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return data(block.get(name), name, size if size >= 0 else None)
