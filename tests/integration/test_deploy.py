"""`ape run deploy`: what it deploys, what it writes down, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from web3 import Web3

from host.keystores import new_keystore
from lab.rig.box_files import write_secret
from lab.rig.services import ROOT, Anvil
from protocol.abi import drill_meter_abi
from protocol.deployment import parse_deployment

pytestmark = pytest.mark.integration

PLAN = ROOT / "scripts" / "deployment-plan.toml"
PIN = json.loads((ROOT / "contracts" / "DrillMeter.pin.json").read_text("ascii"))


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with Anvil(tmp_path_factory.mktemp("anvil")) as node:
        yield node


def deploy(
    anvil: Anvil,
    plan: Path,
    record: Path,
    *more: str,
    signed_by: Sequence[str] = ("--account", "TEST::0"),
) -> subprocess.CompletedProcess[str]:
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"  # where ape finds its compiler
    options = ["--network", anvil.url, *signed_by, "--plan", plan, "--record", record]
    return subprocess.run(
        [programs / "ape", "run", "deploy", *options, *more],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_deploy__example_plan__is_on_the_chain_as_recorded(anvil: Anvil, tmp_path: Path) -> None:
    path = tmp_path / "new" / "record.json"
    key = Web3.to_checksum_address("0x" + "ab" * 20)

    done = deploy(anvil, PLAN, path, "--oracle-key", key)

    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    record = parse_deployment(path.read_text(), str(path))
    assert record.chain_id == anvil.chain_id
    assert record.bytecode_sha256 == PIN["bytecode_sha256"]
    assert record.compiler == PIN["compiler"]
    web3 = Web3(Web3.HTTPProvider(anvil.url))
    assert web3.eth.get_block(record.block_number)["hash"].to_0x_hex() == record.block_hash
    address = Web3.to_checksum_address(record.contract)
    meter = web3.eth.contract(address, abi=drill_meter_abi()).functions
    assert meter.owner().call() == record.provider == web3.eth.accounts[0]
    assert meter.grace_period().call() == record.grace_period_seconds == 86_400
    assert meter.asset().call() == record.asset == "0x" + "0" * 40
    assert meter.oracle(1).call()[0].lower() == key.lower()
    assert [meter.drill_count().call(), meter.tariff_count().call()] == [2, 1]
    levels, standing, least, retired = meter.tariff(1).call()
    assert levels[2] == (8 * 10**12, 4 * 10**13, 700)
    assert (standing, least, retired) == (2 * 10**10, 10**15, False)
    assert meter.bond().call()[0] == 2 * 10**17
    assert "verified on chain 31337" in done.stdout
    before = anvil.rpc("eth_blockNumber")

    again = deploy(anvil, PLAN, path, "--oracle-key", key)

    assert again.returncode == 0, again.stderr
    assert "verified on chain 31337" in again.stdout
    assert anvil.rpc("eth_blockNumber") == before


def test_deploy__providers_keystore_on_a_public_chain__signs(tmp_path: Path) -> None:
    password, keystore = tmp_path / "provider.password", tmp_path / "provider.json"
    write_secret(password, "a password for tests only\n")
    address = new_keystore(keystore, password)
    path, signer = (
        tmp_path / "record.json",
        [f"--keystore={keystore}", f"--password-file={password}"],
    )
    with Anvil(tmp_path, chain_id=84532) as public:
        public.rpc("anvil_setBalance", address, hex(10**18))
        key = Web3.to_checksum_address("0x" + "ab" * 20)

        done = deploy(
            public,
            *(PLAN, path, "--oracle-key", key),
            signed_by=signer,
        )

    assert done.returncode == 0, done.stderr
    assert parse_deployment(path.read_text(), "record").provider == address


def test_deploy__record_that_is_none__is_left_alone_and_nothing_sent(
    anvil: Anvil, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text("precious")
    before = anvil.rpc("eth_blockNumber")

    done = deploy(anvil, PLAN, path)

    assert done.returncode != 0
    assert "record.json: record: " in done.stderr
    assert "move it away" in done.stderr
    assert path.read_text() == "precious"
    assert anvil.rpc("eth_blockNumber") == before


def test_deploy__plan_with_a_wrong_value__names_it_and_sends_nothing(
    anvil: Anvil, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.read_text().replace("max_rpm = 700", "max_rpm = 0"))
    before = anvil.rpc("eth_blockNumber")

    done = deploy(anvil, plan, tmp_path / "record.json")

    assert done.returncode != 0
    assert "tariff.levels.2.max_rpm" in done.stderr + done.stdout
    assert not (tmp_path / "record.json").exists()
    assert anvil.rpc("eth_blockNumber") == before
