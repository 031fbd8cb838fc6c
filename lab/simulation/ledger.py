"""What a node can prove of the simulated chain: real tries, receipts and header hashes.

The contract's storage holds the words that the contract itself has written, read from the machine
after each block; only those that somebody may ask for are in the trie. A forged fork has the same
form, and all of it fits together: it is only that no miner ever made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from chain.views import BlockSummary
from lab.fuzzing.people import address
from lab.simulation.chain import RELAYER, Block, RawLog, SimChain
from protocol.storage import drill_slot, oracle_slot, rental_slots, tariff_slots

EMPTY_TRIE = keccak(b"\x80")
EMPTY_CODE = keccak(b"")
GAS_MONEY_WEI = 10**18
GAS = 60_000
FUNDED_BITS, TIME_BITS = 96, 34
RICH = 2**90
"""What a liar says that somebody has paid in."""


def hexadecimal(content: bytes) -> str:
    """As JSON-RPC spells bytes."""
    return "0x" + content.hex()


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """A block as a node serves it; `storage` is the root of the contract's storage."""

    block: Block
    header: dict[str, Any]
    receipts: list[dict[str, Any]]
    state: bytes
    storage: bytes

    @property
    def hash(self) -> str:
        """The header's."""
        return str(self.header["hash"])


class BlockLedger:
    """Pages of all blocks of all forks, and the nodes of their tries."""

    def __init__(self) -> None:
        self._nodes: dict[bytes, bytes] = {}
        self._pages: dict[bytes, LedgerPage] = {}
        self._count = 0

    def seal(self, chain: SimChain, block: Block, parent: Block | None) -> BlockSummary:
        """The header of a block that has just been executed."""
        before = EMPTY_TRIE if parent is None else self._pages[parent.header.hash].storage
        storage = self._trie(before)
        for slot in _touched(block):
            _put(storage, slot, chain.word(slot))
        page = self.page(chain, block, block.header.parent_hash, storage.root_hash, block.raw)
        sealed = bytes.fromhex(page.hash[2:])
        self._pages[sealed] = page
        return replace(block.header, hash=sealed)

    def of(self, block: Block) -> LedgerPage:
        """The true page of a block."""
        return self._pages[block.header.hash]

    def page(
        self,
        chain: SimChain,
        block: Block,
        parent_hash: bytes,
        storage: bytes,
        logs: Sequence[Sequence[RawLog]],
    ) -> LedgerPage:
        """A page with this storage and these receipts, whose header hashes to its hash."""
        state = self._state(chain.address, storage, block.relayed)
        receipts = _receipts(chain, block, logs)
        trie = HexaryTrie({})
        for index, one in enumerate(receipts):
            trie[rlp.encode(index)] = _encoded(one)
        self._count += 1
        bloom = _bloom(chain.address) if any(logs) else bytes(256)
        header = _header(block.header, parent_hash, state, trie.root_hash, bloom, self._count)
        placed = {"blockHash": header["hash"], "blockNumber": header["number"]}
        for receipt in receipts:
            receipt.update(placed)
            receipt["logs"] = [entry | placed for entry in receipt["logs"]]
        return LedgerPage(block, header, receipts, state, storage)

    def richer(self, page: LedgerPage, block: Block) -> bytes:
        """The root of a storage in which each drill's newest rental is open and has money."""
        storage = self._trie(page.storage)
        for drill in block.drills:
            number = max((n for n, view in block.rentals.items() if view.drill == drill), default=0)
            if not number:
                continue
            slot = rental_slots(number)[0]
            word = _word(storage, slot)
            kept = word >> FUNDED_BITS & ((1 << TIME_BITS) - 1)
            rest = word >> (FUNDED_BITS + 2 * TIME_BITS) & ((1 << 90) - 1)
            _put(
                storage,
                slot,
                RICH | kept << FUNDED_BITS | rest << (FUNDED_BITS + 2 * TIME_BITS),
            )
            found = _word(storage, drill_slot(drill)) & ~(((1 << 64) - 1) << 60)
            _put(storage, drill_slot(drill), found | number << 60)
        return bytes(storage.root_hash)

    def proof(self, page: LedgerPage, account: str, slots: Sequence[int]) -> dict[str, Any]:
        """As eth_getProof has it."""
        entries = [
            {
                "key": f"0x{slot:064x}",
                "value": "0x0",
                "proof": self._path(page.storage, keccak(slot.to_bytes(32, "big"))),
            }
            for slot in slots
        ]
        path = self._path(page.state, keccak(bytes.fromhex(account[2:])))
        return {"address": account, "accountProof": path, "storageProof": entries}

    def _path(self, root: bytes, key: bytes) -> list[str]:
        if root == EMPTY_TRIE:
            return []
        nodes = [rlp.encode(node) for node in self._trie(root).get_proof(key)]
        return [hexadecimal(one) for one in (nodes[0], *(n for n in nodes[1:] if len(n) >= 32))]

    def _trie(self, root: bytes) -> HexaryTrie:
        return HexaryTrie(self._nodes, root)

    def _state(self, contract: int, storage: bytes, relayed: int) -> bytes:
        state = self._trie(EMPTY_TRIE)
        for who, fields in (
            (contract, [1, 0, storage, keccak(b"DrillMeter")]),
            (address(RELAYER), [relayed, GAS_MONEY_WEI, EMPTY_TRIE, EMPTY_CODE]),
        ):
            state[keccak(who.to_bytes(20, "big"))] = rlp.encode(fields)
        return bytes(state.root_hash)


