"""A clean history of many rentals, audited on a real chain."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_rig import LyingNode, RefusalError, Told, audit, names
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from audit.cli import app
from audit.node.completeness import Depth
from audit.report.report_text import scope_lines
from lab.rig.history import tell
from lab.rig.process import Daemon, wait_until
from lab.rig.services import HOST, Anvil, free_port, port_answers
from lab.rig.yard import TARIFFS, Yard

pytestmark = pytest.mark.integration

RENTALS = 56


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, RENTALS)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


def test_run__clean_history__nothing_found_and_no_difference(told: Told) -> None:
    result = audit(told.url, told.contract, chain_id=told.chain_id)
    assert names(result) == set()
    assert result.findings.exit_status() == 0
    assert [bill.difference for bill in result.bills] == [0] * (RENTALS + 1)
    assert {bill.tariff for bill in result.bills} == set(range(1, len(TARIFFS) + 1))
    assert any(bill.disputed_back for bill in result.bills)
    assert any(bill.charge_recomputed != bill.owed for bill in result.bills)
    scope = result.scope
    assert scope.from_deployment
    assert scope.signatures_verified == scope.readings > RENTALS
    assert scope.headers == scope.last_block - scope.first_block + 1
    assert scope.views_compared > 7 * RENTALS


def test_run__clean_history_with_samples__only_gaps_noted_and_no_difference(told: Told) -> None:
    """56 rentals, 3 tariffs, 4 boxes, keys rotated, samples lost, and a box out of reach."""
    result = audit(told.url, told.contract, samples=told.samples)
    assert names(result) == {"gap-in-samples"}
    assert result.findings.exit_status() == 0
    assert [bill.difference for bill in result.bills] == [0] * (RENTALS + 1)
    tallies = [bill.samples for bill in result.bills if bill.samples is not None]
    assert len(tallies) == RENTALS + 1
    assert all(one.checked - one.unsettled == one.anchored > 0 for one in tallies)
    assert not any(one.unchecked for one in tallies)
    assert sum(one.roots for one in tallies) >= result.scope.readings
    assert sum(one.unsettled > 0 for one in tallies) > 5
    lost = [one for one in tallies if one.gaps]
    assert len(lost) >= RENTALS // 12
    assert all(one.missed_worth > 0 and one.odometer_ahead_ms == 1_200 for one in lost)
    assert {one.odometer_ahead_ms for one in tallies if not one.gaps} == {0}
    assert result.scope.samples is not None
    assert result.scope.samples.samples == sum(one.checked for one in tallies)


def test_run__without_samples__said(told: Told) -> None:
    result = audit(told.url, told.contract)
    assert ("samples", "not looked at: give --samples") in scope_lines(result)


def test_run__samples_from_a_web_server__the_same(told: Told) -> None:
    assert told.samples is not None
    command = [sys.executable, "-m", "http.server", "--bind", HOST]
    port = free_port()
    server = Daemon("files", [*command, "-d", str(told.samples), str(port)], told.samples / "log")
    with server:
        wait_until("the web server is up", lambda: port_answers(port), 20, server)
        result = audit(told.url, told.contract, samples=f"http://{HOST}:{port}")
    assert names(result) == {"gap-in-samples"}
    assert all(bill.samples and not bill.samples.unchecked for bill in result.bills)


def test_run__with_proof__every_slot_is_proven_and_nothing_found(told: Told) -> None:
    last = told.yard.web3.eth.get_block("latest")["hash"].to_0x_hex()
    result = audit(told.url, told.contract, proof=True, block_hash=last)
    assert names(result) == set()
    assert result.scope.slots_proven > 5 * RENTALS
    assert result.scope.views_compared == 0
    assert result.difference == 0


def test_run__node_refuses_ranges_and_batches__smaller_ones_and_nothing_found(told: Told) -> None:
    def lie(method: str, parameters: list[object], result: object) -> object:
        if method == "eth_getLogs":
            query = parameters[0]
            assert isinstance(query, dict)
            if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 40:
                raise RefusalError("query returned more than 10000 results")
        return result

    with LyingNode(told.url, lie) as node:
        assert names(audit(node.url, told.contract)) == set()
    queries = [parameters[0] for method, parameters in node.calls if method == "eth_getLogs"]
    spans = [int(query["toBlock"], 16) - int(query["fromBlock"], 16) for query in queries]
    assert spans[0] > 40
    assert len(spans) < 30


def test_run__only_blocks_with_events__said(told: Told) -> None:
    result = audit(told.url, told.contract, depth=Depth.SEEN)
    assert names(result) == {"blocks-not-scanned"}
    assert result.findings.exit_status() == 2


def test_run__from_a_later_block__history_said_to_be_missing(told: Told) -> None:
    result = audit(told.url, told.contract, from_block=20)
    assert "history-before-range" in names(result)
    assert {finding.grade for finding in result.findings} == {"unchecked"}
    assert result.findings.exit_status() == 2


def test_run__command_line__all_three_reports(told: Told, tmp_path: Path) -> None:
    reports = tmp_path / "report.json", tmp_path / "report.html"
    arguments = ["run", "--rpc", told.url, "--contract", told.contract, "--rental", "8"]
    arguments += ["--samples", str(told.samples)]
    options = ["--json", str(reports[0]), "--html", str(reports[1])]
    done = CliRunner().invoke(app, [*arguments, *options])
    assert done.exit_code == 0, done.output
    assert "Clean" in done.output
    content = json.loads(reports[0].read_text())
    assert [rental["difference"] for rental in content["rentals"]] == ["0"]
    assert content["scope"]["samples"]["rental"] == 8
    samples = content["rentals"][0]["samples"]
    assert samples["checked"] == samples["anchored"] > 100
    page = reports[1].read_text()
    assert "rental 8 only" in page
    assert f"{samples['checked']} of {samples['checked']}" in page
    assert "<script" not in page
    assert "http://www" not in page
    assert "Clean" in page
