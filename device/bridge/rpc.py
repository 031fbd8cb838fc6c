"""What a bridge in strict mode asks of its own endpoints: headers, side by side, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from device.errors import WitnessError
from host.errors import RpcError
from host.json_rpc import JsonRpc, Patience
from protocol.answers import quantity
from protocol.errors import ProtocolError
from protocol.headers import Header, header_asked_for

LARGEST_ANSWER = 4_000_000
"""A header with the hashes of a full block's transactions has a tenth of it."""

_T = TypeVar("_T")


class WitnessNode:
    """One endpoint of one chain. Not for several threads at a time."""

    def __init__(self, url: str, chain_id: int, timeout_seconds: float) -> None:
        """Raises HostError for what is not an address of http(s)."""
        self._rpc = JsonRpc(url, Patience(timeout_seconds, attempts=1), LARGEST_ANSWER)
        self.place, self._chain_id = self._rpc.place, chain_id
        self._checked = False

    def header(self, block: int | str) -> Header:
        """A header by number or tag whose fields hash to its hash; raises WitnessError."""
        try:
            if not self._checked:
                found = quantity(self._call("eth_chainId"), "chain id")
                if found != self._chain_id:
                    raise WitnessError(f"{self.place} serves chain {found}, not {self._chain_id}")
                self._checked = True
            name = hex(block) if isinstance(block, int) else block
            return header_asked_for(self._call("eth_getBlockByNumber", name, False), block)
        except ProtocolError as error:
            raise WitnessError(f"{self.place}: {error}") from error

    def _call(self, method: str, *parameters: object) -> object:
        try:
            answer = self._rpc.call(method, *parameters)
        except RpcError as error:
            self._checked = False
            raise WitnessError(str(error)) from error
        if answer is None:
            raise WitnessError(f"{self.place} has no answer to {method}")
        return answer


class Nodes:
    """All endpoints of a bridge, asked at the same time."""

    def __init__(self, nodes: Sequence[WitnessNode], quorum: int, timeout_seconds: float) -> None:
        self.quorum = quorum
        self._nodes, self._timeout_seconds = nodes, timeout_seconds
        self._late: dict[WitnessNode, Future[Any]] = {}
        self._threads = ThreadPoolExecutor(len(nodes), thread_name_prefix="node")

    def ask(self, call: Callable[[WitnessNode], _T]) -> dict[str, _T]:
        """The answers by place; raises WitnessError when fewer than a quorum answer."""
        asked: dict[Future[_T], WitnessNode] = {}
        for node in self._nodes:
            before = self._late.get(node)
            if before is None or before.done():
                self._late[node] = asked_now = self._threads.submit(call, node)
                asked[asked_now] = node
        done, _waiting = wait(asked, 2 * self._timeout_seconds + 1)
        answers, reasons = {}, []
        for future in done:
            error = future.exception()
            if error is None:
                answers[asked[future].place] = future.result()
            elif isinstance(error, WitnessError):
                reasons.append(str(error))
            else:
                raise error
        if len(answers) < self.quorum:
            told = "; ".join(reasons) or "no answer in time"
            count = f"{len(answers)} of {len(self._nodes)} endpoints"
            raise WitnessError(f"{count} answer, {self.quorum} needed: {told}")
        return answers

    def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
