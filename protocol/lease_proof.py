"""What a lease rests on, so that others than the oracle can check it without believing anybody.

An RLP list, every number without leading zeros, hashes and nodes as bytes:

    version             1
    header              the header of the lease's block, a list of its fields
    nodes               nodes of the state's and the contract's storage trie, each once
    event header        the header of the block with the BalancePositive entry
    receipt nodes       nodes of that block's receipts trie
    transaction index   whose receipt holds the entry
    log index           the entry's place in that receipt

It shows that a block with that hash has this state. Whether that block is in the chain it cannot
show: whoever checks it has to know block hashes from somewhere else (docs/protocol.md section 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp
from eth_hash.auto import keccak

from protocol.errors import ProofError
from protocol.meter_word import unpack_meter
from protocol.records import Domain, Lease, RentalState
from protocol.state_proof import account_from_nodes, decoded_rlp, value_from_nodes, word_from_nodes
from protocol.storage import (
    RentalTerms,
    caps_of,
    drill_of,
    drill_slot,
    oracle_of,
    oracle_slot,
    rental_slots,
    tariff_of,
    tariff_slots,
    terms_of,
)
from protocol.tariff import charge, limit
from protocol.typed_data import lease_digest, recover_signer

VERSION = 1
MAX_PROOF_BYTES = 60_000
"""Below what the shipped broker lets through. A proof on a chain with many accounts has 25,000."""

_PARENT, _STATE, _RECEIPTS, _NUMBER, _TIMESTAMP = 0, 3, 5, 8, 11
BALANCE_POSITIVE = keccak(b"BalancePositive(uint256,uint256,address,uint256)")


@dataclass(frozen=True, slots=True)
class EventProof:
    """A log entry's place and the way to it; the header is RLP, `log_index` counts within the
    receipt."""

    header: bytes
    nodes: tuple[bytes, ...]
    transaction_index: int
    log_index: int


@dataclass(frozen=True, slots=True)
class LeaseProof:
    """The parts, each as it stands in the list; headers are RLP."""

    header: bytes
    nodes: tuple[bytes, ...]
    event: EventProof

    def to_bytes(self) -> bytes:
        """The payload."""
        return bytes(
            rlp.encode(
                [
                    _number(VERSION),
                    self.header,
                    list(self.nodes),
                    self.event.header,
                    list(self.event.nodes),
                    _number(self.event.transaction_index),
                    _number(self.event.log_index),
                ]
            )
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """The two blocks that a proven lease rests on: numbers, hashes, and the newer one's time."""

    block_number: int
    block_hash: bytes
    timestamp: int
    event_number: int
    event_hash: bytes


def parse_lease_proof(payload: bytes) -> LeaseProof:
    """The parts of a payload; raises ProofError."""
    if len(payload) > MAX_PROOF_BYTES:
        raise ProofError(f"a proof of {len(payload)} bytes is over {MAX_PROOF_BYTES}")
    parts = _list(payload, 7)
    version, header, nodes, event_header, receipt_nodes, transaction, log = parts
    if version != _number(VERSION):
        raise ProofError("a proof of another version")
    if not (isinstance(header, bytes) and isinstance(event_header, bytes)):
        raise ProofError("a header is not bytes")
    event = EventProof(
        event_header, _all_bytes(receipt_nodes), _integer(transaction), _integer(log)
    )
    return LeaseProof(header, _all_bytes(nodes), event)


def ground_of(proof: LeaseProof, lease: Lease, signature: bytes, domain: Domain) -> Ground:
    """Where a lease rests, by its proof; raises ProtocolError that says what is not proven.

    In the lease's block the rental is open, has a positive balance at that block's time and runs on
    the lease's drill, and the oracle that serves it may sign and has signed the lease. In a block
    that is no later the contract wrote the BalancePositive entry of that rental and drill.
    """
    header, event_header = _list(proof.header, None), _list(proof.event.header, None)
    number, event_number = _integer(header[_NUMBER]), _integer(event_header[_NUMBER])
    if number != lease.block_number:
        raise ProofError(f"the proof is of block {number}, the lease of {lease.block_number}")
    if event_number > number:
        raise ProofError(f"the event of block {event_number} is later than block {number}")
    root = account_from_nodes(_bytes(header[_STATE]), domain.contract, proof.nodes).storage_root
    timestamp = _integer(header[_TIMESTAMP])

    def word(slot: int) -> int:
        return word_from_nodes(root, slot, proof.nodes)

    terms = _proven_terms(word, lease)
    _require_balance(word, terms, lease.rental, timestamp)
    _require_oracle(word, terms, lease, signature, domain)
    _require_event(_bytes(event_header[_RECEIPTS]), proof.event, lease, domain)
    return Ground(number, keccak(proof.header), timestamp, event_number, keccak(proof.event.header))


