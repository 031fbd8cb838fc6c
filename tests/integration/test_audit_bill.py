"""Bills of a real history, from the command line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from audit_rig import LyingNode, Told, topic
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from audit.cli import app
from lab.rig.history import tell
from lab.rig.services import Anvil
from lab.rig.yard import Yard

pytestmark = pytest.mark.integration

RENTALS = 6


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        tell(yard, RENTALS)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


def bill(told: Told, *options: str, url: str | None = None) -> tuple[int, str]:
    where = ["--rpc", url or told.url, "--contract", told.contract]
    done = CliRunner().invoke(app, ["bill", *where, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_bill__disputed_rental_with_samples__all_of_it_in_both_files(
    told: Told, tmp_path: Path
) -> None:
    html, pdf = tmp_path / "bill.html", tmp_path / "bill.pdf"
    files = ["--html", str(html), "--pdf", str(pdf), "--samples", str(told.samples)]
    explorer = ["--explorer", "https://explorer.example/tx/{tx}"]
    status, said = bill(told, "--rental", "1", *files, *explorer)
    assert status == 0, said
    functions, page = told.yard.contract.functions, html.read_text()
    charge = functions.charge(1).call()
    assert f"charge {charge}," in said
    assert f"{charge:,}".replace(",", "\N{NO-BREAK SPACE}") in page
    opened = told.yard.contract.events.RentalOpened().get_logs(
        from_block=0, argument_filters={"rental": 1}
    )[0]["transactionHash"]
    assert f"https://explorer.example/tx/{opened.to_0x_hex()}" in page
    assert "Dispute" in page
    assert re.search(r"Signature verified</th><td>yes<", page)
    assert "under anchored roots" in page
    assert "Drawn from the" in page
    assert "circle" not in page
    assert pdf.read_bytes().startswith(b"%PDF-")
    again = pdf.read_bytes()
    assert bill(told, "--rental", "1", *files, *explorer)[0] == 0
    assert pdf.read_bytes() == again


def test_bill__commands_on_it__make_the_same_file_again(told: Told, tmp_path: Path) -> None:
    html, again = tmp_path / "bill.html", tmp_path / "again.html"
    last = str(told.yard.web3.eth.block_number)
    options = ["--samples", str(told.samples), "--language", "de", "--unit", "ETH", "--to-block"]
    explorer = ["--explorer", "https://explorer.example/tx/{tx}?a=1&b"]
    status, said = bill(told, "--rental", "1", "--html", str(html), *options, last, *explorer)
    assert status == 0, said
    code = re.search("<pre><code>(.*?)</code></pre>", html.read_text(), re.DOTALL)
    assert code is not None
    audited, stated = (shlex.split(line) for line in unescape(code[1]).splitlines())
    here = {"URL": told.url, "SAMPLES": str(told.samples), "bill.html": str(again)}
    for command in (audited, stated):
        arguments = [here.get(one, one) for one in command]
        assert arguments[0] == "drill-audit"
        done = CliRunner().invoke(app, arguments[1:])
        assert done.exit_code == 0, done.output
    assert again.read_bytes() == html.read_bytes()


def test_bill__open_rental_under_a_p256_key__german_and_proven(told: Told, tmp_path: Path) -> None:
    last = told.yard.web3.eth.get_block("latest")["hash"].to_0x_hex()
    for rental in (4, RENTALS + 1):
        html = tmp_path / f"{rental}.html"
        proof = ["--language", "de", "--html", str(html), "--proof", "--block-hash", last]
        status, said = bill(told, "--rental", str(rental), *proof)
        assert status == 0, said
        page = html.read_text()
        assert '<html lang="de">' in page
        assert "Speicherplätze, bewiesen gegen den Hash" in page
        assert re.search(r"Signatur geprüft</th><td>ja<", page)
    assert "P-256" in (tmp_path / "4.html").read_text()


def understated(method: str, _parameters: list[object], result: object) -> object:
    """A node that changes the charge of every settlement by one."""
    settled = topic("UsageSettled")
    if method == "eth_getLogs" and isinstance(result, list):
        return [
            {**log, "data": f"{log['data'][:-64]}{int(log['data'][-64:], 16) + 1:064x}"}
            if log["topics"][0].removeprefix("0x") == settled.removeprefix("0x")
            else log
            for log in result
        ]
    return result


def test_bill__audit_finds_something_wrong__refused_unless_told(told: Told, tmp_path: Path) -> None:
    html = tmp_path / "bill.html"
    with LyingNode(told.url, understated) as node:
        options = ["--rental", "2", "--html", str(html)]
        status, said = bill(told, *options, url=node.url)
        assert status == 1
        assert "log-altered" in said
        assert "--despite-findings" in said
        assert not html.exists()
        status, said = bill(told, *options, "--despite-findings", url=node.url)
    assert status == 0
    assert "log-altered" in html.read_text()
    assert "Do not pay on this statement" in html.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rental", "1"], "give --html or --pdf"),
        (["--rental", "1", "--html", "x.html", "--pdf", "x.html"], "one would overwrite the other"),
        (["--rental", "1", "--html", "x.html", "--from-block", "5"], "begin earlier"),
        (["--rental", "99", "--html", "x.html"], "there is no rental 99"),
        (["--rental", "1", "--html", "/nowhere/x.html"], "cannot be written"),
        (["--rental", "1", "--html", "x.html", "--language", "fr"], "en and de"),
        (["--rental", "1", "--html", "x.html", "--explorer", "javascript:{tx}"], "http(s)"),
        (["--rental", "1", "--html", "x.html", "--explorer", 'https://x/"{tx}'], "http(s)"),
        (["--rental", "1", "--html", "x.html", "--unit", "a b"], "one short word"),
        (["--rental", "1", "--html", "x.html", "--proof"], "needs --block-hash"),
        (["--rental", "1", "--html", "x.html", "--chain-id", "5"], "serves chain 31337"),
    ],
)
def test_bill__what_cannot_be_made__said(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, output = bill(told, *options)
    assert status == 2
    assert said in output
    assert list(tmp_path.iterdir()) == []
