"""Proofs of samples and minutes made from a real chain and published files, and read offline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from audit_rig import LyingNode
from proof_forge import drilling, root_of
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from audit.cli import app
from lab.rig.history import furnish
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard
from protocol.publication import BUNDLE_SAMPLES, RentalIdentity, bundle_file, contract_folder
from protocol.records import Reading, Registers

pytestmark = pytest.mark.integration

SAMPLES = 5_000


@dataclass(frozen=True)
class Told:
    url: str
    yard: Yard
    rental: int
    opened_at: int
    folder: Path
    hashes: dict[str, str]


def publish(yard: Yard, rental: int, customer: str, data: list[bytes], folder: Path) -> None:
    """Write the bundles as an oracle does."""
    found = yard.contract.functions.rental(rental).call()
    identity = RentalIdentity(rental, found[1], found[2], found[5], customer)
    place = folder / contract_folder(yard.domain) / identity.folder()
    place.mkdir(parents=True)
    for first in range(0, len(data), BUNDLE_SAMPLES):
        part = data[first : first + BUNDLE_SAMPLES]
        name = bundle_file(first // BUNDLE_SAMPLES, sealed=len(part) == BUNDLE_SAMPLES)
        (place / name).write_bytes(b"".join(part))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)))
        furnish(yard, boxes=2, drills=4)
        other = yard.open(yard.customers[1], COIN // 20)
        yard.advance(60 - (yard.now + 1) % 60)
        rental = yard.open(yard.customers[0], COIN // 20)
        opened_at = yard.now
        drill = int(yard.contract.functions.rental(rental).call()[1])
        data = drilling(SAMPLES, opened_at * 1000, drill)
        for size, active_ms in ((3_000, 299_000), (SAMPLES, 499_000)):
            yard.advance(opened_at + size // 10 + 1 - yard.now)
            until = yard.now * 1000
            registers = Registers(active_ms_1=active_ms)
            mine = Reading(rental, until, registers, size, root_of(data[:size]))
            done = yard.settle([yard.reading(other, until), mine])
        publish(yard, rental, yard.customers[0], data, folder)
        tariff = yard.contract.functions.rental(rental).call()[2]
        events = yard.contract.events
        logs = {
            "opening": events.RentalOpened().get_logs(
                from_block=0, argument_filters={"rental": rental}
            ),
            "tariff": events.TariffPublished().get_logs(
                from_block=0, argument_filters={"tariff": tariff}
            ),
        }
        hashes = {name: found[0]["blockHash"].to_0x_hex() for name, found in logs.items()}
        hashes["settlement"] = done["blockHash"].to_0x_hex()
        yield Told(anvil.url, yard, rental, opened_at, folder, hashes)


def prove(told: Told, out: Path, *options: str, rpc: str | None = None) -> tuple[int, str]:
    contract = ["--contract", told.yard.contract.address, "--rental", str(told.rental)]
    samples = ["--samples", str(told.folder), "--out", str(out)]
    done = CliRunner().invoke(
        app, ["prove", "--rpc", rpc or told.url, *contract, *samples, *options]
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def verify(told: Told, file: Path, *blocks: str) -> tuple[int, str]:
    given = [part for one in blocks for part in ("--block-hash", told.hashes[one])]
    contract = ["--contract", told.yard.contract.address, "--chain-id", "31337"]
    done = CliRunner().invoke(app, ["verify", str(file), *given, *contract])
    return done.exit_code, done.output


@pytest.mark.parametrize("place", [0, 5, 4_095, 4_096, SAMPLES - 1])
def test_prove__one_sample__verified_by_the_block_hash(
    told: Told, tmp_path: Path, place: int
) -> None:
    file = tmp_path / "proof.json"
    status, said = prove(told, file, "--sample", str(place))
    assert status == 0, said
    assert told.hashes["settlement"] in said
    status, said = verify(told, file, "settlement")
    assert status == 0, said
    assert f"sequence {1_000 + place}:" in said
    assert f"a log of {SAMPLES} samples" in said
    assert verify(told, file, "opening")[0] == 1


def test_prove__by_sequence_and_up_to_an_earlier_block__same_sample_in_a_shorter_log(
    told: Told, tmp_path: Path
) -> None:
    last = told.yard.web3.eth.get_block(told.hashes["settlement"])["number"] - 1  # type: ignore[arg-type]
    file = tmp_path / "proof.json"
    status, said = prove(told, file, "--sequence", "1812", "--to-block", str(last))
    assert status == 0, said
    assert '"first": 812' in file.read_text()
    assert told.hashes["settlement"] not in said


def test_prove__a_minute__verified_with_its_price(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    minute = datetime.fromtimestamp(told.opened_at + 120, UTC)
    status, said = prove(told, file, "--minute", f"{minute:%Y-%m-%dT%H:%MZ}")
    assert status == 0, said
    assert file.stat().st_size < 200_000
    status, said = verify(told, file, "settlement", "opening", "tariff")
    assert status == 0, said
    assert "level 1: 20000 ms at" in said
    assert "its share of the bill:" in said
    assert verify(told, file, "settlement")[0] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sample", str(SAMPLES)], "no such sample"),
        (["--sequence", "1"], "no such sample"),
        (["--minute", "2020-01-01T00:00Z"], "is of that minute"),
        (["--minute", "2020-01-01T00:00:01Z"], "not the start of a minute"),
        (["--minute", "2020-01-01T00:00+01:00"], "not in UTC"),
        (["--minute", "noon"], "is not a time"),
        ([], "give one of"),
        (["--sample", "1", "--sequence", "1"], "give one of"),
        (["--sample", "1", "--to-block", "5"], "was opened"),
        (["--sample", "1", "--chain-id", "5"], "serves chain 31337"),
        (["--sample", "1", "--rental", "99"], "no rental 99 was opened"),
    ],
)
def test_prove__what_cannot_be_proven__said(
    told: Told, tmp_path: Path, options: list[str], said: str
) -> None:
    file = tmp_path / "proof.json"
    status, output = prove(told, file, *options)
    assert status == 2
    assert said in output
    assert not file.exists()


def test_prove__samples_that_are_not_those_anchored__nothing_written(
    told: Told, tmp_path: Path
) -> None:
    [place] = (told.folder / contract_folder(told.yard.domain)).iterdir()
    for name, change in (
        (bundle_file(0, sealed=True), lambda content: content[:-1] + b"\x01"),
        (bundle_file(1, sealed=False), lambda content: content[:-96]),
    ):
        file = place / name
        before = file.read_bytes()
        file.write_bytes(change(before))
        status, said = prove(told, tmp_path / "proof.json", "--sample", "7")
        file.write_bytes(before)
        assert status == 2
        assert "proves nothing: sample-not-in-log" in said or "has 4999 samples" in said
    assert not (tmp_path / "proof.json").exists()


def test_prove__node_that_lies_about_a_log__nothing_written(told: Told, tmp_path: Path) -> None:
    def lie(method: str, parameters: list[object], result: object) -> object:
        if method == "eth_getLogs" and isinstance(result, list):
            return [{**log, "logIndex": "0x0"} for log in result]
        return result

    with LyingNode(told.url, lie) as node:
        status, said = prove(told, tmp_path / "proof.json", "--sample", "7", rpc=node.url)
    assert status == 2
    assert "proves nothing" in said
