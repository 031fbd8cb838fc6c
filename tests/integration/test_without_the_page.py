"""The examples of docs/contract.md, as they stand there: a rental by cast and by web3.py."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from provider_world import COIN, PLAN, Office
from web3 import HTTPProvider, Web3

from lab.rig.box_files import write_secret
from lab.rig.services import ROOT, Anvil
from protocol.abi import drill_meter_abi

pytestmark = pytest.mark.integration

PASSWORD = "a password for tests only"
ENDED, CLOSED = 2, 4
GRACE_SECONDS = PLAN.grace_period_seconds


@pytest.fixture(scope="module")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    with Anvil(tmp_path_factory.mktemp("anvil"), chain_id=84532) as node:
        # Or all could happen within one second, and ending would close at once.
        node.rpc("anvil_setBlockTimestampInterval", 5)
        yield node


@pytest.fixture
def meter(anvil: Anvil, tmp_path: Path) -> Any:
    office = Office(anvil, tmp_path)
    office.deploy(PLAN)
    address = json.loads(office.record.read_text())["contract"]
    return Web3(HTTPProvider(anvil.url)).eth.contract(address, abi=drill_meter_abi())


@pytest.fixture
def customer(anvil: Anvil, tmp_path: Path) -> str:
    """Somebody with a keystore and a coin."""
    account = Account.create()
    keystore = Account.encrypt(account.key, PASSWORD, iterations=2)
    write_secret(tmp_path / "customer.json", json.dumps(keystore))
    write_secret(tmp_path / "customer.password", PASSWORD)
    anvil.rpc("anvil_setBalance", account.address, hex(COIN))
    return str(account.address)


def example(language: str) -> str:
    text = (ROOT / "docs" / "contract.md").read_text("utf-8")
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def close(meter: Any, anvil: Anvil) -> None:
    """There is no box here: the grace period passes, and somebody closes the rental."""
    newest = meter.w3.eth.get_block("latest")["timestamp"]
    anvil.rpc("evm_setNextBlockTimestamp", newest + GRACE_SECONDS)
    anvil.rpc("evm_mine")
    somebody = meter.w3.eth.accounts[4]
    meter.functions.close_rental(1).transact({"from": somebody})


def test_cast__example__rents_tops_up_ends_and_takes_the_rest_home(
    anvil: Anvil, meter: Any, customer: str, tmp_path: Path
) -> None:
    before, after = example("sh").split("# The rest is in the account")
    text = before.replace("https://YOUR-ENDPOINT", anvil.url)
    text = text.replace("0xYOUR-CONTRACT", meter.address)
    assert "YOUR" not in text
    path = f"{ROOT}/node_modules/.bin{os.pathsep}{os.environ['PATH']}"

    def run(script: str) -> str:
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        ).stdout

    said = run(text)
    rental = meter.functions.rental(1).call()
    assert rental[0] == customer
    assert rental[8] == 3 * 10**15
    assert rental[4] == ENDED
    assert "3000000000000000" not in said.splitlines()[0]
    close(meter, anvil)
    names = "\n".join(line for line in text.splitlines() if re.match(r"export|METER=|SIGN=", line))
    run(f"{names}\n# The rest is in the account{after}")

    assert meter.functions.rental(1).call()[4] == CLOSED
    assert meter.functions.account(customer).call() == 0
    assert COIN - meter.w3.eth.get_balance(customer) < 10**16


def test_web3__example__rents_and_ends(
    meter: Any, customer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "rpc": meter.w3.provider.endpoint_uri,
        "contract": meter.address,
        "keystore": (tmp_path / "customer.json").read_text(),
        "password": PASSWORD,
    }

    with contextlib.chdir(ROOT):
        exec(compile(example("python"), "docs/contract.md", "exec"), given)  # noqa: S102  it is ours

    assert capsys.readouterr().out == "rental 1 balance 2000000000000000\n"
    rental = meter.functions.rental(1).call()
    assert (rental[0], rental[8]) == (customer, 2 * 10**15)
    assert rental[4] == ENDED
