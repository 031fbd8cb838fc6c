"""An audit that is stopped on the way, and goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit_rig import LyingNode, RefusalError, Told, audit, names
from web3 import HTTPProvider, Web3

from audit import fetch
from audit.errors import AuditError, InterruptedAuditError
from audit.fetch import Chain
from audit.order import Order, Watcher
from audit.result import Result
from audit.rpc import Endpoint
from audit.run import Audit
from rig.history import tell
from rig.services import ROOT, Anvil
from rig.yard import Yard

pytestmark = pytest.mark.integration

SPAN = 15


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)))
        tell(yard, 4)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard)


@pytest.fixture
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_SPAN", SPAN)
    monkeypatch.setattr(fetch, "LONGEST_SPAN", SPAN)


def stopped_after(told: Told, windows: int, state: Path) -> None:
    """Audit until so many ranges of blocks are done."""
    done: list[int] = []
    watcher = Watcher(
        progress=lambda _first, now, _last: done.append(now),
        stopping=lambda: len(done) >= windows,
    )
    order = Order(told.contract, state=state)
    with pytest.raises(InterruptedAuditError, match=f"block {windows * SPAN}"):
        Audit(Chain(Endpoint(told.url), told.contract), order, watcher).run()


def comparable(result: Result) -> Any:
    return replace(result.scope, requests=0, seconds=0.0), result.bills, result.findings


@pytest.mark.usefixtures("_short_ranges")
@pytest.mark.parametrize("windows", [1, 3])
def test_run__stopped_and_started_again__as_in_one_go(
    told: Told, tmp_path: Path, windows: int
) -> None:
    state = tmp_path / "state"
    stopped_after(told, windows, state)
    result = audit(told.url, told.contract, state=state)
    assert comparable(result) == comparable(audit(told.url, told.contract))
    assert names(result) == set()


@pytest.mark.usefixtures("_short_ranges")
def test_run__state_file_of_another_branch__refused(told: Told, tmp_path: Path) -> None:
    state = tmp_path / "state"
    stopped_after(told, 1, state)

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == hex(SPAN):
            return {**result, "hash": "0x" + "ab" * 32}
        return result

    with (
        LyingNode(told.url, lie) as node,
        pytest.raises(AuditError, match="no longer has block"),
    ):
        audit(node.url, told.contract, state=state)


@pytest.mark.usefixtures("_short_ranges")
def test_run__state_file_of_another_contract__refused(told: Told, tmp_path: Path) -> None:
    state = tmp_path / "state"
    stopped_after(told, 1, state)
    with pytest.raises(AuditError, match="of another audit"):
        audit(told.url, told.contract, state=state, from_block=2)


def test_command__interrupted_by_the_keyboard__stops_in_order_and_goes_on(
    told: Told, tmp_path: Path
) -> None:
    def slow(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            query = parameters[0]
            if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= SPAN:
                raise RefusalError("range too wide")
            time.sleep(0.2)
        return result

    state = tmp_path / "state"
    with LyingNode(told.url, slow) as node:
        command = [sys.executable, "-m", "audit", "run", "--rpc", node.url]
        command += ["--contract", told.contract, "--state", str(state)]
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        deadline = time.monotonic() + 60
        while not any(method == "eth_getBlockReceipts" for method, _ in node.calls):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "stopped after block" in errors
    assert state.exists()
    result = audit(told.url, told.contract, state=state)
    assert names(result) == set()
    assert result.scope.signatures_verified == result.scope.readings
