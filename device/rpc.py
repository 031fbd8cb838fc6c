"""What a bridge in strict mode asks of its own endpoints: headers, side by side, within bounds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from device.errors import WitnessError
from protocol.answers import quantity, record
from protocol.errors import ProtocolError
from protocol.headers import Header, proven_header

LARGEST_ANSWER = 4_000_000
"""A header with the hashes of a full block's transactions has a tenth of it."""

_T = TypeVar("_T")


class Node:
    """One endpoint of one chain. Not for several threads at a time."""

    def __init__(self, url: str, chain_id: int, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self.place = f"{parts.scheme}://{parts.netloc.rsplit('@', maxsplit=1)[-1]}"
        self._url, self._chain_id, self._timeout_seconds = url, chain_id, timeout_seconds
        self._session = requests.Session()
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
            header = proven_header(record(self._call("eth_getBlockByNumber", name, False), "block"))
        except ProtocolError as error:
            raise WitnessError(f"{self.place}: {error}") from error
        if isinstance(block, int) and header.number != block:
            raise WitnessError(f"{self.place} gives block {header.number} for {block}")
        return header

    def _call(self, method: str, *parameters: object) -> object:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = json.loads(self._post(call))
        except (requests.RequestException, ValueError, RecursionError) as error:
            # The error's own text may hold the whole address, and that a key.
            self._checked = False
            raise WitnessError(f"{self.place} cannot be asked: {type(error).__name__}") from None
        if not isinstance(answer, dict) or answer.get("result") is None:
            raise WitnessError(f"{self.place} has no answer to {method}")
        return answer["result"]

    def _post(self, call: object) -> bytes:
        """The answer's body, within the time and size that it may have."""
        deadline = time.monotonic() + self._timeout_seconds
        content = bytearray()
        with self._session.post(
            self._url, json=call, timeout=self._timeout_seconds, stream=True
        ) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_content(65_536):
                content += chunk
                if len(content) > LARGEST_ANSWER or time.monotonic() > deadline:
                    raise ValueError("an answer without end")
        return bytes(content)


class Nodes:
    """All endpoints of a bridge, asked at the same time."""

    def __init__(self, nodes: Sequence[Node], quorum: int, timeout_seconds: float) -> None:
        self.quorum = quorum
        self._nodes, self._timeout_seconds = nodes, timeout_seconds
        self._late: dict[Node, Future[Any]] = {}
        self._threads = ThreadPoolExecutor(len(nodes), thread_name_prefix="node")

    def ask(self, call: Callable[[Node], _T]) -> dict[str, _T]:
        """The answers by place; raises WitnessError when fewer than a quorum answer."""
        asked: dict[Future[_T], Node] = {}
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
