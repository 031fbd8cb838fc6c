"""The exit status of `drill-audit`: 1 says that something was found, and nothing else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_rig import LyingNode, Told
from web3 import HTTPProvider, Web3

from lab.rig.history import tell
from lab.rig.services import ROOT, Anvil
from lab.rig.yard import Yard

pytestmark = pytest.mark.integration

COULD_NOT = 2


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, 4)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


def command(url: str, told: Told, *options: str) -> list[str]:
    where = ("--rpc", url, "--contract", told.contract)
    return [sys.executable, "-m", "audit", "run", *where, *options]


def run(url: str, told: Told, *options: str, **how: Any) -> subprocess.CompletedProcess[str]:
    line = command(url, told, *options)
    return subprocess.run(line, cwd=ROOT, text=True, stderr=-1, check=False, timeout=300, **how)


def test_run__clean__0(told: Told) -> None:
    assert run(told.url, told, stdout=subprocess.DEVNULL).returncode == 0


def test_run__finding__1(told: Told) -> None:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        return result[:-1] if method == "eth_getLogs" and result else result

    with LyingNode(told.url, lie) as node:
        done = run(node.url, told, stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert "log-hidden" in done.stdout


def test_run__rental_that_does_not_exist__2(told: Told) -> None:
    done = run(told.url, told, "--rental", "99", stdout=subprocess.PIPE)
    assert done.returncode == COULD_NOT
    assert "there is no rental 99" in done.stderr
    assert "Clean" not in done.stdout


def nested(_: Any) -> Any:
    found: Any = "x"
    for _ in range(500):
        found = [found]
    return found


WRONG_ANSWERS = {
    "logs of text": ("eth_getLogs", lambda _: ["log", "\ud800"]),
    "receipts of text": ("eth_getBlockReceipts", lambda found: ["x" for _ in found]),
    "logs of text in receipts": (
        "eth_getBlockReceipts",
        lambda found: [{**one, "logs": ["\ud800"]} for one in found],
    ),
    "half a character for a hash": (
        "eth_getLogs",
        lambda found: [{**found[0], "transactionHash": "\ud800"}],
    ),
    "a list for a hash": ("eth_getBlockByNumber", lambda found: {**found, "hash": [[]]}),
    "a list for a transaction": ("eth_getTransactionByHash", lambda _: [[]]),
    "a list for calldata": ("eth_getTransactionByHash", lambda f: {**f, "input": [], "to": {}}),
    "text for code": ("eth_getCode", lambda _: "\x1b[2J"),
    "an object for a view": ("eth_call", lambda _: {"a": "\ud800"}),
    "nested logs": ("eth_getLogs", nested),
}


@pytest.mark.parametrize("what", WRONG_ANSWERS)
def test_run__answer_that_is_none__2_or_a_finding_by_name(told: Told, what: str) -> None:
    wrong, change = WRONG_ANSWERS[what]

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        return change(result) if method == wrong and result else result

    with LyingNode(told.url, lie) as node:
        done = run(node.url, told, stdout=subprocess.PIPE)
    assert "Traceback" not in done.stderr
    assert "failed with" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    if "Sum of differences" in done.stdout:
        assert "receipts-root-differs" in done.stdout or "signature-unchecked" in done.stdout
        assert done.returncode in {1, COULD_NOT}
    else:
        assert done.returncode == COULD_NOT
        assert done.stderr.count("\n") == 1
        assert node.url in done.stderr


def test_run__numbers_of_a_batch_are_lists__2(told: Told) -> None:
    class Strange(LyingNode):
        def answer(self, asked: Any) -> Any:
            found = super().answer(asked)
            return (
                [{**one, "id": [one["id"]]} for one in found] if isinstance(found, list) else found
            )

    with Strange(told.url, lambda _method, _parameters, result: result) as node:
        # It does not take batches, then, and answers one call at a time.
        assert run(node.url, told, stdout=subprocess.PIPE).returncode == 0


def test_run__disk_full__2(told: Told) -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = run(told.url, told, stdout=full)
        assert done.returncode == COULD_NOT
        assert "No space left" in done.stderr
        line = command(told.url, told)
        assert subprocess.run(line, cwd=ROOT, stdout=full, stderr=full, check=False).returncode == 2
    done = run(told.url, told, "--json", "/dev/full", stdout=subprocess.PIPE)
    assert done.returncode == COULD_NOT
    assert "/dev/full cannot be written" in done.stderr


def test_run__nobody_reads_the_report__2(told: Told) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(told.url, told, stdout=writing)
    os.close(writing)
    assert done.returncode == COULD_NOT
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_run__signal__2(told: Told, number: signal.Signals) -> None:
    """It comes while the node does not answer, which takes a second signal."""
    asked, over = threading.Event(), threading.Event()

    def wait(_method: str, _parameters: list[Any], result: Any) -> Any:
        asked.set()
        over.wait(60)
        return result

    with LyingNode(told.url, wait) as node:
        line = command(node.url, told)
        with subprocess.Popen(line, cwd=ROOT, stdout=-1, stderr=-1, text=True) as running:
            assert asked.wait(60)
            running.send_signal(number)
            time.sleep(0.2)
            running.send_signal(number)
            _output, told_of = running.communicate(timeout=300)
            over.set()
    assert running.returncode == COULD_NOT
    assert told_of.count("\n") == 1
    assert told_of.startswith("drill-audit: ")


def test_run__samples_that_link_to_themselves__2(told: Told, tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    assert told.samples is not None
    samples = tmp_path / "samples"
    samples.mkdir()
    for folder in told.samples.iterdir():
        (samples / folder.name).symlink_to(folder.name)
    for place in (tmp_path / "round", samples):
        done = run(told.url, told, "--samples", str(place), stdout=subprocess.PIPE)
        assert done.returncode == COULD_NOT
        assert "failed with" not in done.stderr


def test_run__program_that_breaks__2_and_one_line(told: Told) -> None:
    """Whatever breaks inside; here a module that is not there."""
    broken = "import sys; sys.modules['audit.run'] = None; from audit.__main__ import main; main()"
    line = [sys.executable, "-c", broken, *command(told.url, told)[3:]]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == COULD_NOT
    assert done.stderr.count("\n") == 1
    assert "drill-audit: failed with" in done.stderr