def _touched(block: Block) -> list[int]:
    """The slots that the block's events say may have changed."""
    found: set[int] = set()
    for event in block.events:
        if "rental" in event.args:
            rental = event.number("rental")
            found.update(rental_slots(rental))
            if rental in block.rentals:
                found.add(drill_slot(block.rentals[rental].drill))
        if "drill" in event.args:
            found.add(drill_slot(event.number("drill")))
        if "tariff" in event.args:
            found.update(tariff_slots(event.number("tariff")))
        if "oracle" in event.args:
            found.add(oracle_slot(event.number("oracle")))
    return sorted(found)


def _word(storage: HexaryTrie, slot: int) -> int:
    found = storage.get(keccak(slot.to_bytes(32, "big")))
    return int.from_bytes(rlp.decode(found), "big") if found else 0


def _put(storage: HexaryTrie, slot: int, word: int) -> None:
    key = keccak(slot.to_bytes(32, "big"))
    if word:
        storage[key] = rlp.encode(word)
    elif key in storage:
        del storage[key]


def _receipts(
    chain: SimChain, block: Block, logs: Sequence[Sequence[RawLog]]
) -> list[dict[str, Any]]:
    """One for each transaction, and for a liar's entries that no transaction made."""
    found, count = [], 0
    contract = f"0x{chain.address:040x}"
    for place, entries in enumerate(logs):
        mined = block.mined[place] if place < len(block.mined) else None
        hash_ = keccak(b"never sent") if mined is None else mined.transaction.hash
        listed = []
        for entry in entries:
            listed.append(
                {
                    "address": contract,
                    "topics": [hexadecimal(topic) for topic in entry.topics],
                    "data": hexadecimal(entry.data),
                    "transactionHash": hexadecimal(hash_),
                    "transactionIndex": hex(place),
                    "logIndex": hex(count),
                    "removed": False,
                }
            )
            count += 1
        found.append(
            {
                "type": "0x2",
                "status": hex(mined is None or mined.reason is None),
                "cumulativeGasUsed": hex(GAS * (place + 1)),
                "gasUsed": hex(GAS),
                "effectiveGasPrice": "0x1",
                "logsBloom": hexadecimal(_bloom(chain.address) if entries else bytes(256)),
                "logs": listed,
                "from": contract,
                "to": contract,
                "contractAddress": None,
                "transactionHash": hexadecimal(hash_),
                "transactionIndex": hex(place),
            }
        )
    return found


def _encoded(receipt: dict[str, Any]) -> bytes:
    """EIP-2718 and 658."""
    logs = [
        [
            bytes.fromhex(entry["address"][2:]),
            [bytes.fromhex(topic[2:]) for topic in entry["topics"]],
            bytes.fromhex(entry["data"][2:]),
        ]
        for entry in receipt["logs"]
    ]
    status, gas = (int(receipt[name], 16) for name in ("status", "cumulativeGasUsed"))
    bloom = bytes.fromhex(receipt["logsBloom"][2:])
    return b"\x02" + bytes(rlp.encode([status, gas, bloom, logs]))


def _bloom(contract: int) -> bytes:
    """The contract's address in it, and nothing else."""
    digest, bits = keccak(contract.to_bytes(20, "big")), 0
    for place in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[place : place + 2], "big") & 2047)
    return bits.to_bytes(256, "big")


def _header(
    of: BlockSummary, parent: bytes, state: bytes, receipts: bytes, bloom: bytes, count: int
) -> dict[str, Any]:
    fields: dict[str, bytes | int] = {
        "parentHash": parent,
        "sha3Uncles": keccak(rlp.encode([])),
        "miner": bytes(20),
        "stateRoot": state,
        "transactionsRoot": EMPTY_TRIE,
        "receiptsRoot": receipts,
        "logsBloom": bloom,
        "difficulty": 0,
        "number": of.number,
        "gasLimit": 60_000_000,
        "gasUsed": 0,
        "timestamp": of.timestamp,
        "extraData": count.to_bytes(8, "big"),
        "mixHash": bytes(32),
        "nonce": bytes(8),
        "baseFeePerGas": of.base_fee_wei,
    }
    shown = {
        name: hex(value) if isinstance(value, int) else hexadecimal(value)
        for name, value in fields.items()
    }
    return {**shown, "hash": hexadecimal(keccak(rlp.encode([*fields.values()])))}
