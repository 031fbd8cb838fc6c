"""One JSON-RPC endpoint as the provider's commands ask it: few calls, each with an end.

A contract that refuses is a ContractRefusedError with its reason; everything else that goes wrong
is a NodeError. Quantities are Python integers, data is bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from host.bounded_http import place_of
from host.errors import RefusedError, RpcError, UnreachableError
from host.foreign_text import harmless, without_secrets
from host.json_rpc import JsonRpc, Patience, error_text, is_worth_another_try
from provider.errors import ContractRefusedError, NodeError

SECONDS = 20.0
"""How long one call may take."""

TRIES = 3
PAUSE_SECONDS = 1.0

ERROR_STRING = bytes.fromhex("08c379a0")
Transport = Callable[[str, Sequence[object]], Mapping[str, Any]]
"""Sends a method and its parameters once; returns the answer, with "result" or "error", or raises
RpcError or OSError."""


def http_transport(url: str, seconds: float = SECONDS) -> Transport:
    """Over HTTP, by the one client with bounds; raises HostError for what is not an address."""
    rpc = JsonRpc(url, Patience(seconds, attempts=1))

    def send(method: str, parameters: Sequence[object]) -> Mapping[str, Any]:
        try:
            return {"result": rpc.call(method, *parameters)}
        except RefusedError as error:
            fault = error.error
            if fault is None:
                raise
            told = dict(fault) if isinstance(fault, Mapping) else {}
            return {"error": {**told, "message": without_secrets(error_text(fault), url)}}

    return send


def open_node(url: str) -> ProviderNode:
    """An endpoint at an address; raises HostError for what is none."""
    return ProviderNode(http_transport(url), place_of(url))


@dataclass(frozen=True, slots=True)
class Head:
    """A block as far as it is needed here; `base_fee` is in wei a gas, None where there is none."""

    number: int
    hash: str
    timestamp: int
    base_fee: int | None


class ProviderNode:
    """Asks one endpoint; `name` is how errors call it, without the path, which may hold a key."""

    def __init__(
        self, transport: Transport, name: str, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._transport, self.name, self._pause = transport, name, pause_seconds

    def ask(self, method: str, *parameters: object) -> Any:
        """The result of a call, tried three times while the endpoint is away or busy.

        Raises ContractRefusedError when a call reverts, NodeError for everything else.
        """
        trouble = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._pause * attempt)
            try:
                answer = self._transport(method, parameters)
            except UnreachableError as error:
                trouble = str(error)
                continue
            except RpcError as error:
                raise NodeError(str(error)) from error
            except OSError as error:
                # The error's own text may hold the whole address, and that a key.
                trouble = f"{self.name}: {method}: does not answer: {type(error).__name__}"
                continue
            fault = answer.get("error")
            if fault is None:
                return answer.get("result")
            text = error_text(fault)
            if not is_worth_another_try(fault):
                raise self._refusal(method, fault, text)
            trouble = f"{self.name}: {method}: {text}"
        raise NodeError(trouble)

    def _refusal(self, method: str, fault: object, text: str) -> NodeError | ContractRefusedError:
        content = fault.get("data") if isinstance(fault, dict) else None
        if isinstance(content, dict):  # as some nodes wrap it
            content = content.get("data")
        try:
            found = _bytes(content)
        except ValueError:
            found = b""  # words instead of data: then the message has to do
        reason = revert_reason(found)
        if reason is not None:
            return ContractRefusedError(reason, found)
        if "revert" in text.lower():
            return ContractRefusedError(text.rpartition("revert: ")[2] or text, found)
        return NodeError(f"{self.name}: {method}: {text}")

    def chain_id(self) -> int:
        """The chain's number."""
        return self.number("eth_chainId")

    def number(self, method: str, *parameters: object) -> int:
        """The result of a call as a quantity."""
        found = self.ask(method, *parameters)
        try:
            return int(found, 16)
        except (TypeError, ValueError):
            raise NodeError(
                f"{self.name}: {method}: {harmless(repr(found))} is not a quantity"
            ) from None

    def data(self, method: str, *parameters: object) -> bytes:
        """The result of a call as bytes."""
        found = self.ask(method, *parameters)
        try:
            return _bytes(found)
        except ValueError:
            raise NodeError(f"{self.name}: {method}: {harmless(repr(found))} is not data") from None

    def head(self, block: int | str = "latest") -> Head:
        """A block's header."""
        place = block if isinstance(block, str) else hex(block)
        found = self.ask("eth_getBlockByNumber", place, False)
        try:
            fee = found.get("baseFeePerGas")
            head = Head(
                number=int(found["number"], 16),
                hash="0x" + _bytes(found["hash"]).hex(),
                timestamp=int(found["timestamp"], 16),
                base_fee=None if fee is None else int(fee, 16),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise NodeError(f"{self.name}: no header of block {block}") from None
        if isinstance(block, int) and head.number != block:
            raise NodeError(f"{self.name}: asked for block {block}, got block {head.number}")
        return head

    def transaction_receipt(self, transaction: str) -> Mapping[str, Any] | None:
        """A transaction's receipt; None while it is not mined."""
        found = self.ask("eth_getTransactionReceipt", transaction)
        if found is not None and not (isinstance(found, dict) and "status" in found):
            raise NodeError(f"{self.name}: no receipt of {transaction}")
        return found


def revert_reason(content: bytes) -> str | None:
    """The text with which a call reverted; None for data that holds none."""
    if content[:4] != ERROR_STRING:
        return None
    try:
        (text,) = decode(["string"], content[4:])
    except DecodingError:
        return None
    return harmless(str(text))


def checksummed(found: object) -> str:
    """An address from an answer, in the form that shows typing errors."""
    return str(to_checksum_address(str(found)))


def _bytes(found: object) -> bytes:
    if not isinstance(found, str) or not found.startswith("0x"):
        raise ValueError("no data")
    return bytes.fromhex(found[2:])
