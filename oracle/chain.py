"""One JSON-RPC endpoint: bounded retries per call, what proves itself is checked, clear errors.

A header that does not hash to its hash, and a proof or receipts that do not lead to their root,
raise LyingEndpointError; whatever else is wrong raises ChainError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
import stamina
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, TxParams

from host.bounded_http import bounded_session, place_of
from host.errors import AnswerTooLargeError
from host.foreign_text import without_secrets
from oracle.contract import DrillMeter, content
from oracle.endpoint import whole
from oracle.errors import (
    CallRevertedError,
    ChainError,
    LyingEndpointError,
    TransactionRefusedError,
    WrongChainError,
)
from oracle.ports import Receipt
from protocol.answers import hexadecimal, listing, quantity, record
from protocol.errors import AbsentError, AnswerError, ProofError
from protocol.headers import Header, header_asked_for, header_rlp
from protocol.receipt_trie import receipts_root
from protocol.state_proof import Account, proven_account, proven_words

ATTEMPTS, ATTEMPTS_SECONDS = 5, 5.0
"""A call that fails is tried again, five times in all and for five seconds, so one that times out
twice. After that the step gives up and the next one asks again. A look at the chain takes dozens of
calls and needs all of them: with 30 % failing and two tries of each, hardly one look succeeded."""

ALREADY_SENT = ("already known", "already imported", "known transaction")
TRANSPORT_ERRORS = (requests.RequestException, OSError)
WORTH_ANOTHER_TRY = (*TRANSPORT_ERRORS, json.JSONDecodeError)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ProvenWords:
    """Words of storage, and the trie nodes that prove them, each once."""

    words: tuple[int, ...]
    nodes: tuple[bytes, ...]


class RpcEndpoint:
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
        provider = provider or HTTPProvider(
            rpc_url,
            request_kwargs={"timeout": timeout_seconds},
            session=bounded_session(),
            exception_retry_configuration=None,
        )
        self._web3 = Web3(provider)
        self._secret_url, self.place = rpc_url, place_of(rpc_url)
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

        def fetch() -> Header:
            found = self._call(method, name, False)
            if found is None:
                raise ChainError(f"{self.place} has no block {block}")
            header = header_asked_for(found, block)
            whole(header.number, "number")
            whole(header.timestamp, "timestamp")
            return header

        return self._ask(fetch)

    def header_rlp(self, of: Header) -> bytes:
        """A block's header as it is hashed."""

        def fetch() -> bytes:
            content = header_rlp(record(self._call("eth_getBlockByHash", of.hash, False), "block"))
            if hexadecimal(keccak(content)) != of.hash:
                raise ProofError(f"the header of block {of.number} does not hash to {of.hash}")
            return content

        return self._ask(fetch)

    def account(self, address: str, at: Header) -> Account | None:
        """The proven account of any address, None where there provably is none."""
        return self._ask(lambda: self._account(self._proof(address, (), at), address, at))

    def words(self, slots: Sequence[int], at: Header) -> ProvenWords | None:
        """The proven words of the contract's storage, None where there provably is no contract."""

        def fetch() -> ProvenWords | None:
            answer = self._proof(self._contract.address, slots, at)
            account = self._account(answer, self._contract.address, at)
            if account is None:
                return None
            words = proven_words(account.storage_root, slots, answer)
            return ProvenWords(tuple(words), _nodes_of(answer))

        return self._ask(fetch)

    def logs(self, query: Mapping[str, Any]) -> dict[tuple[object, ...], Any]:
        """The contract's log entries as the endpoint gives them, by their content."""
        whole_query = {"address": self._contract.address, **query}
        return self._ask(
            lambda: {
                content(log): log for log in listing(self._call("eth_getLogs", whole_query), "logs")
            }
        )

    def logs_of(self, block: Header) -> dict[tuple[object, ...], Any]:
        """The same of one block; an endpoint that does not have the block says nothing of it."""
        found = self.logs({"blockHash": block.hash})
        if not found:
            self.block(block.hash)
        return found

    def receipts(self, of: Header) -> list[Any]:
        """All receipts of a block; they hash to the header's root."""

        def fetch() -> list[Any]:
            found = listing(self._call("eth_getBlockReceipts", of.hash), "receipts")
            root = receipts_root(found)
            if root != of.receipts_root:
                raise ProofError(f"receipts of block {of.number} hash to {hexadecimal(root)}")
            return found

        return self._ask(fetch)

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon."""
        return self._ask(lambda: whole(self._web3.eth.max_priority_fee, "priority fee"))

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs; raises CallRevertedError if it fails."""
        call: TxParams = {
            "from": to_checksum_address(sender),
            "to": self._contract.address,
            "data": HexBytes(data),
        }
        return self._ask(lambda: whole(self._web3.eth.estimate_gas(call), "gas"))

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction; one that is known already is no error.

        Raises TransactionRefusedError with the node's reason.
        """
        try:
            self._ask(lambda: self._web3.eth.send_raw_transaction(HexBytes(raw)))
        except ChainError as error:
            if any(word in str(error).lower() for word in ALREADY_SENT):
                return
            if isinstance(error.__cause__, Web3RPCError):
                raise TransactionRefusedError(str(error)) from error
            raise

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt, or None while the transaction is not mined; nothing proves it."""
        wanted = HexBytes(transaction_hash)
        try:
            return self._ask(
                lambda: self._contract.receipt(
                    transaction_hash, self._web3.eth.get_transaction_receipt(wanted)
                )
            )
        except ChainError as error:
            if isinstance(error.__cause__, TransactionNotFound):
                return None
            raise

    def _proof(self, address: str, slots: Sequence[int], at: Header) -> Mapping[str, Any]:
        keys = [f"0x{slot:064x}" for slot in slots]
        found = self._call("eth_getProof", address, keys, {"blockHash": at.hash})
        return record(found, "proof")

    @staticmethod
    def _account(answer: Mapping[str, Any], address: str, at: Header) -> Account | None:
        try:
            return proven_account(at.state_root, address, answer)
        except AbsentError:
            return None

    def _call(self, method: str, *parameters: Any) -> Any:
        """The result of a call as plain JSON."""
        answer: Any = self._web3.provider.make_request(RPCEndpoint(method), list(parameters))
        if not isinstance(answer, Mapping):
            raise AnswerError("no answer of JSON-RPC")
        if answer.get("error") is not None:
            error = answer["error"]
            text = error.get("message") if isinstance(error, Mapping) else error
            raise ChainError(f"{self.place} refuses {method}: {self._clean(str(text))}")
        return answer.get("result")

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Make one call, retried once when the connection fails, and turn its answer into values.

        Raises ChainError for whatever goes wrong: no answer may end the oracle.
        """
        try:
            for attempt in stamina.retry_context(
                on=WORTH_ANOTHER_TRY,
                attempts=ATTEMPTS,
                timeout=ATTEMPTS_SECONDS,
                wait_initial=0.1,
                wait_max=0.5,
            ):
                with attempt:
                    return call()
        except ContractLogicError as error:
            raise CallRevertedError(f"the contract refuses: {error.message}") from error
        except TRANSPORT_ERRORS as error:
            raise ChainError(f"{self.place} cannot be reached: {self._brief(error)}") from error
        except BlockNotFound as error:
            raise ChainError(f"{self.place}: {self._brief(error)}") from error
        except AnswerTooLargeError as error:
            raise ChainError(f"{self.place} gives an answer {error}") from None
        except ChainError:
            raise
        except ProofError as error:
            raise LyingEndpointError(f"{self.place}: {self._clean(str(error))}") from error
        except Exception as error:
            raise ChainError(f"{self.place} answers {self._brief(error)}") from error
        raise AssertionError("a retry context returns or raises")

    def _brief(self, error: BaseException) -> str:
        return self._clean(f"{type(error).__name__}: {error}")

    def _clean(self, text: str) -> str:
        return without_secrets(text, self._secret_url)


def _nodes_of(answer: Mapping[str, Any]) -> tuple[bytes, ...]:
    """All nodes in an answer of eth_getProof that has been verified, each once."""
    proofs = [answer["accountProof"], *(entry["proof"] for entry in answer["storageProof"])]
    nodes = (bytes.fromhex(node[2:]) for proof in proofs for node in proof)
    return tuple(dict.fromkeys(nodes))
