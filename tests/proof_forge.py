"""Blocks, receipts and samples made by hand, for the tests of proofs: true ones and forged ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak
from trie import HexaryTrie

from audit.proof.proof_file import EntryEvidence, Minute, ProofFile, Run
from protocol.merkle import leaf_hash, range_siblings, tree_root
from protocol.meter_word import pack_meter
from protocol.records import Registers
from protocol.sample import ControllerFault, Sample, encode_sample

CONTRACT = "0x" + "d1" * 20
STRANGER = "0x" + "d2" * 20
CUSTOMER = "0x" + "c1" * 20
RENTAL, DRILL, TARIFF, ORACLE = 7, 3, 2, 1
OPENED_AT = 1_700_000_040
"""The start of a minute, Unix s."""

LEVELS = ((2_000, 40_000, 900), (3_000, 50_000, 600), (5_000, 60_000, 300))
STANDING = 11

TOPICS = {
    "UsageSettled": "UsageSettled(uint256,uint256,uint256,uint256,bytes32,uint256)",
    "RentalOpened": "RentalOpened(uint256,uint256,address,uint256,uint256,uint256)",
    "TariffPublished": "TariffPublished(uint256,(uint256,uint256,uint256)[3],uint256,uint256)",
}


def entry(name: str, indexed: Sequence[Any], data: bytes, address: str = CONTRACT) -> list[Any]:
    """A log entry; `indexed` are numbers and addresses."""
    words = [int(one, 16) if isinstance(one, str) else one for one in indexed]
    topics = [keccak(TOPICS[name].encode()), *(word.to_bytes(32, "big") for word in words)]
    return [bytes.fromhex(address[2:]), topics, data]


def settled(rental: int, until: int, size: int, root: bytes, address: str = CONTRACT) -> list[Any]:
    word = pack_meter(until, Registers(1_000, 2_000, 3_000, 10, 20, 30))
    kinds = ["uint256", "uint256", "uint256", "bytes32", "uint256"]
    data = abi_encode(kinds, [until, word, size, root, 12_345])
    return entry("UsageSettled", [rental], data, address)


def opened(rental: int = RENTAL, drill: int = DRILL, tariff: int = TARIFF) -> list[Any]:
    data = abi_encode(["uint256"] * 3, [tariff, ORACLE, 10**6])
    return entry("RentalOpened", [rental, drill, CUSTOMER], data)


def published(tariff: int = TARIFF) -> list[Any]:
    data = abi_encode(["(uint256,uint256,uint256)[3]", "uint256", "uint256"], [LEVELS, STANDING, 1])
    return entry("TariffPublished", [tariff], data)


def receipt(logs: Sequence[Any], status: bytes = b"\x01", kind: int = 2) -> bytes:
    body = rlp.encode([status, 21_000, bytes(256), list(logs)])
    return (bytes([kind]) if kind else b"") + bytes(body)


@dataclass
class Block:
    """A block with these receipts."""

    receipts: Sequence[bytes]
    number: int = 100
    timestamp: int = OPENED_AT + 3_600
    header: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.trie = HexaryTrie({})
        for index, one in enumerate(self.receipts):
            self.trie[rlp.encode(index)] = one
        fields = [bytes(32)] * 5 + [self.trie.root_hash, bytes(256), b"", self.number]
        fields += [30_000_000, 21_000, self.timestamp, b"", bytes(32), bytes(8), 7]
        self.header = bytes(rlp.encode(fields))

    @property
    def hash(self) -> str:
        return "0x" + keccak(self.header).hex()

    def evidence(self, transaction: int, log: int) -> EntryEvidence:
        nodes = [rlp.encode(node) for node in self.trie.get_proof(rlp.encode(transaction))]
        kept = [nodes[0], *(node for node in nodes[1:] if len(node) >= 32)]
        return EntryEvidence(
            header="0x" + self.header.hex(),
            transaction=transaction,
            nodes=["0x" + node.hex() for node in kept],
            log=log,
        )


def drilling(count: int, start_ms: int = OPENED_AT * 1000, drill: int = DRILL) -> list[bytes]:
    """Samples 100 ms apart: five with the motor off, then drilling at levels that change."""
    return [
        encode_sample(
            Sample(
                sequence=1_000 + place,
                time_ms=start_ms + 100 * place,
                drill=drill,
                level=1 + place // 50 % 3,
                motor_on=place >= 5,
                trigger=place >= 5,
                inhibited=False,
                fault_flags=ControllerFault.NONE,
                rpm=450 if place >= 5 else 0,
                torque_mnm=1_200,
                current_ma=800,
                temperature_mc=41_000,
                rental=RENTAL,
                odometer=Registers(),
            )
        )
        for place in range(count)
    ]


def run(data: Sequence[bytes], first: int, count: int) -> Run:
    hashes = [leaf_hash(one) for one in data]
    spans = range_siblings(first, count, len(data))
    path = [tree_root(hashes[start : start + width]) for start, width in spans]
    return Run(
        first=first,
        leaves=["0x" + one.hex() for one in data[first : first + count]],
        path=["0x" + one.hex() for one in path],
    )


def root_of(data: Sequence[bytes]) -> bytes:
    return tree_root([leaf_hash(one) for one in data])


def until_of(data: Sequence[bytes]) -> int:
    return int.from_bytes(data[-1][8:16], "big")


def settlement_block(data: Sequence[bytes], **changes: Any) -> Block:
    """Three transactions, the second with three entries of which the third is the one."""
    told = {"rental": RENTAL, "until": until_of(data), "size": len(data), "root": root_of(data)}
    mine = settled(**{**told, **changes})
    other = settled(RENTAL + 1, 2**42, 5, bytes(32))
    foreign = settled(RENTAL, 2**42, 5, bytes(32), STRANGER)
    return Block([receipt([], kind=0), receipt([other, foreign, mine]), receipt([])])


def sample_proof(data: Sequence[bytes], place: int, block: Block | None = None) -> ProofFile:
    """A true proof of one sample."""
    return ProofFile(
        format="smart-drill proof 1",
        kind="sample",
        chain_id=31_337,
        contract=CONTRACT,
        rental=RENTAL,
        settlement=(block or settlement_block(data)).evidence(1, 2),
        samples=run(data, place, 1),
        minute=None,
    )


def terms_blocks(**changes: Any) -> tuple[Block, Block]:
    opening = Block([receipt([opened(**changes)])], number=50, timestamp=OPENED_AT)
    return opening, Block([receipt([published()])], number=40, timestamp=OPENED_AT - 60)


def minute_proof(data: Sequence[bytes], minute: int) -> tuple[ProofFile, list[str]]:
    """A true proof of the n-th minute since the opening, and the hashes it rests on."""
    start_ms = OPENED_AT * 1000 + minute * 60_000
    times = [int.from_bytes(one[8:16], "big") for one in data]
    inside = [place for place, time in enumerate(times) if start_ms <= time < start_ms + 60_000]
    first, last = max(0, inside[0] - 1), min(len(data) - 1, inside[-1] + 1)
    (opening, tariff), block = terms_blocks(), settlement_block(data)
    proof = ProofFile(
        format="smart-drill proof 1",
        kind="minute",
        chain_id=31_337,
        contract=CONTRACT,
        rental=RENTAL,
        settlement=block.evidence(1, 2),
        samples=run(data, first, last - first + 1),
        minute=Minute(
            start_ms=start_ms,
            begun=run(data, 2, 1) if first > 5 else None,
            opening=opening.evidence(0, 0),
            tariff=tariff.evidence(0, 0),
        ),
    )
    return proof, [block.hash, opening.hash, tariff.hash]
