"""One endpoint and the forwarder, as sending needs them (`chain.ports.SendingChain`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from eth_account import Account

from chain.errors import CallRevertedError, ChainError, TransactionRefusedError
from chain.ports import TransactionReceipt
from chain.refusals import has_it
from chain.views import BlockSummary
from provider.errors import ContractRefusedError, NodeError
from provider.node import ProviderNode, checksummed

_T = TypeVar("_T")


class RelayChain:
    """For one thread at a time; every method may raise ChainError."""

    def __init__(self, node: ProviderNode, contract: str) -> None:
        self._node, self._contract = node, checksummed(contract)

    def head(self) -> BlockSummary:
        """The newest block; of its parent nothing is needed here."""
        found = self._ask(self._node.head)
        number, fee = found.number, found.base_fee or 0
        return BlockSummary(number, bytes.fromhex(found.hash[2:]), b"", found.timestamp, fee)

    def priority_fee_wei(self) -> int:
        """What the node names; the whole price of gas where it names none."""
        try:
            return self._ask(lambda: self._node.number("eth_maxPriorityFeePerGas"))
        except ChainError:
            return self._ask(lambda: self._node.number("eth_gasPrice"))

    def nonce(self, address: str) -> int:
        """How many transactions of the address are mined."""
        return self._ask(lambda: self._node.number("eth_getTransactionCount", address, "latest"))

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call takes; raises CallRevertedError with the contract's reason."""
        request = {"from": sender, "to": self._contract, "data": "0x" + data.hex()}
        try:
            self._node.data("eth_call", request, "latest")
            return self._node.number("eth_estimateGas", request)
        except ContractRefusedError as error:
            raise CallRevertedError(str(error)) from error
        except NodeError as error:
            raise ChainError(str(error)) from error

    def broadcast(self, raw: bytes) -> None:
        """Send signed bytes; what the node has already is no error."""
        try:
            self._node.ask("eth_sendRawTransaction", "0x" + raw.hex())
        except (NodeError, ContractRefusedError) as error:
            if not has_it(str(error)):
                raise TransactionRefusedError(str(error)) from error

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """A transaction's receipt, or None while it is not mined."""
        name = "0x" + transaction_hash.hex()
        found = self._ask(lambda: self._node.transaction_receipt(name))
        if found is None:
            return None
        try:
            return TransactionReceipt(
                transaction_hash=transaction_hash,
                block_number=int(found["blockNumber"], 16),
                block_hash=bytes.fromhex(found["blockHash"][2:]),
                succeeded=int(found["status"], 16) == 1,
                gas_used=int(found["gasUsed"], 16),
                rejected=(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ChainError(f"{self._node.name}: no receipt of {name}: {error}") from error

    def _ask(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except (NodeError, ContractRefusedError) as error:
            raise ChainError(str(error)) from error


class RelayAccount:
    """The account that pays, as `chain.ports.GasSigner`."""

    def __init__(self, private_key: bytes) -> None:
        self._account = Account.from_key(private_key)
        self.address = str(self._account.address)

    def __repr__(self) -> str:
        return f"RelayAccount({self.address})"

    def sign_transaction(self, transaction: dict[str, Any]) -> Any:
        """The signed transaction."""
        return self._account.sign_transaction(transaction)
