"""The true history, the auditor's verdict on it, and every answer that it got on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from web3 import HTTPProvider, Web3

from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder, AuditWatcher
from audit.result import Result
from audit.run import Audit
from host.json_rpc import JsonRpc, Patience
from lab.rig.history import tell
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard

RENTALS = 4
HASTY = Patience(timeout_seconds=60, attempts=2, seconds=60, wait_initial=0.001, wait_max=0.001)
"""A node that asks to come again gets one more try, at once."""


def key_of(method: str, parameters: Any) -> str:
    """A call's name among the answers."""
    return json.dumps([method, parameters])


@dataclass
class HistoryTruth:
    """`hidden` is the block of a settlement that a later one of its rental covers up in the state;
    `answers` has the JSON of each call's answer, `batches` how many calls each batch has had."""

    url: str
    contract: str
    newest: int
    newest_hash: str
    hidden: int
    proof: bool
    answers: dict[str, str] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    shown: Any = None

    def order(self) -> AuditOrder:
        """What is audited: up to a block by its number, or by its hash and with proofs."""
        if self.proof:
            return AuditOrder(self.contract, proof=True, block_hash=self.newest_hash)
        return AuditOrder(self.contract, to_block=self.newest)


class Recorder(JsonRpc):
    """Remembers each answer of an honest node."""

    truth: HistoryTruth

    def _post(self, content: Any) -> Any:
        answers = super()._post(content)
        asked = content if isinstance(content, list) else [content]
        given = answers if isinstance(content, list) else [answers]
        if isinstance(content, list):
            self.truth.batches.append(len(content))
        numbered = {one["id"]: one for one in given}
        for call in asked:
            answer = {name: part for name, part in numbered[call["id"]].items() if name != "id"}
            self.truth.answers[key_of(call["method"], call["params"])] = json.dumps(answer)
        return answers


def audited(truth: HistoryTruth, client: JsonRpc) -> Result:
    """One audit that asks this client; raises AuditError."""
    endpoint = Endpoint(truth.url)
    endpoint._rpc = client
    return Audit(ContractEndpoint(endpoint, truth.contract), truth.order(), AuditWatcher()).run()


def shown(result: Result) -> Any:
    """The history that a report shows: what must be the true one wherever the report is clean."""
    scope = result.scope
    return (
        (scope.chain_id, scope.contract, scope.asset, scope.last_block, scope.last_hash),
        (scope.from_deployment, scope.events, scope.readings, scope.signatures_verified),
        result.bills,
    )


@contextmanager
def true_history(folder: Path) -> Iterator[list[HistoryTruth]]:
    """The history, audited by number and by hash with proofs; the node stays for what a lie makes
    the auditor ask besides."""
    with Anvil(folder, options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)))
        tell(yard, RENTALS)
        hidden = _settle_three_times(yard)
        newest = yard.web3.eth.get_block("latest")
        hash_ = Web3.to_hex(newest["hash"])
        told = [
            HistoryTruth(anvil.url, yard.contract.address, newest["number"], hash_, hidden, proof)
            for proof in (False, True)
        ]
        for truth in told:
            recorder = Recorder(truth.url)
            recorder.truth = truth
            result = audited(truth, recorder)
            assert result.findings.exit_status() == 0, result.findings  # noqa: S101
            truth.shown = shown(result)
        yield told


def _settle_three_times(yard: Yard) -> int:
    """The block of the middle one: nothing else is in it, and nothing in the state shows it."""
    rental = yard.open(yard.customers[1], COIN)
    yard.use([rental], 7_200)
    yard.use([rental], 7_200)
    hidden = yard.web3.eth.block_number
    yard.use([rental], 7_200)
    return int(hidden)
