"""The chain through one JSON-RPC endpoint: bounded retries per call, and clear errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import requests
import stamina
from eth_typing import ChecksumAddress, HexStr
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.exceptions import (
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3RPCError,
)
from web3.logs import DISCARD
from web3.types import EventData, FilterParams, RPCEndpoint, TxParams

from oracle.endpoint import digest, header_of, place_of, whole, without_addresses
from oracle.errors import CallRevertedError, ChainError, TransactionRefusedError, WrongChainError
from oracle.ports import Receipt
from oracle.views import ChainEvent, DrillView, Header, OracleView, RentalView
from protocol.abi import drill_meter_abi
from protocol.deployment import Deployment
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Caps, LevelRate, Reading, Registers, RentalState, Tariff

ATTEMPTS = 2
"""A call is tried twice; after that the step gives up and the next one asks again."""

ALREADY_SENT = ("already known", "already imported", "known transaction")
TRANSPORT_ERRORS = (requests.RequestException, OSError)

_T = TypeVar("_T")


class Web3Chain:
    """One endpoint and one contract. Not for several threads at a time."""

    def __init__(self, rpc_url: str, deployment: Deployment, timeout_seconds: float) -> None:
        provider = HTTPProvider(
            rpc_url,
            request_kwargs={"timeout": timeout_seconds},
            exception_retry_configuration=None,
        )
        self._web3 = Web3(provider)
        self._secret_url, self._url = rpc_url, place_of(rpc_url)
        self._deployment = deployment
        self._address: ChecksumAddress = to_checksum_address(deployment.contract)

    @cached_property
    def _contract(self) -> Contract:
        contract: Contract = self._web3.eth.contract(self._address, abi=drill_meter_abi())
        return contract

    def require_deployment(self) -> None:
        """Raise WrongChainError unless the endpoint serves the deployment's chain and contract."""
        found = self._ask(lambda: self._web3.eth.chain_id)
        if found != self._deployment.chain_id:
            raise WrongChainError(
                f"{self._url} serves chain {found}, the deployment is on chain "
                f"{self._deployment.chain_id}"
            )
        if not self._ask(lambda: self._web3.eth.get_code(self._address)):
            raise WrongChainError(
                f"there is no contract at {self._address} on chain {found} ({self._url})"
            )

    def head(self) -> Header:
        """The newest block."""
        return self._ask(lambda: header_of(self._web3.eth.get_block("latest")))

    def header(self, number: int) -> Header:
        """The block of that number; raises ChainError if there is none."""
        return self._ask(lambda: header_of(self._web3.eth.get_block(number)))

    def events_of(self, header: Header) -> list[ChainEvent]:
        """The contract's log entries in that very block."""
        query: FilterParams = {"address": self._address, "blockHash": HexBytes(header.hash)}
        return self._events(query)

    def events_between(self, first: int, last: int) -> list[ChainEvent]:
        """The contract's log entries in blocks `first` to `last`."""
        query: FilterParams = {"address": self._address, "fromBlock": first, "toBlock": last}
        return self._events(query)

    def rental(self, rental: int, at: Header) -> RentalView | None:
        """A rental with its registers and caps, or None if that block knows none."""
        found = self._view("rental", rental, at)
        if found is None:
            return None
        registers, caps = self._view("registers", rental, at), self._view("caps", rental, at)
        if registers is None or caps is None:
            raise ChainError(f"rental {rental} has no registers or caps at block {at.number}")
        return self._ask(lambda: _rental(rental, found, registers, caps))

    def drill(self, drill: int, at: Header) -> DrillView | None:
        """A drill, or None if that block knows none."""
        found = self._view("drill", drill, at)
        if found is None:
            return None
        oracle, _tariff, rental, retired = found
        return self._ask(
            lambda: DrillView(drill, whole(oracle, "oracle"), whole(rental, "rental"), retired)
        )

    def tariff(self, tariff: int, at: Header) -> Tariff:
        """A tariff; raises ChainError if that block knows none."""
        found = self._view("tariff", tariff, at)
        if found is None:
            raise ChainError(f"there is no tariff {tariff} at block {at.number}")
        levels, standing, least, _retired = found
        one, two, three = (LevelRate(*level) for level in levels)
        return Tariff((one, two, three), standing, least)

    def oracle(self, oracle: int, at: Header) -> OracleView | None:
        """An oracle, or None if that block knows none."""
        found = self._view("oracle", oracle, at)
        if found is None:
            return None
        key, _epoch, revoked, suspended, is_p256 = found
        return OracleView(key, revoked=revoked, suspended=suspended, is_p256=is_p256)

    def gas_price_wei(self, at: Header) -> int:
        """What a unit of gas costs now, base fee and priority fee."""
        return at.base_fee_wei + self.priority_fee_wei()

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon."""
        return self._ask(lambda: whole(self._web3.eth.max_priority_fee, "priority fee"))

    def nonce(self, address: str) -> int:
        """How many transactions of `address` are mined."""
        account = to_checksum_address(address)
        return self._ask(
            lambda: whole(self._web3.eth.get_transaction_count(account, "latest"), "nonce")
        )

    def gas_money_wei(self, address: str) -> int:
        """The native coin that `address` has."""
        account = to_checksum_address(address)
        return self._ask(lambda: int(self._web3.eth.get_balance(account)))

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs; raises CallRevertedError if it fails."""
        call: TxParams = {
            "from": to_checksum_address(sender),
            "to": self._address,
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
        """The receipt, or None while the transaction is not mined."""
        wanted = HexBytes(transaction_hash)
        try:
            return self._ask(
                lambda: self._receipt(
                    transaction_hash, self._web3.eth.get_transaction_receipt(wanted)
                )
            )
        except ChainError as error:
            if isinstance(error.__cause__, TransactionNotFound):
                return None
            raise

    def _receipt(self, transaction_hash: bytes, found: Any) -> Receipt:
        event = self._contract.events.ReadingRejected()
        rejected = [entry["args"] for entry in event.process_receipt(found, errors=DISCARD)]
        return Receipt(
            transaction_hash=transaction_hash,
            block_number=whole(found["blockNumber"], "blockNumber"),
            block_hash=digest(found["blockHash"], "blockHash"),
            succeeded=whole(found["status"], "status") == 1,
            gas_used=whole(found["gasUsed"], "gasUsed"),
            rejected=tuple((one["rental"], one["until"], one["reason"]) for one in rejected),
        )

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        arguments = settle_arguments([SignedBatch(oracle, tuple(readings), signature)])
        text = self._contract.encode_abi("settle", args=arguments)
        return bytes(HexBytes(text))

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        return bytes(HexBytes(self._contract.encode_abi("close_rental", args=[rental])))

    def _view(self, name: str, number: int, at: Header) -> Any:
        """The answer of a view at the block of that hash; None when it reverts."""
        function = self._contract.get_function_by_name(name)(number)
        try:
            return self._ask(lambda: function.call(block_identifier=HexStr("0x" + at.hash.hex())))
        except CallRevertedError:
            return None

    def _events(self, query: FilterParams) -> list[ChainEvent]:
        def fetch() -> list[ChainEvent]:
            logs = self._web3.eth.get_logs(query)
            return [found for log in logs if (found := self._decode(log)) is not None]

        return self._ask(fetch)

    def _decode(self, log: Any) -> ChainEvent | None:
        """One log entry; None for an event that is not in our ABI."""
        if not log["topics"]:
            return None
        event = self._topics.get(bytes(log["topics"][0]))
        if event is None:
            return None
        data: EventData = event.process_log(log)
        return ChainEvent(
            name=data["event"],
            args=data["args"],
            block_number=whole(data["blockNumber"], "blockNumber"),
            block_hash=digest(data["blockHash"], "blockHash"),
            transaction_hash=digest(data["transactionHash"], "transactionHash"),
            log_index=whole(data["logIndex"], "logIndex"),
        )

    @cached_property
    def _topics(self) -> dict[bytes, Any]:
        events: Any = self._contract.events
        return {bytes(HexBytes(event.topic)): event() for event in events}

    def _ask(self, call: Callable[[], _T]) -> _T:
        """Make one call, retried once when the connection fails, and turn its answer into values.

        Raises ChainError for whatever goes wrong: no answer may end the oracle.
        """
        try:
            for attempt in stamina.retry_context(
                on=TRANSPORT_ERRORS, attempts=ATTEMPTS, wait_initial=0.1, wait_max=0.5
            ):
                with attempt:
                    return call()
        except ContractLogicError as error:
            raise CallRevertedError(f"the contract refuses: {error.message}") from error
        except TRANSPORT_ERRORS as error:
            raise ChainError(f"{self._url} cannot be reached: {self._brief(error)}") from error
        except BlockNotFound as error:
            raise ChainError(f"{self._url}: {self._brief(error)}") from error
        except Exception as error:
            raise ChainError(f"{self._url} answers {self._brief(error)}") from error
        raise AssertionError("a retry context returns or raises")

    def _brief(self, error: BaseException) -> str:
        return without_addresses(f"{type(error).__name__}: {error}", self._secret_url)[:300]

    def rpc(self, method: str, parameters: Sequence[Any]) -> Any:
        """Any other method of the endpoint, for checks; raises ChainError."""
        return self._ask(
            lambda: self._web3.manager.request_blocking(RPCEndpoint(method), list(parameters))
        )


def _rental(rental: int, found: Any, registers: Any, caps: Any) -> RentalView:
    customer, drill, tariff, oracle, state, opened_at, ended_at, until, funded, _ = found
    return RentalView(
        rental=rental,
        customer=customer,
        drill=whole(drill, "drill"),
        tariff=whole(tariff, "tariff"),
        oracle=whole(oracle, "oracle"),
        state=RentalState(state),
        opened_at=whole(opened_at, "opened_at"),
        ended_at=whole(ended_at, "ended_at"),
        until=whole(until, "until"),
        funded=funded,
        registers=Registers(*registers),
        caps=Caps(*caps),
    )
