"""One audit of a node that tells one lie, and whether its verdict may stand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from audit.errors import AuditError
from host.json_rpc import JsonRpc
from lab.lying_node.lies import REBUILT, Lie, framed, rebuilt, told
from lab.lying_node.truth import HASTY, HistoryTruth, audited, key_of, shown


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What the auditor made of it; `fault` says what is wrong with that, if anything is."""

    status: int
    names: tuple[str, ...]
    fault: str = ""


class Liar(JsonRpc):
    """Answers out of the recorded truth, and lies once; what was never asked it asks the node."""

    def __init__(self, truth: HistoryTruth, lie: Lie) -> None:
        super().__init__(truth.url, HASTY)
        self._truth, self._lie, self._batches = truth, lie, -1
        self._rebuilt: dict[str, dict[str, Any]] = {}
        self._true_hashes: dict[str, str] = {}
        self._false_hashes: dict[str, str] = {}
        if lie.change == REBUILT:
            self._rebuilt, self._false_hashes = rebuilt(truth)
            self._true_hashes = {false: true for true, false in self._false_hashes.items()}

    def _post(self, content: Any) -> Any:
        if not isinstance(content, list):
            return self._answer(content)
        self._batches += 1
        answers = [self._answer(call) for call in content]
        if self._lie.batch == self._batches and len(answers) > 1:
            return framed(self._lie.change, answers)
        return answers

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        asked = key_of(call["method"], call["params"])
        key = _replaced(asked, self._true_hashes)
        known = self._truth.answers.get(key)
        answer: dict[str, Any] = super()._post(call) if known is None else json.loads(known)
        if self._rebuilt:
            answer = self._rebuilt.get(key, answer)
            if call["method"] == "eth_getLogs":
                answer = json.loads(_replaced(json.dumps(answer), self._false_hashes))
        elif key == self._lie.call:
            answer = told(self._truth, self._lie, answer)
            self._remember_hash(json.loads(known or "{}"), answer)
        if self._lie.hiding and call["method"] == "eth_getLogs":
            block = hex(self._truth.hidden)
            logs = [one for one in answer["result"] if one["blockNumber"] != block]
            answer = {**answer, "result": logs}
        return {**answer, "id": call["id"]}

    def _remember_hash(self, true: dict[str, Any], answer: dict[str, Any]) -> None:
        """What is asked of a self-made block is answered as of the one in whose place it is."""
        hashes = [
            one["result"]["hash"]
            for one in (true, answer)
            if isinstance(one.get("result"), dict) and isinstance(one["result"].get("hash"), str)
        ]
        if self._lie.rehashed and len(hashes) == 2:
            self._true_hashes[hashes[1]] = hashes[0]


def _replaced(text: str, hashes: dict[str, str]) -> str:
    for old, new in hashes.items():
        text = text.replace(old, new)
    return text


def play(truth: HistoryTruth, lie: Lie) -> AuditOutcome:
    """Audit, and judge the verdict: clean only where the true history is shown, and no crash."""
    try:
        result = audited(truth, Liar(truth, lie))
    except AuditError as error:
        return AuditOutcome(2, (type(error).__name__,))
    except Exception as error:  # noqa: BLE001  what is searched for
        return AuditOutcome(2, (), f"crash: {type(error).__name__}: {error}"[:300])
    status, names = result.findings.exit_status(), tuple(sorted(result.findings.counts))
    if status == 0 and (lie.hiding or shown(result) != truth.shown):
        return AuditOutcome(status, names, "clean, and the history is not the true one")
    return AuditOutcome(status, names)
