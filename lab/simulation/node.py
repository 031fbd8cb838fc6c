"""A node behind an endpoint: JSON-RPC over the simulated chain, honest or not.

What reaches the oracle's own code is what web3's HTTP provider would hand it: results, JSON-RPC
errors, and the exceptions of `requests`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from web3.providers import JSONBaseProvider

from lab.simulation.chain import BASE_FEE_WEI, CHAIN_ID, Block, SimChain, transaction_of
from lab.simulation.chance import EventTally, Fuse, SeededDice
from lab.simulation.endpoint import Weather
from lab.simulation.fork import Fork
from lab.simulation.ledger import GAS, BlockLedger, LedgerPage, hexadecimal

LIES = ("other fork", "other chain", "forged header", "forged proof", "invented event", "no events")
FOREIGN_CHAIN_ID = 1
ERROR_STRING = bytes.fromhex("08c379a0")

_RAISED: Mapping[str, Callable[[], Exception]] = {
    "time-out": lambda: requests.Timeout("simulated"),
    "429": lambda: requests.HTTPError("429 Too Many Requests"),
    "500": lambda: requests.HTTPError("500 Internal Server Error"),
    "wrong body": lambda: json.JSONDecodeError("Expecting value", "<html>", 0),
    "connection reset": lambda: requests.ConnectionError("simulated reset"),
}


class SimRefusedError(Exception):
    """The node's error, as JSON-RPC has it."""

    def __init__(self, message: str, code: int = -32_000, data: str | None = None) -> None:
        super().__init__(message)
        self.answer = {"code": code, "message": message}
        if data is not None:
            self.answer["data"] = data


