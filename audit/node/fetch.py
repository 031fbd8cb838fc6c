"""What is asked of the node: logs in ranges that adapt, headers, receipts and calldata."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from audit.errors import EndpointError, NodeRefusedError, OtherChainError
from audit.node.logs import Log, log_of
from audit.node.rpc import Endpoint
from audit.node.values import (
    data,
    header_asked_for,
    header_of,
    header_rlp,
    listing,
    quantity,
    record,
)
from protocol.headers import Header

_P = ParamSpec("_P")
_T = TypeVar("_T")

FIRST_SPAN = 200
"""Blocks in the first range of logs; it doubles while the contract is quiet."""

LONGEST_SPAN = 20_000
"""However quiet the contract: a range is held in memory, with its headers."""

MANY_LOGS = 2_000
"""A range with more log entries is not made longer, and one with twice as many shorter."""


_ALLOWED = re.compile(
    r"\b(\d[\d,]{0,8})[ -]?blocks?\b|range\D{1,25}\b(\d[\d,]{0,8})\b", re.IGNORECASE
)
_TOO_MANY_LOGS = re.compile(r"results|response size|too many logs", re.IGNORECASE)
"""What endpoints say of a range that they would allow, if it held fewer log entries."""


@dataclass(frozen=True, slots=True)
class Window:
    """Blocks `first` to `last` with the contract's log entries, in the order of the chain."""

    first: int
    last: int
    logs: tuple[Log, ...]


def _naming_the_endpoint(ask: Callable[Concatenate[ContractEndpoint, _P], _T]) -> Callable[..., _T]:
    """The same, with the endpoint's name in an error about its answers."""

    @wraps(ask)
    def asking(chain: ContractEndpoint, *args: _P.args, **options: _P.kwargs) -> _T:
        with chain.named():
            return ask(chain, *args, **options)

    return asking


class ContractEndpoint:
    """One contract behind one endpoint; its errors name it."""

    def __init__(self, endpoint: Endpoint, contract: str) -> None:
        self.endpoint = endpoint
        self.contract = contract.lower()
        self._span, self._widest = FIRST_SPAN, LONGEST_SPAN

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the endpoint's name before the text of each EndpointError that lacks it."""
        try:
            yield
        except EndpointError as error:
            if self.endpoint.place in str(error):
                raise
            raise type(error)(f"{self.endpoint.place}: {error}") from error

    @_naming_the_endpoint
    def chain_id(self) -> int:
        """The chain that the endpoint serves."""
        return quantity(self.endpoint.call("eth_chainId"), "chain id")

    @_naming_the_endpoint
    def code(self, block: str, address: str | None = None) -> bytes:
        """The code at an address, by default the contract's, at a block, by its hash."""
        at = {"blockHash": block}
        return data(self.endpoint.call("eth_getCode", address or self.contract, at), "code")

    @_naming_the_endpoint
    def header(self, block: int | str) -> Header:
        """A header by number, hash or "latest": the one asked for, which hashes to its hash.

        Raises OtherChainError when there is none, EndpointError for another.
        """
        by_hash = isinstance(block, str) and block.startswith("0x")
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        found = self.endpoint.call(method, hex(block) if isinstance(block, int) else block, False)
        if found is None:
            raise OtherChainError(f"{self.endpoint.place} has no block {block}")
        return header_asked_for(found, block)

    @_naming_the_endpoint
    def header_rlp(self, block_hash: str) -> bytes:
        """The header of a block as it hashes to that; raises OtherChainError when there is none."""
        found = self.endpoint.call("eth_getBlockByHash", block_hash, False)
        if found is None:
            raise OtherChainError(f"{self.endpoint.place} has no block {block_hash} any more")
        header = header_of(found)
        if header.hash != block_hash or not header.proven:
            raise OtherChainError(
                f"{self.endpoint.place} gives no block that hashes to {block_hash}"
            )
        return header_rlp(found)

    @_naming_the_endpoint
    def headers(self, numbers: Iterable[int]) -> list[Header]:
        """Headers by number."""
        calls = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        return [header_of(found) for found in self.endpoint.batch(calls)]

    @_naming_the_endpoint
    def deployment_block(self, last: int) -> int:
        """The first block with code at the address, found by bisection in past state.

        Raises EndpointError when the node has no past state: then --from-block has to be given.
        """
        low, high = 0, last
        while low < high:
            middle = (low + high) // 2
            try:
                found = self.endpoint.call("eth_getCode", self.contract, hex(middle))
            except NodeRefusedError as error:
                raise EndpointError(
                    f"the node does not keep the whole history ({error}); give --from-block, "
                    "the block of the deployment"
                ) from error
            if data(found, "code"):
                high = middle
            else:
                low = middle + 1
        return low

    @_naming_the_endpoint
    def window(self, first: int, last: int, topics: Sequence[Sequence[str]] = ()) -> Window:
        """The next blocks from `first`, as many as the node allows, at most to `last`.

        `topics` asks for some entries only: of each place, those allowed there. Raises
        EndpointError when it refuses even a single block.
        """
        while True:
            until = min(last, first + self._span - 1)
            query = {
                "address": self.contract,
                "fromBlock": hex(first),
                "toBlock": hex(until),
                **({"topics": [list(allowed) for allowed in topics]} if topics else {}),
            }
            try:
                found = listing(self.endpoint.call("eth_getLogs", query), "logs")
            except NodeRefusedError as error:
                if until == first:
                    raise EndpointError(f"the logs of block {first} alone: {error}") from error
                self._narrow(until - first + 1, str(error))
                continue
            if len(found) < MANY_LOGS:
                self._span = min(LONGEST_SPAN, self._widest, 2 * self._span)
            elif len(found) > 2 * MANY_LOGS:
                self._span = max(1, self._span // 2)
            logs = sorted(map(log_of, found), key=lambda log: (log.block, log.index))
            if logs and not (first <= logs[0].block and logs[-1].block <= until):
                raise EndpointError(f"asked for blocks {first} to {until}, got others")
            return Window(first, until, tuple(logs))

    def _narrow(self, refused: int, reason: str) -> None:
        """Ask for fewer blocks from now on; for ever, unless it was the answer that was too large.

        Many endpoints say how many they allow.
        """
        said = _ALLOWED.search(reason)
        allowed = int((said[1] or said[2]).replace(",", "")) if said else 0
        self._span = allowed if 0 < allowed < refused else max(1, refused // 2)
        if not _TOO_MANY_LOGS.search(reason):
            self._widest = self._span

    @_naming_the_endpoint
    def block_receipts(self, headers: Sequence[Header]) -> list[list[Any]]:
        """All receipts of each block; raises NodeRefusedError."""
        calls = [("eth_getBlockReceipts", (header.hash,)) for header in headers]
        return [listing(found, "receipts") for found in self.endpoint.batch(calls)]

    @_naming_the_endpoint
    def inputs(self, transactions: Sequence[str]) -> dict[str, bytes | None]:
        """Calldata of transactions that call the contract itself; None for all others.

        A transaction that the node does not have is left out.
        """
        calls = [("eth_getTransactionByHash", (one,)) for one in transactions]
        found: dict[str, bytes | None] = {}
        for transaction, answer in zip(transactions, self.endpoint.batch(calls), strict=True):
            if answer is not None:
                fields = record(answer, "transaction")
                direct = str(fields.get("to")).lower() == self.contract
                found[transaction] = data(fields.get("input"), "input") if direct else None
        return found
