"""A chain with a provider of its own, for tests of the provider's commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import Result
from eth_account import Account
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from lab.rig.box_files import write_secret
from lab.rig.contract import compile_drill_meter
from lab.rig.services import Anvil
from protocol.abi import drill_meter_abi
from provider.cli import app
from provider.deployment import Code, DeploymentOrder, deploy
from provider.node import ProviderNode, http_transport
from provider.plan import LevelPlan, Plan, TariffPlan
from provider.sending import Sender
from provider.wallet import KeystoreWallet

NATIVE = "0x" + "00" * 20
COIN = 10**18
ORACLE_KEY = str(Account.from_key(b"\x77" * 32).address)

PLAN = Plan(
    asset=NATIVE,
    grace_period_seconds=3600,
    evidence_period_seconds=86_400,
    penalty=10**16,
    bond=10**17,
    oracle_key=ORACLE_KEY,
    drills=["Pillar drill", "Säulenbohrmaschine"],
    tariff=TariffPlan(
        levels=[
            LevelPlan(price_per_second=n, price_per_1000_revolutions=2 * n, max_rpm=1000 * n)
            for n in (1, 2, 3)
        ],
        standing_price_per_second=5,
        least_reserve=10**15,
    ),
)


def our_code() -> Code:
    """What the compiler makes of the contract."""
    made = compile_drill_meter()
    parts = [bytes.fromhex(part.removeprefix("0x")) for part in (made.bytecode, made.runtime)]
    return Code("vyper 0.4.3", *parts)


class StoppedError(Exception):
    """Where a test ends a program."""


@dataclass
class Line:
    """The way to a node: it counts what is sent, and breaks before or after the n-th sending."""

    url: str
    break_before: int | None = None
    break_after: int | None = None
    client_version: str | None = None
    sent: list[str] = field(default_factory=list)

    def __call__(self, method: str, parameters: Sequence[object]) -> Mapping[str, Any]:
        if method == "web3_clientVersion" and self.client_version is not None:
            return {"result": self.client_version}
        if method == "eth_sendRawTransaction":
            if len(self.sent) == self.break_before:
                raise StoppedError
            self.sent.append(str(parameters[0]))
        answer = http_transport(self.url)(method, parameters)
        if method == "eth_sendRawTransaction" and len(self.sent) == self.break_after:
            raise StoppedError
        return answer


class Office:
    """A provider with coins on an anvil, and a place for the record."""

    def __init__(self, anvil: Anvil, folder: Path, key: bytes | None = None) -> None:
        self.anvil, self.record = anvil, folder / "deployments" / "record.json"
        self.wallet = KeystoreWallet(key or bytes(Account.create().key))
        self.said: list[str] = []
        anvil.rpc("anvil_setBalance", self.wallet.address, hex(COIN))

    def deploy(self, plan: Plan, line: Line | None = None, *, local: bool = False) -> Line:
        """Run a deployment; returns the line with what was sent."""
        line = line or Line(self.anvil.url)
        node = ProviderNode(line, "anvil", pause_seconds=0.01)
        order = DeploymentOrder(plan, our_code(), self.record, local)
        deploy(order, Sender(node, self.wallet, self.said.append), self.said.append)
        return line


PASSWORD = "a password for tests only"


@dataclass
class Counter:
    """A deployed contract, and the command line of its provider."""

    office: Office
    folder: Path
    meter: Any

    def run(self, *words: str, keystore: str = "provider.json") -> Result:
        access = ["--rpc", self.office.anvil.url, "--deployment", str(self.office.record)]
        signer = ["--keystore", str(self.folder / keystore)]
        signer += ["--password-file", str(self.folder / "password")]
        return CliRunner().invoke(app, [*access, *signer, *words])

    def sent(self) -> int:
        return int(self.meter.w3.eth.get_transaction_count(self.office.wallet.address))


def save_keystore(path: Path, key: bytes) -> None:
    write_secret(path, json.dumps(Account.encrypt(key, PASSWORD, iterations=2)))


def opened(anvil: Anvil, folder: Path, plan: Plan) -> Counter:
    key = bytes(Account.create().key)
    office = Office(anvil, folder, key)
    save_keystore(folder / "provider.json", key)
    save_keystore(folder / "other.json", b"\x32" * 32)
    write_secret(folder / "password", PASSWORD + "\n")
    office.deploy(plan)
    web3 = Web3(HTTPProvider(anvil.url))
    address = json.loads(office.record.read_text())["contract"]
    return Counter(office, folder, web3.eth.contract(address, abi=drill_meter_abi()))
