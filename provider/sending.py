"""Sending a transaction so that nobody is surprised: tried first, shown, sent, and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from eth_hash.auto import keccak

from provider.errors import ContractRefusedError, NodeError, ProviderError
from provider.node import ProviderNode

MINED_SECONDS = 600.0
"""How long a transaction is waited for."""

POLL_SECONDS = 0.5

MOST_GONE = 40
"""So many looks in a row at a nonce that is used up, by a transaction that no endpoint shows."""

LEAST_TIP = 1_000_000
"""Wei a gas, where the endpoint does not say what is usual."""

Before = Callable[[str, int, bytes], None]
"""Told a transaction's hash, nonce and signed bytes before it goes out."""

Say = Callable[[str], None]


class Wallet(Protocol):
    """An account that signs transactions."""

    @property
    def address(self) -> str:
        """Its checksummed address."""

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """The signed bytes of a transaction's fields; raises ProviderError when it will not."""


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction in words and in data; `to` is None for a contract's creation."""

    what: str
    to: str | None
    data: bytes
    value: int = 0
    """Wei."""


@dataclass(frozen=True, slots=True)
class FeeOffer:
    """What a transaction offers, wei a gas; without a tip it is of the kind before EIP-1559."""

    highest: int
    tip: int | None

    def fields(self) -> dict[str, int]:
        """For the transaction."""
        if self.tip is None:
            return {"gasPrice": self.highest}
        return {"type": 2, "maxFeePerGas": self.highest, "maxPriorityFeePerGas": self.tip}


class Sender:
    """Sends calls from one account, one after the other."""

    def __init__(self, node: ProviderNode, wallet: Wallet, say: Say) -> None:
        self.node, self.wallet, self._say = node, wallet, say
        self._chain_id = node.chain_id()

    def request(self, call: Call) -> dict[str, str]:
        """A call as `eth_call` and `eth_estimateGas` take it."""
        fields = {"from": self.wallet.address, "data": "0x" + call.data.hex()}
        if call.to is not None:
            fields["to"] = call.to
        if call.value:
            fields["value"] = hex(call.value)
        return fields

    def try_out(self, call: Call) -> int:
        """The gas that a call would take now; raises ContractRefusedError with the reason."""
        try:
            self.node.data("eth_call", self.request(call), "latest")
            return self.node.number("eth_estimateGas", self.request(call))
        except ContractRefusedError as error:
            raise ContractRefusedError(f"{call.what} is refused: {error}", error.content) from error

    def fees(self) -> FeeOffer:
        """Twice the present base fee and the usual tip, or the usual price where there is none."""
        base = self.node.head().base_fee
        if base is None:
            return FeeOffer(self.node.number("eth_gasPrice"), None)
        try:
            tip = self.node.number("eth_maxPriorityFeePerGas")
        except NodeError:
            tip = max(LEAST_TIP, self.node.number("eth_gasPrice") - base)
        return FeeOffer(2 * base + tip, tip)

    def show(self, call: Call) -> int:
        """Try a call out and say what it takes; returns the gas that it may use."""
        gas = self.try_out(call)
        limit = gas + gas // 5
        highest = limit * self.fees().highest
        self._say(f"{call.what}: about {gas} gas, at most {coins(highest)} for it")
        return limit

    def send(self, call: Call, before: Before | None = None) -> Mapping[str, Any]:
        """Try a call out, show it, send it, wait until it is mined; returns the receipt.

        Raises ContractRefusedError when it is refused, NodeError when it is not mined in time:
        then it may still be, and the message has its hash.
        """
        return self.dispatch(call, self.show(call), before)

    def dispatch(self, call: Call, limit: int, before: Before | None = None) -> Mapping[str, Any]:
        """Send a call that was shown, with the gas that it may use, and wait for it."""
        nonce = self.next_nonce()
        transaction: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": limit,
            "value": call.value,
            "data": "0x" + call.data.hex(),
            **self.fees().fields(),
        }
        if call.to is not None:
            transaction["to"] = call.to
        raw = self.wallet.sign(transaction)
        found = transaction_hash(raw)
        if before is not None:
            before(found, nonce, raw)
        return self.finish(call.what, found, nonce, raw)

    def next_nonce(self) -> int:
        """The account's next; raises NodeError while others of its transactions are on their way,
        because what they do would come between."""
        mined = self.node.number("eth_getTransactionCount", self.wallet.address, "latest")
        known = self.node.number("eth_getTransactionCount", self.wallet.address, "pending")
        deadline = time.monotonic() + MINED_SECONDS
        if known > mined:
            self._say(f"waiting for {known - mined} earlier transactions of {self.wallet.address}")
        while known > mined:
            if time.monotonic() > deadline:
                raise NodeError(
                    f"{known - mined} transactions of {self.wallet.address}, from nonce {mined} "
                    "on, are not mined; replace them with higher fees, or wait, and run this again"
                )
            time.sleep(POLL_SECONDS)
            mined = self.node.number("eth_getTransactionCount", self.wallet.address, "latest")
        return mined

    def finish(self, what: str, found: str, nonce: int, raw: bytes) -> Mapping[str, Any]:
        """Send signed bytes, again if need be, and wait; returns the receipt."""
        receipt = self.node.transaction_receipt(found)
        if receipt is None:
            self._submit(raw)
        deadline, gone = time.monotonic() + MINED_SECONDS, 0
        while receipt is None:
            if time.monotonic() > deadline:
                raise NodeError(
                    f"{what}: {found} is not mined after {MINED_SECONDS:g} s; it may still be. Run "
                    f"this again, or replace it (nonce {nonce}) with a higher fee"
                )
            time.sleep(POLL_SECONDS)
            taken = self.node.number("eth_getTransactionCount", self.wallet.address, "latest")
            receipt = self.node.transaction_receipt(found)
            gone = gone + 1 if receipt is None and taken > nonce else 0
            if gone > MOST_GONE:
                raise NodeError(
                    f"{what}: another transaction has taken nonce {nonce} of {self.wallet.address};"
                    " look at what it did, and run this again"
                )
        if int(str(receipt["status"]), 16) != 1:
            raise ProviderError(f"{what}: {found} was mined and reverted")
        return receipt

    def _submit(self, raw: bytes) -> None:
        try:
            self.node.ask("eth_sendRawTransaction", "0x" + raw.hex())
        except NodeError as error:
            # It is there, or mined already; whether it is shows when it is looked for.
            text = str(error).lower()
            if not any(word in text for word in ("already", "known", "nonce too low")):
                raise


def transaction_hash(raw: bytes) -> str:
    """A signed transaction's hash."""
    return "0x" + keccak(raw).hex()


def coins(wei: int) -> str:
    """An amount of the native coin for a person, exact, and in wei where it is small."""
    if 0 < wei < 10**9:
        return f"{wei} wei"
    whole, rest = divmod(wei, 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".") + " coins"
