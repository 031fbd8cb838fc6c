"""A state file outlives a reorganisation; ranges that a node allows, and audits that take long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_rig import LyingNode, RefusalError, Told, audit, names
from web3 import HTTPProvider, Web3

from audit import run
from audit.errors import AuditError
from audit.node.completeness import Depth
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder, AuditWatcher
from audit.run import Audit
from audit.state import final_of, load
from lab.rig.history import tell
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard

pytestmark = pytest.mark.integration

FINAL_DEPTH = 64
"""By which anvil's final block lies below its newest."""


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Anvil(tmp_path, options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=tmp_path / "samples")
        tell(yard, 4)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, tmp_path / "samples")


def ask(told: Told, method: str, *parameters: Any) -> Any:
    answer: Any = told.yard.web3.provider.make_request(method, list(parameters))
    assert "error" not in answer, answer
    return answer["result"]


def test_run__reorganised_since_the_state_was_saved__goes_on_from_the_final_block(
    told: Told, tmp_path: Path
) -> None:
    ask(told, "anvil_mine", hex(FINAL_DEPTH))
    state, yard = tmp_path / "state", told.yard
    before = ask(told, "evm_snapshot")
    yard.now = int(yard.web3.eth.get_block("latest")["timestamp"])
    lost = yard.open(yard.customers[1], COIN)
    assert names(audit(told.url, told.contract, state=state)) == set()
    saved = load(state)
    final = load(final_of(state))
    assert saved is not None
    assert final is not None
    assert lost in saved.books.rentals
    assert final.last_block == saved.last_block - FINAL_DEPTH

    ask(told, "evm_revert", before)
    ask(told, "anvil_mine", hex(5))
    with LyingNode(told.url, lambda _method, _parameters, result: result) as node:
        result = audit(node.url, told.contract, state=state)
        asked = [int(p[0]["fromBlock"], 16) for method, p in node.calls if method == "eth_getLogs"]
    assert min(asked) == final.last_block + 1
    whole = audit(told.url, told.contract)
    assert result.bills == whole.bills
    assert result.scope.events == whole.scope.events
    assert names(result) == set()
    again = load(state)
    assert again is not None
    assert lost not in again.books.rentals


def test_run__reorganised_below_the_final_block__refused(told: Told, tmp_path: Path) -> None:
    before = ask(told, "evm_snapshot")
    ask(told, "anvil_mine", hex(FINAL_DEPTH + 5))
    state = tmp_path / "state"
    audit(told.url, told.contract, state=state)
    ask(told, "evm_revert", before)
    ask(told, "evm_setNextBlockTimestamp", told.yard.now + 77)
    ask(told, "anvil_mine", hex(FINAL_DEPTH + 9))
    with pytest.raises(AuditError, match=r"no longer has .*state\.final; delete these files"):
        audit(told.url, told.contract, state=state)


def test_run__node_that_tells_of_no_final_block__state_kept_well_below_the_newest(
    told: Told, tmp_path: Path
) -> None:
    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == "finalized":
            raise RefusalError("unknown tag")
        return result

    ask(told, "anvil_mine", hex(130))
    with LyingNode(told.url, lie) as node:
        audit(node.url, told.contract, state=tmp_path / "state")
    newest, final = load(tmp_path / "state"), load(final_of(tmp_path / "state"))
    assert newest is not None
    assert final is not None
    assert final.last_block == newest.last_block - 128


LIMITS = {
    10: "You can make eth_getLogs requests with up to a 10 block range.",
    7: "this range is not for free",
    50: "exceed maximum block range: 50",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_run__range_limit__learnt_once(told: Told, limit: int) -> None:
    refused: list[int] = []

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            span = int(parameters[0]["toBlock"], 16) - int(parameters[0]["fromBlock"], 16) + 1
            if span > limit:
                refused.append(span)
                raise RefusalError(LIMITS[limit])
        return result

    ask(told, "anvil_mine", hex(100))
    with LyingNode(told.url, lie) as node:
        result = audit(node.url, told.contract)
    assert names(result) == set()
    assert len(refused) == len(set(refused)) <= 6
    assert len(refused) == 1 or limit == 7


def test_run__too_many_logs_in_one_range__wider_again_behind_it(told: Told) -> None:
    spans: list[int] = []

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            spans.append(int(parameters[0]["toBlock"], 16) - int(parameters[0]["fromBlock"], 16))
            if len(result) > 30:
                raise RefusalError("query returned more than 30 results")
        return result

    ask(told, "anvil_mine", hex(300))
    with LyingNode(told.url, lie) as node:
        assert names(audit(node.url, told.contract)) == set()
    assert spans[-1] > min(spans)


def test_run__many_blocks__notice_before_and_every_header_all_the_same(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MANY_BLOCKS", 20)
    said: list[str] = []
    watcher = AuditWatcher(notice=said.append)
    audits = [
        Audit(
            ContractEndpoint(Endpoint(told.url), told.contract),
            AuditOrder(told.contract, depth=depth),
            watcher,
        )
        for depth in (None, Depth.SEEN)
    ]
    result = audits[0].run()
    assert result.scope.depth == "all"
    assert result.findings.exit_status() == 0
    assert len(said) == 1
    assert "blocks: fetching every header takes about" in said[0]
    assert names(audits[1].run()) == {"blocks-not-scanned"}
    assert len(said) == 1
