"""The contract as the provider's commands see it: calls by name, encoded and decoded by its ABI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception

from protocol.abi import drill_meter_abi
from protocol.deployment import Deployment
from provider.errors import ContractRefusedError, NodeError, ProviderError
from provider.node import ProviderNode, checksummed

WINDOW_BLOCKS = 5_000
"""How many blocks are asked for at a time; fewer when the endpoint refuses as many."""

NOWHERE = Web3.to_checksum_address("0x" + "11" * 20)

MOST_WINDOWS = 2_000
"""After so many looks the endpoint is asked no more."""


class DeployedMeter:
    """A DrillMeter at an address; `first_block` is the one that it was deployed in."""

    def __init__(self, node: ProviderNode, address: str, first_block: int) -> None:
        self.node, self.address, self.first_block = node, checksummed(address), first_block

    def calldata(self, name: str, *arguments: object) -> bytes:
        """A call's data; raises ProviderError when the arguments do not fit their types."""
        return calldata(name, *arguments)

    def view(self, name: str, *arguments: object, block: str = "latest") -> Any:
        """What a view answers; raises ContractRefusedError with the contract's reason."""
        request = {"to": self.address, "data": "0x" + self.calldata(name, *arguments).hex()}
        try:
            content = self.node.data("eth_call", request, block)
        except ContractRefusedError as error:
            raise ContractRefusedError(f"{name}: {error}", error.content) from error
        try:
            found = decode(output_types(name), content)
        except DecodingError as error:
            raise NodeError(
                f"{self.node.name}: {name}: {len(content)} bytes that are not an answer; "
                f"is there a DrillMeter at {self.address}?"
            ) from error
        return found[0] if len(found) == 1 else found

    def events(self, receipt: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
        """Name and arguments of the contract's events in a transaction's receipt."""
        return self._decoded(receipt.get("logs", []))

    def listed(self) -> dict[int, str]:
        """Each drill's label by its number, from the events since the deployment.

        Raises NodeError when the endpoint does not have them all.
        """
        count, labels = int(self.view("drill_count")), dict[int, str]()
        for logs in self._windows():
            for name, found in self._decoded(logs):
                if name == "DrillListed":
                    labels[int(found["drill"])] = str(found["label"])
            if len(labels) == count:
                return labels
        raise NodeError(
            f"{self.node.name}: shows {len(labels)} events DrillListed since block "
            f"{self.first_block}, and the contract has {count} drills; ask another endpoint"
        )

    def _windows(self) -> Iterator[list[Any]]:
        """Log entries from the deployment on, in windows as wide as the endpoint allows."""
        topic = "0x" + bytes(HexBytes(_interface().events["DrillListed"]().topic)).hex()
        head, at, width = self.node.head().number, self.first_block, WINDOW_BLOCKS
        for _ in range(MOST_WINDOWS):
            if at > head:
                return
            to = min(at + width - 1, head)
            place = {"fromBlock": hex(at), "toBlock": hex(to), "address": self.address}
            try:
                logs = self.node.ask("eth_getLogs", {**place, "topics": [topic]})
            except NodeError:
                if width == 1:
                    raise
                width = max(1, width // 4)
                continue
            yield logs if isinstance(logs, list) else []
            at = to + 1

    def _decoded(self, logs: Any) -> list[tuple[str, Mapping[str, Any]]]:
        events: Any = _interface().events
        topics = {bytes(HexBytes(event.topic)): event() for event in events}
        found: list[tuple[str, Mapping[str, Any]]] = []
        for log in logs:
            typed = _typed(log)
            event = topics.get(bytes(typed["topics"][0])) if typed["topics"] else None
            if event is not None and typed["address"] == self.address:
                decoded = event.process_log(typed)
                found.append((str(decoded["event"]), dict(decoded["args"])))
        return found


@cache
def _interface() -> Contract:
    """The contract wherever it is: for encoding and decoding alone."""
    contract: Contract = Web3().eth.contract(NOWHERE, abi=drill_meter_abi())
    return contract


def calldata(name: str, *arguments: object) -> bytes:
    """A call's data; raises ProviderError when the arguments do not fit their types."""
    try:
        return bytes(HexBytes(_interface().encode_abi(name, args=list(arguments))))
    except (Web3Exception, ValueError, TypeError, OverflowError) as error:
        raise ProviderError(f"{name}: {str(error).splitlines()[0]}") from error


def output_types(name: str) -> list[str]:
    """What a function of the contract answers."""
    entry = next(
        one for one in drill_meter_abi() if one.get("type") == "function" and one["name"] == name
    )
    return [type_of(output) for output in entry["outputs"]]


def meter_of(node: ProviderNode, record: Deployment) -> DeployedMeter:
    """The contract of a deployment record, after a look whether it is there.

    Raises ProviderError when the endpoint serves another chain, or has no such contract.
    """
    chain_id = node.chain_id()
    if chain_id != record.chain_id:
        raise ProviderError(
            f"{node.name} serves chain {chain_id}, the deployment record is of {record.chain_id}"
        )
    meter = DeployedMeter(node, record.contract, record.block_number)
    if not node.data("eth_getCode", meter.address, "latest"):
        raise ProviderError(f"there is no contract at {meter.address} on chain {chain_id}")
    _, name, version, domain_chain, domain_contract, _, _ = meter.view("eip712Domain")
    found = (name, version, domain_chain, checksummed(domain_contract))
    if found != ("DrillMeter", "1", chain_id, meter.address):
        raise ProviderError(f"the contract at {meter.address} says of itself {found}")
    for what, expected in (("asset", record.asset), ("grace_period", record.grace_period_seconds)):
        value = meter.view(what)
        if str(value).lower() != str(expected).lower():
            raise ProviderError(
                f"{what} of the contract is {value}, the deployment record has {expected}"
            )
    return meter


def type_of(entry: Mapping[str, Any]) -> str:
    """An ABI type in the form that encoders take, tuples with their members."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    members = ",".join(type_of(one) for one in entry["components"])
    return f"({members}){kind.removeprefix('tuple')}"


def _typed(log: Mapping[str, Any]) -> Any:
    """A log entry as web3 has it, from the answer as it came."""
    return {
        "address": checksummed(log["address"]),
        "topics": [HexBytes(topic) for topic in log["topics"]],
        "data": HexBytes(log["data"]),
        "blockNumber": int(log["blockNumber"], 16),
        "blockHash": HexBytes(log["blockHash"]),
        "transactionHash": HexBytes(log["transactionHash"]),
        "transactionIndex": int(log["transactionIndex"], 16),
        "logIndex": int(log["logIndex"], 16),
    }
