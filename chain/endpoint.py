"""One JSON-RPC endpoint of the contract: what proves itself is checked, clear errors.

A header that does not hash to its hash, and a proof or receipts of a block that do not lead to its
root, raise LyingEndpointError: two statements about one block of which one is false. An answer
about another block than the one asked for is not a lie: a block may have come between two calls, or
the node may be behind. Whatever else is wrong raises ChainError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound
from web3.providers import JSONBaseProvider
from web3.types import TxParams

from chain.contract import DrillMeter, content
from chain.decode import whole
from chain.errors import (
    ChainError,
    LaterError,
    RefusedCallError,
    TransactionRefusedError,
    UncoveredReceiptsError,
    WrongChainError,
)
from chain.node import ChainNode
from chain.ports import TransactionReceipt
from chain.refusals import has_it
from protocol.answers import data, hexadecimal, listing, quantity, record
from protocol.errors import AbsentError, StrangeReceiptsError
from protocol.headers import Header, header_asked_for, header_rlp
from protocol.receipt_trie import receipts_root, require_receipts
from protocol.state_proof import Account, proven_account, proven_words

FEE_BLOCKS = 10
"""Of so many newest blocks the middle priority fee is taken where nobody names one."""

Logs = dict[tuple[object, ...], Any]
"""Log entries as an endpoint gives them, by their content."""

NO_CODE = keccak(b"")
"""The code hash of an account that is not a contract."""


@dataclass(frozen=True, slots=True)
class ProvenWords:
    """Words of storage, and the trie nodes that prove them, each once."""

    words: tuple[int, ...]
    nodes: tuple[bytes, ...]


class RpcEndpoint(ChainNode):
    """One endpoint and one contract. Not for several threads at a time."""

    def __init__(
        self,
        rpc_url: str,
        chain_id: int,
        contract: DrillMeter,
        timeout_seconds: float,
        provider: JSONBaseProvider | None = None,
    ) -> None:
        """`provider` carries the calls instead of HTTP, in a simulation."""
        super().__init__(rpc_url, timeout_seconds, provider)
        self._chain_id, self._contract = chain_id, contract

    def require_chain(self) -> None:
        """Raise WrongChainError unless the endpoint serves the deployment's chain."""
        found = self._ask(lambda: quantity(self._call("eth_chainId"), "chain id"))
        if found != self._chain_id:
            raise WrongChainError(
                f"{self.place} serves chain {found}, the deployment is on chain {self._chain_id}"
            )

    def block(self, block: int | str) -> Header:
        """A header by number or tag, or by hash if that is bytes32 in hexadecimal; its fields hash
        to its hash."""
        by_hash = isinstance(block, str) and block.startswith("0x")
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        name = hex(block) if isinstance(block, int) else block

        return self._ask(lambda: self._header(self._call(method, name, False), block))

    def blocks(self, numbers: Sequence[int]) -> list[Header]:
        """Headers by number, each hashing to its hash; in one request where the endpoint takes
        several calls in one."""

        def fetch() -> list[Header]:
            asked = [[hex(number), False] for number in numbers]
            found = self._calls("eth_getBlockByNumber", asked)
            return [self._header(*one) for one in zip(found, numbers, strict=True)]

        return self._ask(fetch)

    def _header(self, found: Any, asked: int | str) -> Header:
        if found is None:
            raise LaterError(f"{self.place} has no block {asked}")
        header = header_asked_for(found, asked)
        whole(header.number, "number")
        whole(header.timestamp, "timestamp")
        return header

    def header_rlp(self, of: Header) -> bytes:
        """A block's header as it is hashed."""

        def fetch() -> bytes:
            found = self._call("eth_getBlockByHash", of.hash, False)
            self._header(found, of.hash)
            return header_rlp(record(found, "block"))

        return self._ask(fetch)

    def account(self, address: str, at: Header) -> Account | None:
        """The proven account of any address, None where there provably is none."""
        return self._ask(lambda: self._account(self._proof(address, (), at), address, at))

    def words(self, slots: Sequence[int], at: Header) -> ProvenWords | None:
        """The proven words of the contract's storage, None where there provably is no contract: no
        account, or one without code."""

        def fetch() -> ProvenWords | None:
            answer = self._proof(self._contract.address, slots, at)
            account = self._account(answer, self._contract.address, at)
            if account is None or account.code_hash == NO_CODE:
                return None
            words = proven_words(account.storage_root, slots, answer)
            return ProvenWords(tuple(words), _nodes_of(answer))

        return self._ask(fetch)

    def logs_between(self, first: int, last: int) -> Logs:
        """The contract's log entries in blocks `first` to `last`; raises RefusedCallError for a
        range that the endpoint does not serve at a time."""
        query = self._query(fromBlock=hex(first), toBlock=hex(last))
        return self._ask(lambda: _by_content(self._call("eth_getLogs", query)))

    def logs_of(self, block: Header) -> Logs:
        """The same of one block; an endpoint that does not have the block says nothing of it."""
        number = hex(block.number)
        forms: list[list[Any]] = [
            [self._query(blockHash=block.hash)],
            [self._query(fromBlock=number, toBlock=number)],
        ]

        def read(found: Any) -> Logs:
            logs = _by_content(found)
            self._require_of(block, logs.values())
            return logs

        def fetch() -> Logs:
            logs = self._either("eth_getLogs", forms, read)
            if not logs:
                has = self._call("eth_getBlockByNumber", number, False)
                if self._header(has, block.number).hash != block.hash:
                    raise LaterError(f"{self.place} has another block {block.number}")
            return logs

        return self._ask(fetch)

    def _query(self, **blocks: str) -> dict[str, str]:
        return {"address": self._contract.address, **blocks}

    def _require_of(self, block: Header, found: Any) -> None:
        """Raise LaterError unless receipts or log entries say that they are of that block."""
        if any(str(record(one, "entry").get("blockHash")).lower() != block.hash for one in found):
            raise LaterError(f"{self.place} answers about another block than {block.number}")

    def block_receipts(self, of: Header, *, covered: bool = False) -> list[Any]:
        """All receipts of a block; they hash to the header's root.

        Raises UncoveredReceiptsError where there is one more that the root does not cover, or some
        of a type of the chain's own; with `covered` those that it covers are given.
        """
        forms: list[list[Any]] = [[of.hash], [hex(of.number)], [{"blockHash": of.hash}]]

        def read(found: Any) -> list[Any]:
            if found is None:
                raise LaterError(f"{self.place} has no receipts of block {of.number}")
            receipts = listing(found, "receipts")
            self._require_of(of, receipts)
            try:
                require_receipts(receipts, of.receipts_root)
            except StrangeReceiptsError as error:
                if covered and receipts_root(receipts[:-1]) == of.receipts_root:
                    return receipts[:-1]
                told = f"{self.place}, block {of.number}: {error}"
                raise UncoveredReceiptsError(told) from error
            return receipts

        return self._ask(lambda: self._either("eth_getBlockReceipts", forms, read))

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon: as the node names it, or the middle
        one of its newest blocks, or what its price of gas is above the base fee."""
        ways = (self._named_fee, self._middle_fee, self._fee_in_price)

        def fetch() -> int:
            failed: RefusedCallError | None = None
            for way in ways:
                try:
                    return whole(way(), "priority fee")
                except RefusedCallError as error:
                    failed = failed or error
            raise failed or AssertionError("there is a way")

        return self._ask(fetch)

    def _named_fee(self) -> int:
        return quantity(self._call("eth_maxPriorityFeePerGas"), "priority fee")

    def _middle_fee(self) -> int:
        found = record(self._call("eth_feeHistory", hex(FEE_BLOCKS), "latest", [50]), "fees")
        rewards = [
            quantity(listing(one, "reward")[0], "reward")
            for one in listing(found.get("reward"), "rewards")
        ]
        return sorted(rewards)[len(rewards) // 2]

    def _fee_in_price(self) -> int:
        price = quantity(self._call("eth_gasPrice"), "price of gas")
        newest = self._header(self._call("eth_getBlockByNumber", "latest", False), "latest")
        return max(price - newest.base_fee, 1)

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs; raises CallRevertedError if it fails."""
        call: TxParams = {
            "from": to_checksum_address(sender),
            "to": self._contract.address,
            "data": HexBytes(data),
        }
        return self._ask(lambda: whole(self._web3.eth.estimate_gas(call), "gas"))

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction; one that is known already is not an error.

        Raises TransactionRefusedError with the node's reason.
        """
        try:
            self._ask(lambda: self._call("eth_sendRawTransaction", hexadecimal(raw)))
        except RefusedCallError as error:
            if not has_it(error.reason):
                raise TransactionRefusedError(str(error), error.reason) from error

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """The transaction's receipt, or None while it is not mined; nothing proves it."""
        wanted = HexBytes(transaction_hash)
        try:
            return self._ask(
                lambda: self._contract.transaction_receipt(
                    transaction_hash, self._web3.eth.get_transaction_receipt(wanted)
                )
            )
        except ChainError as error:
            if isinstance(error.__cause__, TransactionNotFound):
                return None
            raise

    def transaction_input(self, transaction_hash: object) -> bytes:
        """What a mined transaction carried; nothing proves it."""

        def fetch() -> bytes:
            found = self._call("eth_getTransactionByHash", transaction_hash)
            if found is None:
                raise ChainError(f"{self.place} has no transaction {transaction_hash}")
            return data(record(found, "transaction").get("input"), "input")

        return self._ask(fetch)

    def _proof(self, address: str, slots: Sequence[int], at: Header) -> Mapping[str, Any]:
        """An answer of eth_getProof whose first node is the root of that block's state."""
        keys = [f"0x{slot:064x}" for slot in slots]
        forms: list[list[Any]] = [
            [address, keys, {"blockHash": at.hash}],
            [address, keys, hex(at.number)],
            [address, keys, at.hash],
        ]

        def read(found: Any) -> Mapping[str, Any]:
            answer = record(found, "proof")
            nodes = listing(answer.get("accountProof"), "accountProof")
            if nodes and keccak(data(nodes[0], "proof node")) != at.state_root:
                raise LaterError(f"{self.place} proves the state of another block than {at.number}")
            return answer

        return self._either("eth_getProof", forms, read)

    @staticmethod
    def _account(answer: Mapping[str, Any], address: str, at: Header) -> Account | None:
        try:
            return proven_account(at.state_root, address, answer)
        except AbsentError:
            return None


def _by_content(found: Any) -> Logs:
    return {content(log): log for log in listing(found, "logs")}


def _nodes_of(answer: Mapping[str, Any]) -> tuple[bytes, ...]:
    """All nodes in an answer of eth_getProof that has been verified, each once."""
    proofs = [answer["accountProof"], *(entry["proof"] for entry in answer["storageProof"])]
    nodes = (bytes.fromhex(node[2:]) for proof in proofs for node in proof)
    return tuple(dict.fromkeys(nodes))
