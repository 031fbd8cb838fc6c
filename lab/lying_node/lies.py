"""Every lie: which answer, which field of it, and what it is changed to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.lying_node.truth import HistoryTruth
from protocol.errors import ProtocolError
from protocol.headers import header_hash

Path = tuple[str | int, ...]

REMOVED = object()
EMPTY_BLOOM = "0x" + "00" * 256
REBUILT = "every header from the settlement on made anew"
_QUANTITY = re.compile(r"0x[0-9a-f]{1,16}")
_BATCH_CHANGES = ("exchanged", "one missing", "one twice", "all the first", "numbers are text")


@dataclass(frozen=True, slots=True)
class Lie:
    """One answer is changed at `path`.

    `rehashed`: a header's hash is made to fit what it says. `hiding`: the node leaves the
    settlement out of its log entries, too, and a header that is rehashed then has an empty bloom,
    so that it asks for no receipts. `batch`: not an answer is changed but the frame of the batch
    with this number, from 0.
    """

    call: str
    path: Path
    change: str
    rehashed: bool = False
    hiding: bool = False
    batch: int | None = None

    @property
    def kind(self) -> str:
        """What it is an instance of: the field of whatever block, and the change."""
        if self.batch is not None:
            return f"batch of {self.call}: {self.change}"
        place = ".".join("*" if isinstance(part, int) else part for part in self.path)
        method = json.loads(self.call)[0]
        more = (", rehashed" if self.rehashed else "") + (", hiding" if self.hiding else "")
        return f"{method} {place or 'answer'}: {self.change}{more}"


def lies(truth: HistoryTruth) -> Iterator[Lie]:
    """All of them, those about one answer after those about another."""
    for call, answer in truth.answers.items():
        result = json.loads(answer).get("result")
        method = json.loads(call)[0]
        for path, value in _places(result):
            for change in changes(value, path):
                yield from _with_hiding(truth, Lie(call, path, change))
                if method.startswith("eth_getBlockBy") and path and path[0] != "hash":
                    yield from _with_hiding(truth, Lie(call, path, change, rehashed=True))
        for change in ("another's", "an older one's", "refused", "rate limit", "empty error"):
            yield from _with_hiding(truth, Lie(call, (), change))
    if truth.proof:
        # Without a hash to end at, no auditor could tell such a chain from the true one.
        call = json.dumps(["eth_getBlockByNumber", [hex(truth.hidden), False]])
        yield Lie(call, (), REBUILT, rehashed=True, hiding=True)
    for number, size in enumerate(truth.batches):
        for change in _BATCH_CHANGES if size > 1 else ():
            yield Lie(f"{size} calls", (), change, batch=number)


def _with_hiding(truth: HistoryTruth, lie: Lie) -> Iterator[Lie]:
    yield lie
    about = (hex(truth.hidden), _hash_of(truth, truth.hidden))
    if any(f'"{one}"' in lie.call for one in about) and "eth_getLogs" not in lie.call:
        yield Lie(lie.call, lie.path, lie.change, lie.rehashed, hiding=True)


def _hash_of(truth: HistoryTruth, number: int) -> str:
    call = json.dumps(["eth_getBlockByNumber", [hex(number), False]])
    return str(json.loads(truth.answers[call])["result"]["hash"])


def _places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _places(part, (*path, name))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from _places(part, (*path, place))


def changes(value: Any, path: Path) -> dict[str, Any]:
    """What a value can be changed to, by name."""
    found: dict[str, Any] = {"null": None, "a list": [], "an object": {}, "a number": 7}
    if path and isinstance(path[-1], str):
        found["removed"] = REMOVED
    if isinstance(value, str) and value.startswith("0x"):
        found |= {"empty": "0x", "not hexadecimal": "0xzz", "half": value[: len(value) // 2]}
        if _QUANTITY.fullmatch(value):
            number = int(value, 16)
            found |= {"one more": hex(number + 1), "one less": hex(max(0, number - 1))}
            found |= {"none": "0x0", "too large": "0x" + "f" * 70}
        if len(value) > 2:
            last = "0" if value[-1] != "0" else "1"
            found |= {"last digit": value[:-1] + last, "all zero": "0x" + "0" * (len(value) - 2)}
    if isinstance(value, list) and value:
        found |= {"first missing": value[1:], "last missing": value[:-1]}
        found |= {"backwards": value[::-1], "last twice": [*value, value[-1]]}
    if isinstance(value, bool):
        found["the contrary"] = not value
    return {name: to for name, to in found.items() if to is REMOVED or to != value}


def told(truth: HistoryTruth, lie: Lie, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as the lie has it."""
    errors = {
        "refused": {"code": -32000, "message": "not for you"},
        "rate limit": {"code": -32005, "message": "rate limit"},
        "empty error": {},
    }
    if lie.change in errors:
        return {"jsonrpc": "2.0", "error": errors[lie.change]}
    if lie.change in {"another's", "an older one's"}:
        return _others(truth, lie)
    result = json.loads(json.dumps(answer.get("result")))
    changed = _changed(result, lie.path, lie.change, lie.path)
    if lie.rehashed and isinstance(changed, dict):
        if lie.hiding and lie.path != ("logsBloom",):
            changed["logsBloom"] = EMPTY_BLOOM
        with suppress(ProtocolError):  # what is not a header has no hash to fit
            changed["hash"] = header_hash(changed)
    return {**answer, "result": changed}


def _changed(value: Any, path: Path, change: str, whole: Path) -> Any:
    if not path:
        return changes(value, whole)[change]
    new = _changed(value[path[0]], path[1:], change, whole)
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    if new is REMOVED:
        del copy[path[0]]
    else:
        copy[path[0]] = new
    return copy


def _others(truth: HistoryTruth, lie: Lie) -> dict[str, Any]:
    """What is true of another call of the same method: the next one, or one well before."""
    method = json.loads(lie.call)[0]
    same = [call for call in truth.answers if json.loads(call)[0] == method]
    step = 1 if lie.change == "another's" else -30
    return dict(json.loads(truth.answers[same[(same.index(lie.call) + step) % len(same)]]))


def rebuilt(truth: HistoryTruth) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Headers by call, from the settlement's block on: that has an empty bloom, and each of them
    hashes to its hash and names the one before as its parent. And their hashes by the true ones."""
    found, parent, hashes = {}, "", dict[str, str]()
    for number in range(truth.hidden, truth.newest + 1):
        call = json.dumps(["eth_getBlockByNumber", [hex(number), False]])
        answer = json.loads(truth.answers[call])
        header = answer["result"]
        if parent:
            header["parentHash"] = parent
        else:
            header["logsBloom"] = EMPTY_BLOOM
        hashes[header["hash"]] = parent = header_hash(header)
        header["hash"] = parent
        found[call] = answer
    return found, hashes


def framed(change: str, answers: list[dict[str, Any]]) -> Any:
    """A batch's answers in a wrong frame."""
    first, second, *others = answers
    if change == "exchanged":
        return [{**first, "id": second["id"]}, {**second, "id": first["id"]}, *others]
    if change == "one missing":
        return [second, *others]
    if change == "one twice":
        return [first, {**second, "id": first["id"]}, second, *others]
    if change == "all the first":
        return [{**first, "id": one["id"]} for one in answers]
    return [{**one, "id": str(one["id"])} for one in answers]
