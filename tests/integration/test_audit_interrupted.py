"""An audit that is stopped on the way, and goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from audit_rig import LyingNode, RefusalError, Told, audit, names
from web3 import HTTPProvider, Web3

from audit.errors import AuditError, InterruptedAuditError
from audit.node import fetch
from audit.node.fetch import ContractEndpoint
from audit.node.rpc import Endpoint
from audit.order import AuditOrder, AuditWatcher
from audit.result import Result
from audit.run import Audit
from audit.samples.published import Published
from audit.samples.sources import open_source
from lab.rig.history import tell
from lab.rig.services import ROOT, Anvil
from lab.rig.yard import COIN, Yard

pytestmark = pytest.mark.integration

SPAN = 15


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        samples = tmp_path_factory.mktemp("samples")
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, 4)
        # Two rentals that go on, one of them over several bundles.
        yard.strokes = (2_500, 2_500, 2_500)
        long = yard.open(yard.customers[1], COIN)
        for _ in range(4):
            yard.use([long], 7_200)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


@pytest.fixture
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "FIRST_SPAN", SPAN)
    monkeypatch.setattr(fetch, "LONGEST_SPAN", SPAN)


def stopped_after(told: Told, windows: int, state: Path, samples: Path | None = None) -> None:
    """Audit until so many ranges of blocks are done, or the open rentals are reached."""
    done: list[int] = []
    watcher = AuditWatcher(
        progress=lambda _first, now, _last: done.append(now),
        stopping=lambda: len(done) >= windows,
    )
    order = AuditOrder(told.contract, state=state)
    chain = ContractEndpoint(Endpoint(told.url), told.contract)
    published = None if samples is None else partial(Published, open_source(str(samples)))
    with pytest.raises(InterruptedAuditError, match=rf"block {windows * SPAN}|open rentals"):
        Audit(chain, order, watcher, published).run()


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
@pytest.mark.parametrize("windows", [1, 2, 3, 6])
def test_run__with_samples_stopped_and_started_again__as_in_one_go(
    told: Told, tmp_path: Path, windows: int
) -> None:
    """The blocks make five ranges; after those come the samples of the open rentals."""
    state = tmp_path / "state"
    stopped_after(told, windows, state, told.samples)
    result = audit(told.url, told.contract, samples=told.samples, state=state)
    assert comparable(result) == comparable(audit(told.url, told.contract, samples=told.samples))
    assert names(result) == {"gap-in-samples"}


def test_run__with_samples_once_more_from_the_state__the_same(told: Told, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first, again = (
        audit(told.url, told.contract, samples=told.samples, state=state) for _ in range(2)
    )
    assert comparable(first) == comparable(again)


def test_run__state_file_of_an_audit_without_samples__refused(told: Told, tmp_path: Path) -> None:
    state = tmp_path / "state"
    audit(told.url, told.contract, state=state)
    with pytest.raises(AuditError, match="of other samples, or of none"):
        audit(told.url, told.contract, samples=told.samples, state=state)


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
        pytest.raises(AuditError, match="hashes to"),
    ):
        audit(node.url, told.contract, state=state)


@pytest.mark.usefixtures("_short_ranges")
def test_run__state_file_of_another_contract__refused(told: Told, tmp_path: Path) -> None:
    state = tmp_path / "state"
    stopped_after(told, 1, state)
    with pytest.raises(AuditError, match="to another audit"):
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
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "stopped after block" in errors
    assert state.exists()
    result = audit(told.url, told.contract, state=state)
    assert names(result) == set()
    assert result.scope.signatures_verified == result.scope.readings