def _proven_terms(word: Callable[[int], int], lease: Lease) -> RentalTerms:
    terms, drill = (
        terms_of(word(rental_slots(lease.rental)[0])),
        drill_of(word(drill_slot(lease.drill))),
    )
    if terms is None or terms.drill != lease.drill or terms.state is not RentalState.OPEN:
        raise ProofError(f"rental {lease.rental} of drill {lease.drill} is not open")
    if drill is None or drill.rental != lease.rental:
        raise ProofError(f"drill {lease.drill} is not in rental {lease.rental}")
    return terms


def _require_balance(
    word: Callable[[int], int], terms: RentalTerms, rental: int, timestamp: int
) -> None:
    _terms, _party, meter_slot, caps_slot = rental_slots(rental)
    tariff = tariff_of([word(slot) for slot in tariff_slots(terms.tariff)])
    if tariff is None:
        raise ProofError(f"there is no tariff {terms.tariff}")
    until, registers = unpack_meter(word(meter_slot))
    elapsed_ms = max(until, timestamp * 1000) - terms.opened_at * 1000
    caps = caps_of(word(caps_slot))
    if limit(terms.funded, caps, elapsed_ms) <= charge(tariff, registers, elapsed_ms):
        raise ProofError(f"rental {rental} has no positive balance")


def _require_oracle(
    word: Callable[[int], int], terms: RentalTerms, lease: Lease, signature: bytes, domain: Domain
) -> None:
    oracle = oracle_of(word(oracle_slot(terms.oracle)))
    if oracle is None or oracle.revoked or oracle.suspended:
        raise ProofError(f"oracle {terms.oracle} may not sign")
    signer = recover_signer(lease_digest(domain, lease), signature)
    if signer.lower() != oracle.key.lower():
        raise ProofError(f"the lease is signed by {signer}, oracle {terms.oracle} is {oracle.key}")


def _require_event(receipts_root: bytes, proof: EventProof, lease: Lease, domain: Domain) -> None:
    key = bytes(rlp.encode(proof.transaction_index))
    receipt = value_from_nodes(receipts_root, key, proof.nodes)
    if receipt[:1] and receipt[0] < 0x80:
        receipt = receipt[1:]
    logs = _list(receipt, 4)[3]
    if not isinstance(logs, list) or proof.log_index >= len(logs):
        raise ProofError(f"the receipt has no log entry {proof.log_index}")
    address, topics, _data = logs[proof.log_index]
    wanted = [
        BALANCE_POSITIVE,
        lease.rental.to_bytes(32, "big"),
        lease.drill.to_bytes(32, "big"),
    ]
    if address != bytes.fromhex(domain.contract[2:]) or topics[:3] != wanted:
        raise ProofError(f"the log entry is not BalancePositive of rental {lease.rental}")


def _list(content: Any, size: int | None) -> list[Any]:
    """A decoded RLP list; without a size one that is long enough for a header."""
    found = decoded_rlp(content)
    if not isinstance(found, list) or (len(found) != size if size else len(found) < 15):
        raise ProofError("a list of another length")
    return found


def _all_bytes(found: Any) -> tuple[bytes, ...]:
    if not isinstance(found, list) or not all(isinstance(one, bytes) for one in found):
        raise ProofError("nodes that are not bytes")
    return tuple(found)


def _bytes(found: Any) -> bytes:
    if not isinstance(found, bytes):
        raise ProofError("a field that is not bytes")
    return found


def _integer(found: Any) -> int:
    if not isinstance(found, bytes) or len(found) > 8 or found[:1] == b"\x00":
        raise ProofError("a malformed number")
    return int.from_bytes(found, "big")


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
