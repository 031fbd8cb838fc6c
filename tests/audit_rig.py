"""A chain with a history for the tests of the auditor, and a node in front of it that lies."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder, AuditWatcher
from audit.result import Result
from audit.run import Audit
from audit.samples.published import Published
from audit.samples.sources import open_source
from lab.rig.services import HOST
from protocol.abi import drill_meter_abi

Lie = Callable[[str, list[Any], Any], Any]
"""Method, parameters and true result -> what the node says instead."""


@dataclass(frozen=True)
class Told:
    """A deployed contract with its history: where, and who signed what."""

    url: str
    contract: str
    chain_id: int
    yard: Any
    samples: Path | None = None


def audit(url: str, contract: str, samples: str | Path | None = None, **order: Any) -> Result:
    """Run an audit as the command does."""
    published = None if samples is None else partial(Published, open_source(str(samples)))
    chain = ContractEndpoint(Endpoint(url), contract)
    return Audit(chain, AuditOrder(contract, **order), AuditWatcher(), published).run()


def names(result: Result) -> set[str]:
    """What was found."""
    return set(result.findings.counts)


@dataclass
class LyingNode:
    """Passes every JSON-RPC call on to a real node and lets `lie` change the answers.

    Raising `RefusalError` in a lie makes the node answer with an error; what `refuse` raises it for
    never reaches the real node.
    """

    upstream: str
    lie: Lie
    refuse: Callable[[str, list[Any]], None] = field(default=lambda _method, _parameters: None)
    calls: list[tuple[str, list[Any]]] = field(default_factory=list)
    late_seconds: float = 0.0
    requests: int = 0

    def __enter__(self) -> Self:
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                content = json.dumps(node.answer(json.loads(body))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self._server.server_port}"

    def answer(self, asked: Any) -> Any:
        """Ask upstream, and lie about it."""
        self.requests += 1
        time.sleep(self.late_seconds)
        if isinstance(asked, dict):
            try:
                self.refuse(asked["method"], asked["params"])
            except RefusalError as refusal:
                self.calls.append((asked["method"], asked["params"]))
                return _refused(asked, refusal)
        body = json.dumps(asked).encode()
        request = urllib.request.Request(  # noqa: S310
            self.upstream, body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310
            answers = json.load(response)
        if not isinstance(asked, list):
            return self._changed(asked, answers)
        by_number = {one["id"]: one for one in answers}
        return [self._changed(one, by_number[one["id"]]) for one in asked]

    def _changed(self, call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        method, parameters = call["method"], call["params"]
        self.calls.append((method, parameters))
        if "result" not in answer:
            return answer
        try:
            return {**answer, "result": self.lie(method, parameters, answer["result"])}
        except RefusalError as refusal:
            return _refused(call, refusal)


def _refused(call: dict[str, Any], refusal: RefusalError) -> dict[str, Any]:
    error = {"code": -32000, "message": str(refusal)}
    return {"jsonrpc": "2.0", "id": call["id"], "error": error}


class RefusalError(Exception):
    """The node does not want to answer this."""


def topic(name: str) -> str:
    """An event's first topic, from its signature and nobody else's code."""
    from web3 import Web3  # noqa: PLC0415

    contract = Web3().eth.contract(abi=drill_meter_abi())
    return str(contract.events[name]().topic)
