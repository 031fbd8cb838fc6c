"""The contract's calldata and log entries, by its interface; no chain is asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import EventData

from chain.decode import digest, whole
from chain.errors import ChainError
from chain.ports import TransactionReceipt
from chain.views import ChainEvent
from protocol.abi import drill_meter_abi
from protocol.answers import data, listing, quantity, record
from protocol.errors import AnswerError
from protocol.headers import Header
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Reading


class DrillMeter:
    """DrillMeter at one address."""

    def __init__(self, address: str) -> None:
        self.address = to_checksum_address(address)

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        arguments = settle_arguments([SignedBatch(oracle, tuple(readings), signature)])
        return bytes(HexBytes(self._contract.encode_abi("settle", args=arguments)))

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        return bytes(HexBytes(self._contract.encode_abi("close_rental", args=[rental])))

    def transaction_receipt(self, transaction_hash: bytes, found: Any) -> TransactionReceipt:
        """A transaction's receipt as web3 gives it; raises TypeError, ValueError, KeyError."""
        event = self._contract.events.ReadingRejected()
        rejected = [entry["args"] for entry in event.process_receipt(found, errors=DISCARD)]
        return TransactionReceipt(
            transaction_hash=transaction_hash,
            block_number=whole(found["blockNumber"], "blockNumber"),
            block_hash=digest(found["blockHash"], "blockHash"),
            succeeded=whole(found["status"], "status") == 1,
            gas_used=whole(found["gasUsed"], "gasUsed"),
            rejected=tuple((one["rental"], one["until"], one["reason"]) for one in rejected),
        )

    def own_logs(self, header: Header, receipts: Sequence[Any]) -> list[dict[str, Any]]:
        """The contract's log entries in a block's receipts, as a node would give them; place and
        index are counted here. Raises AnswerError."""
        found, index = [], 0
        for place, one in enumerate(receipts):
            receipt = record(one, "receipt")
            for entry in listing(receipt.get("logs"), "logs"):
                if data(entry.get("address"), "address", 20) == bytes.fromhex(self.address[2:]):
                    found.append(
                        {
                            **entry,
                            "blockNumber": hex(header.number),
                            "blockHash": header.hash,
                            "transactionIndex": hex(place),
                            "transactionHash": receipt.get("transactionHash"),
                            "logIndex": hex(index),
                        }
                    )
                index += 1
        return found

    def event(self, found: Any) -> ChainEvent | None:
        """One log entry of a node's answer; None for an event that is not in our interface.

        Raises AnswerError for what is not a log entry.
        """
        log = _typed(record(found, "log entry"))
        if not log["topics"]:
            return None
        event = self._topics.get(bytes(log["topics"][0]))
        if event is None:
            return None
        try:
            decoded: EventData = event.process_log(log)
            return ChainEvent(
                name=decoded["event"],
                args=decoded["args"],
                block_number=whole(decoded["blockNumber"], "blockNumber"),
                block_hash=digest(decoded["blockHash"], "blockHash"),
                transaction_hash=digest(decoded["transactionHash"], "transactionHash"),
                log_index=whole(decoded["logIndex"], "logIndex"),
            )
        except Exception as error:
            # web3 and eth-abi have many kinds of error for data that an event does not have.
            raise AnswerError(f"not a log entry of this contract: {str(error)[:100]}") from error

    @cached_property
    def _contract(self) -> Contract:
        contract: Contract = Web3().eth.contract(self.address, abi=drill_meter_abi())
        return contract

    @cached_property
    def _topics(self) -> dict[bytes, Any]:
        events: Any = self._contract.events
        return {bytes(HexBytes(event.topic)): event() for event in events}


def content(found: Any) -> tuple[object, ...]:
    """What of a log entry two nodes must tell alike; raises AnswerError."""
    log = record(found, "log entry")
    topics = tuple(data(topic, "topic", 32) for topic in listing(log.get("topics"), "topics"))
    return (
        quantity(log.get("blockNumber"), "blockNumber"),
        quantity(log.get("logIndex"), "logIndex"),
        data(log.get("blockHash"), "blockHash", 32),
        data(log.get("transactionHash"), "transactionHash", 32),
        data(log.get("address"), "address", 20),
        topics,
        data(log.get("data"), "data"),
    )


def find_log(receipts: Sequence[Any], log_index: int) -> tuple[int, int]:
    """In which receipt of a block a log entry is, and where in it; raises ChainError."""
    left = log_index
    for place, receipt in enumerate(receipts):
        count = len(receipt["logs"])
        if left < count:
            return place, left
        left -= count
    raise ChainError(f"the block has no log entry {log_index}")


def _typed(log: Mapping[str, Any]) -> Any:
    return {
        "address": to_checksum_address(data(log.get("address"), "address", 20)),
        "topics": [
            HexBytes(data(topic, "topic", 32)) for topic in listing(log.get("topics"), "topics")
        ],
        "data": HexBytes(data(log.get("data"), "data")),
        "blockNumber": quantity(log.get("blockNumber"), "blockNumber"),
        "blockHash": HexBytes(data(log.get("blockHash"), "blockHash", 32)),
        "transactionHash": HexBytes(data(log.get("transactionHash"), "transactionHash", 32)),
        "transactionIndex": quantity(log.get("transactionIndex"), "transactionIndex"),
        "logIndex": quantity(log.get("logIndex"), "logIndex"),
    }