@dataclass(eq=False)
class SimNode:
    """One node; `lie` is what it lies about now, and `fork` the chain of its own then."""

    name: str
    chain: SimChain
    ledger: BlockLedger
    dice: SeededDice
    tally: EventTally
    wait: Callable[[int], None]
    weather: Weather
    lie: str = ""
    fork: Fork | None = None
    down: bool = False
    _turn: int = 0

    def lies(self, lie: str, since: int) -> Callable[[], None]:
        """From now on, about the blocks from number `since` on; returns what ends it, unless
        something else has become of the node meanwhile."""
        self.is_honest()
        self.lie, self._turn = lie, self._turn + 1
        turn = self._turn
        if lie in ("other fork", "other chain", "forged proof"):
            self.fork = Fork(self.chain, self.ledger, 0 if lie == "other chain" else since)

        def end() -> None:
            if self._turn == turn:
                self.is_honest()

        return end

    def is_honest(self) -> None:
        """Again."""
        self.lie, self.fork, self.down = "", None, False

    def answer(self, method: str, parameters: list[Any], fuse: Fuse) -> Any:
        """A result; raises SimRefusedError, and whatever `requests` raises."""
        fuse.touch(f"rpc {method}")
        self._suffer()
        if method == "eth_sendRawTransaction":
            found = self._take(bytes.fromhex(parameters[0][2:]))
            self._suffer()
            return found
        handler: Callable[..., Any] = getattr(self, f"_{method}")
        found = handler(*parameters)
        return self._twist(method, found) if self.lie else found

    def _suffer(self) -> None:
        if self.down:
            self.tally.faults["rpc connection reset"] += 1
            raise requests.ConnectionError("simulated: down")
        kind = self.weather.strike(self.dice, self.tally, self.wait)
        if kind:
            raise _RAISED[kind]()

    def _twist(self, method: str, found: Any) -> Any:
        """The lies that are told about true answers."""
        told: Any = None
        if self.lie == "forged header" and method.startswith("eth_getBlockBy") and found:
            told = {**found, "stateRoot": hexadecimal(self.dice.randbytes(32))}
        elif self.lie == "invented event" and method == "eth_getLogs" and found:
            told = [*found, {**found[-1], "logIndex": hex(len(found) + 7)}]
        elif self.lie == "no events" and method == "eth_getLogs" and found:
            told = []
        elif self.fork is not None:
            self.tally.faults[f"rpc lie: {self.lie}"] += 1
        if told is None:
            return found
        self.tally.faults[f"rpc lie: {self.lie}"] += 1
        return told

    # The chain as this node has it ----------------------------------------------------------

    def _blocks(self) -> list[Block]:
        lag = self.weather.stale_blocks
        if lag:
            self.tally.faults["rpc stale"] += 1
            return self.chain.blocks[: max(len(self.chain.blocks) - lag, 1)]
        return self.chain.blocks

    def _page(self, block: Block) -> LedgerPage:
        own = self.fork is not None and self.lie != "forged proof"
        return self.fork.of(block) if own and self.fork else self.ledger.of(block)

    def _by_hash(self, hash_: str) -> LedgerPage | None:
        if self.fork is not None and hash_ in self.fork.by_hash:
            return self.fork.by_hash[hash_]
        block = self.chain.known.get(bytes.fromhex(hash_[2:]))
        return None if block is None else self.ledger.of(block)

    def _known(self, hash_: str) -> LedgerPage:
        page = self._by_hash(hash_)
        if page is None:
            raise SimRefusedError("header not found")
        return page

    def _eth_chainId(self) -> str:  # noqa: N802  the method's name
        return hex(FOREIGN_CHAIN_ID if self.lie == "other chain" else CHAIN_ID)

    def _eth_getBlockByNumber(self, number: str, _full: bool) -> Any:  # noqa: N802
        blocks = self._blocks()
        place = len(blocks) - 1 if number == "latest" else int(number, 16)
        return self._page(blocks[place]).header if place < len(blocks) else None

    def _eth_getBlockByHash(self, hash_: str, _full: bool) -> Any:  # noqa: N802
        page = self._by_hash(hash_)
        return None if page is None else page.header

    def _eth_getBlockReceipts(self, hash_: str) -> Any:  # noqa: N802
        return self._known(hash_).receipts

    def _eth_getLogs(self, query: Mapping[str, Any]) -> list[Any]:  # noqa: N802
        if "blockHash" in query:
            pages = [self._known(query["blockHash"])]
        else:
            first, last = (int(query[name], 16) for name in ("fromBlock", "toBlock"))
            pages = [self._page(block) for block in self._blocks()[first : last + 1]]
        return [entry for page in pages for one in page.receipts for entry in one["logs"]]

    def _eth_getProof(  # noqa: N802
        self, account: str, keys: list[str], at: Mapping[str, str]
    ) -> Any:
        page = self._known(at["blockHash"])
        if self.lie == "forged proof" and self.fork is not None:
            page = self.fork.of(page.block)
        return self.ledger.proof(page, account, [int(key, 16) for key in keys])

    def _eth_maxPriorityFeePerGas(self) -> str:  # noqa: N802
        return hex(BASE_FEE_WEI // 10)

    def _eth_estimateGas(self, call: Mapping[str, str], *_at: str) -> str:  # noqa: N802
        data = bytes.fromhex(call["data"][2:])
        outcome = self.chain.try_call(int(call["from"], 16), data)
        if outcome.reason is not None:
            text = outcome.reason.encode()
            padded = text + bytes(-len(text) % 32)
            shown = ERROR_STRING + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + padded
            message = f"execution reverted: {outcome.reason}"
            raise SimRefusedError(message, 3, hexadecimal(shown))
        return hex(GAS)

    def _eth_getTransactionReceipt(self, hash_: str) -> Any:  # noqa: N802
        for block in reversed(self._blocks()):
            for place, one in enumerate(block.mined):
                if hexadecimal(one.transaction.hash) == hash_:
                    return self._page(block).receipts[place]
        return None

    def _take(self, raw: bytes) -> str:
        """Into the mempool, which is everybody's."""
        if self.weather.refusing:
            self.tally.faults["rpc refuses a transaction"] += 1
            raise SimRefusedError("insufficient funds for gas")
        made, chain = transaction_of(raw), self.chain
        rivals = [one for one in chain.pool if one.nonce == made.nonce]
        if any(one.hash == made.hash for one in chain.pool):
            raise SimRefusedError("already known")
        if made.nonce is not None and made.nonce < chain.nonce:
            raise SimRefusedError("nonce too low")
        if any(one.fee_wei * 110 > made.fee_wei * 100 for one in rivals):
            raise SimRefusedError("replacement transaction underpriced")
        if self.dice.hits(self.weather.forgetting):
            self.tally.faults["rpc forgets a transaction"] += 1
        else:
            chain.pool = [one for one in chain.pool if one not in rivals]
            chain.send(made)
        return hexadecimal(made.hash)


class SimProvider(JSONBaseProvider):
    """In the place of web3's HTTP provider."""

    def __init__(self, node: SimNode, fuse: Fuse) -> None:
        super().__init__()
        self._node, self._fuse = node, fuse

    def make_request(self, method: Any, params: Any) -> Any:
        """One call; through JSON, so that no two sides share an object."""
        head = {"jsonrpc": "2.0", "id": 1}
        asked = json.loads(json.dumps([*params], default=_plain))
        try:
            found = self._node.answer(str(method), asked, self._fuse)
        except SimRefusedError as error:
            return {**head, "error": error.answer}
        return json.loads(json.dumps({**head, "result": found}))

    def make_batch_request(self, requests: Any) -> Any:
        """Several calls in one request."""
        return [self.make_request(*one) for one in requests]


def _plain(value: Any) -> Any:
    """Bytes and web3's mappings as JSON."""
    if isinstance(value, bytes):
        return hexadecimal(value)
    return dict(value)
