"""Honest nodes with awkward habits: what they refuse, and what they answer otherwise than anvil."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from audit_rig import LyingNode, RefusalError

NOT_THERE = "the method does not exist/is not available"


class Habit:
    """Refuses before the node is asked, or changes its answer."""

    def refuse(self, method: str, parameters: list[Any]) -> None:
        """Raise RefusalError for what this kind of node does not serve."""

    def change(self, _method: str, _parameters: list[Any], result: Any) -> Any:
        """The answer of this kind of node."""
        return result


class Only(Habit):
    """Takes a block only as a "number", as a "hash" in text, or in an "object" (EIP-1898)."""

    def __init__(self, form: str) -> None:
        self._form = form

    def refuse(self, method: str, parameters: list[Any]) -> None:
        place = {"eth_getProof": 2, "eth_getBlockReceipts": 0}.get(method)
        if method == "eth_getLogs":
            form = "object" if "blockHash" in parameters[0] else "number"
        elif place is None:
            return
        elif isinstance(parameters[place], dict):
            form = "object"
        else:
            form = "hash" if len(parameters[place]) == 66 else "number"
        if form != self._form and not (method == "eth_getLogs" and self._form == "hash"):
            raise RefusalError(f"invalid params: a {form} is not a block")


class NewestStateOnly(Habit):
    """Proves state for the newest block and no other, as reth does by default."""

    def __init__(self, newest: Callable[[], Any]) -> None:
        self._newest = newest

    def refuse(self, method: str, parameters: list[Any]) -> None:
        if method == "eth_getProof":
            block, at = self._newest(), parameters[2]
            found = at["blockHash"] if isinstance(at, dict) else at
            if found not in ("latest", hex(block["number"]), "0x" + bytes(block["hash"]).hex()):
                raise RefusalError("distance to target block exceeds maximum proof window")


class LogsWithin(Habit):
    """Serves log entries of so many blocks at a time."""

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks

    def refuse(self, method: str, parameters: list[Any]) -> None:
        if method == "eth_getLogs" and "fromBlock" in parameters[0]:
            first, last = (int(parameters[0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first >= self._blocks:
                raise RefusalError(f"eth_getLogs is limited to a {self._blocks} block range")


class SlowerNodes(Habit):
    """A load balancer: every second call that names a block reaches a node that has not got it."""

    def __init__(self) -> None:
        self._turn = count()

    def refuse(self, method: str, _parameters: list[Any]) -> None:
        named = ("eth_getProof", "eth_getLogs", "eth_getBlockReceipts")
        if method in named and next(self._turn) % 2 == 0:
            raise RefusalError("header not found")

    def change(self, method: str, _parameters: list[Any], result: Any) -> Any:
        return None if method == "eth_getBlockByHash" and next(self._turn) % 2 == 0 else result


class Without(Habit):
    """Lacks methods."""

    def __init__(self, *methods: str) -> None:
        self._methods = methods

    def refuse(self, method: str, _parameters: list[Any]) -> None:
        if method in self._methods:
            raise RefusalError(NOT_THERE)


class LegacyOnly(Habit):
    """Takes no transaction of a type."""

    def refuse(self, method: str, parameters: list[Any]) -> None:
        if method == "eth_sendRawTransaction" and int(parameters[0][2:4], 16) < 0xC0:
            raise RefusalError("transaction type not supported")


class SaysItHasIt(Habit):
    """Takes a transaction, and answers that it has it."""

    def __init__(self, *words: str) -> None:
        self._words, self._turn = words, count()

    def change(self, method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raise RefusalError(self._words[next(self._turn) % len(self._words)])
        return result


class SurplusReceipt(Habit):
    """Adds a receipt that no transaction made, as Polygon does for what it takes from Ethereum."""

    def change(self, method: str, _parameters: list[Any], result: Any) -> Any:
        if method != "eth_getBlockReceipts" or not result:
            return result
        return [*result, {**result[-1], "transactionHash": "0x" + 64 * "5", "logs": []}]


def awkward(upstream: str, *habits: Habit, late_seconds: float = 0.0) -> LyingNode:
    """A node with all of these habits in front of a real one, each answer so late."""

    def change(method: str, parameters: list[Any], result: Any) -> Any:
        for habit in habits:
            result = habit.change(method, parameters, result)
        return result

    def refuse(method: str, parameters: list[Any]) -> None:
        for habit in habits:
            habit.refuse(method, parameters)

    return LyingNode(upstream, change, refuse, late_seconds=late_seconds)
