"""Log entries as a node gives them, from `eth_getLogs` or from receipts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audit.node.values import data, hexadecimal, listing, quantity, record


@dataclass(frozen=True, slots=True)
class Log:
    """One entry. Hexadecimal text is in lower case; `index` counts within the block."""

    block: int
    block_hash: str
    transaction: str
    transaction_index: int
    index: int
    topics: tuple[str, ...]
    data: str

    @property
    def content(self) -> tuple[object, ...]:
        """What a receipts root commits to, and where."""
        return self.transaction_index, self.index, self.topics, self.data


def log_of(found: Any) -> Log:
    """One entry of an answer; raises EndpointError."""
    entry = record(found, "log entry")
    topics = listing(entry.get("topics"), "topics")
    for topic in topics:
        data(topic, "topic", 32)
    data(entry.get("data"), "data of a log entry")
    return Log(
        block=quantity(entry.get("blockNumber"), "blockNumber"),
        block_hash=hexadecimal(data(entry.get("blockHash"), "blockHash", 32)),
        transaction=hexadecimal(data(entry.get("transactionHash"), "transactionHash", 32)),
        transaction_index=quantity(entry.get("transactionIndex"), "transactionIndex"),
        index=quantity(entry.get("logIndex"), "logIndex"),
        topics=tuple(str(topic).lower() for topic in topics),
        data=str(entry["data"]).lower(),
    )
