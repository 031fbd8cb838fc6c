"""One JSON-RPC endpoint as the provider's commands ask it: few calls, each with an end.

A contract that refuses is a ContractRefusedError with its reason; everything else that goes wrong
is a NodeError. Quantities are Python integers, data is bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from host.bounded_http import bounded_session, place_of
from host.bounded_json import parse_json
from host.errors import HostError, NonsenseError
from host.foreign_text import harmless
from provider.errors import ContractRefusedError, NodeError

SECONDS = 20.0
"""How long one call may take."""

TRIES = 3
PAUSE_SECONDS = 1.0

ERROR_STRING = bytes.fromhex("08c379a0")
_BUSY = ("rate limit", "too many requests", "429", "timeout", "timed out")

Transport = Callable[[str, Sequence[object]], Mapping[str, Any]]
"""Sends a method and its parameters; returns the answer, with "result" or "error"."""


def http_transport(url: str) -> Transport:
    """Over HTTP, no answer without end and no redirection followed."""
    session = bounded_session()

    def send(method: str, parameters: Sequence[object]) -> Mapping[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        answer = session.post(url, json=body, timeout=SECONDS)
        try:
            found = parse_json(answer.content)
        except NonsenseError as error:
            raise NodeError(f"answers with status {answer.status_code}, {error}") from None
        if not isinstance(found, dict):
            raise NodeError(f"answers with status {answer.status_code}, and no JSON-RPC")
        return found

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
            except (requests.RequestException, HostError, OSError) as error:
                # The error's own text may hold the whole address, and that a key.
                trouble = f"does not answer: {type(error).__name__}"
                continue
            except NodeError as error:
                trouble = str(error)
                continue
            fault = answer.get("error")
            if fault is None:
                return answer.get("result")
            text = harmless(str(fault.get("message") if isinstance(fault, dict) else fault))
            if not any(word in text.lower() for word in _BUSY):
                raise self._refusal(method, fault, text)
            trouble = text
        raise NodeError(f"{self.name}: {method}: {trouble}")

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
