"""The attack with a lying node, short; and that it sees what an auditor lets through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from audit.node.completeness import Completeness
from audit.run import Audit
from lab.lying_node.__main__ import attack
from lab.lying_node.lies import REBUILT, Lie, lies
from lab.lying_node.play import play
from lab.lying_node.truth import HistoryTruth, true_history

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[HistoryTruth]]:
    with true_history(tmp_path_factory.mktemp("anvil")) as told:
        yield told


def about_the_settlement(truth: HistoryTruth, kind: str) -> Lie:
    """The lie of that kind about the settlement's own block."""
    block = f'"{hex(truth.hidden)}"'
    return next(lie for lie in lies(truth) if lie.kind == kind and block in lie.call)


def test_attack__a_few_of_every_sort__no_faults(truths: list[HistoryTruth]) -> None:
    result = attack(truths, 1, 120, seed=1)
    assert result["faults"] == []
    assert result["lies"] == 120
    assert result["kinds"] > 3_000


def test_lies__each_answer__each_of_its_fields(truths: list[HistoryTruth]) -> None:
    for truth in truths:
        kinds = {lie.kind.split(":")[0] for lie in lies(truth)}
        fields = ("number", "hash", "parentHash", "logsBloom", "receiptsRoot", "stateRoot")
        assert {f"eth_getBlockByNumber {field}" for field in fields} <= kinds
        assert {"eth_chainId answer", "eth_getCode answer", "eth_getLogs *.data"} <= kinds
        assert "eth_getBlockReceipts *.logs.*.topics.*" in kinds
        assert (
            "eth_getProof storageProof.*.proof.*" if truth.proof else "eth_call answer"
        ) in kinds
        assert any(kind.startswith("batch of") for kind in kinds)


SELF_MADE = "eth_getBlockByNumber number: none, rehashed, hiding"


def test_play__block_with_a_number_of_its_own__found(truths: list[HistoryTruth]) -> None:
    for truth in truths:
        outcome = play(truth, about_the_settlement(truth, SELF_MADE))
        assert outcome.fault == ""
        assert outcome.status == 1
        assert "block-number-differs" in outcome.names


def test_play__chain_made_anew_from_the_settlement_on__ends_at_another_hash(
    truths: list[HistoryTruth],
) -> None:
    [lie] = [one for one in lies(truths[1]) if one.change == REBUILT]
    outcome = play(truths[1], lie)
    assert (outcome.status, outcome.fault) == (2, "")
    assert "reorganisation" in outcome.names


def test_play__auditor_that_does_not_look_at_numbers__seen(
    truths: list[HistoryTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(self: Completeness, header: Any, _number: int) -> bool:
        """As it was: linked only where numbers follow."""
        last, self.last_header = self.last_header, header
        if last is not None and last.number + 1 == header.number:
            assert header.parent_hash == last.hash or not header.proven
        return True

    monkeypatch.setattr(Completeness, "_linked", careless)
    for truth in truths:
        assert "clean" in play(truth, about_the_settlement(truth, SELF_MADE)).fault


def test_play__auditor_that_does_not_link_parents__seen(
    truths: list[HistoryTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.node.completeness.require_parent", lambda *_: None)
    for truth in truths:
        lie = about_the_settlement(
            truth, "eth_getBlockByNumber gasUsed: one more, rehashed, hiding"
        )
        assert "clean" in play(truth, lie).fault


def test_play__auditor_that_breaks__seen(
    truths: list[HistoryTruth], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Audit, _header: Any) -> None:
        raise TypeError("unhashable")

    monkeypatch.setattr(Audit, "_require_same_last", broken)
    lie = about_the_settlement(truths[0], SELF_MADE)
    assert play(truths[0], lie).fault == "crash: TypeError: unhashable"
