"""The README's way to a public network, line by line, until a customer has rented and drilled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.rig.drill import OUR_PACKAGES, ControllerProgram
from lab.rig.ledger import ContractLedger, Customer
from lab.rig.plan import UNBOUND
from lab.rig.process import Daemon, wait_until
from lab.rig.services import ROOT, Anvil, find_program, free_port
from protocol.deployment import Deployment, parse_deployment
from protocol.leases import Provisioning
from protocol.records import RentalState

pytestmark = [pytest.mark.e2e, pytest.mark.integration]

PUBLIC_CHAIN = 84532
COIN = 10**18
DRILLS = (1, 2)
LEFT_OUT = ("node_modules", "web", "tests", "docs", "boxes", "deployments", "__pycache__")
COMMAND_SECONDS = 900
STEP_SECONDS = 300.0
"""Bounds for a machine that is busy with other things."""


def commands() -> list[str]:
    """The lines of README's path, those that go on in the next line as one."""
    text = (ROOT / "README.md").read_text("utf-8").split("## On a public test network")[1]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A copy of what is in the repository, so that nothing is left in ours; its path is short, as
    the path of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        left_out = shutil.ignore_patterns(".*", *LEFT_OUT)
        shutil.copytree(ROOT, folder, ignore=left_out, dirs_exist_ok=True)
        for name in (".venv", "node_modules"):
            (Path(folder) / name).symlink_to(ROOT / name)
        yield Path(folder)


def run(command: str, checkout: Path, rpc: str) -> str:
    programs = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=checkout,
        env={**os.environ, "RPC": rpc, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def walk(checkout: Path, anvil: Anvil, broker_port: int) -> list[str]:
    """Give every command of the README; returns what `scripts/box` has left to a person."""
    left: list[str] = []
    for command in commands():
        if command.startswith("RPC="):
            continue  # the chain of this test
        if command.startswith("scripts/setup"):
            continue  # what runs this test is set up
        for drill in DRILLS:
            command = command.replace(  # noqa: PLW2901
                f"/dev/serial/by-id/YOUR-PORT-{drill}", str(checkout / f"port-{drill}")
            )
        if "--port" in command:
            command += f" --here --broker-port {broker_port} --finality latest-1"  # noqa: PLW2901
        said = run(command, checkout, anvil.url)
        if "keys new" in command:
            anvil.rpc("anvil_setBalance", said.strip(), hex(COIN))
        if command.startswith("scripts/box"):
            left = said.split("left for you to do:\n")[1].splitlines()
    return left


def start(stack: ExitStack, daemon: Daemon) -> Daemon:
    stack.enter_context(daemon)
    return daemon


def unit(box: Path, name: str, instance: str = "") -> list[str]:
    """The command of a unit that was made, on the settings where they were made."""
    text = (box / "etc/systemd/system" / name).read_text("utf-8")
    line = next(one for one in text.splitlines() if one.startswith("ExecStart="))
    words = line.removeprefix("ExecStart=").replace("%i", instance).split()
    program = Path(sys.executable).with_name(Path(words[0]).name)
    assert words[-1].startswith("/etc/")
    return [str(program), *words[1:-1], f"{box}{words[-1]}"]


def start_programs(
    stack: ExitStack, checkout: Path, record: Deployment
) -> dict[int, ControllerProgram]:
    """The broker, two simulated drills with their bridges, and the oracle."""
    box, logs = checkout / "boxes/workshop/box", checkout / "logs"
    mosquitto = find_program("mosquitto")
    assert mosquitto is not None
    config = checkout / "mosquitto.conf"
    # As root it would become the user `mosquitto`, who may not read our folder.
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(user + (box / "etc/mosquitto/conf.d/drill.conf").read_text())
    start(stack, Daemon("mosquitto", [mosquitto, "-c", config], logs / "mosquitto.log"))
    key = (checkout / "boxes/workshop/oracle-key").read_text().strip()
    drills = {}
    for drill in DRILLS:
        provisioning = Provisioning(drill, key, record.domain)
        controller = ControllerProgram(provisioning, checkout, logs)
        start(stack, controller)
        wait_until(f"{controller.name} is up", controller.up, STEP_SECONDS, controller)
        command = unit(box, "drill-bridge@.service", str(drill))
        start(stack, Daemon(f"bridge {drill}", command, logs / f"bridge-{drill}.log", OUR_PACKAGES))
        drills[drill] = controller
    command = unit(box, "drill-oracle.service")
    start(stack, Daemon("oracle", command, logs / "oracle.log", OUR_PACKAGES))
    return drills


def turned_ms(controller: ControllerProgram) -> int:
    return int(controller.state()["odometer"]["active_ms_1"])


def rent_and_drill(anvil: Anvil, record: Deployment, controller: ControllerProgram) -> None:
    """Deposit, drill for seconds, end, and see it settled and the rest given back."""
    ledger = ContractLedger(anvil.url, record.contract)
    customer = Customer(ledger, "a customer")
    anvil.rpc("anvil_setBalance", customer.address, hex(COIN))
    deposit = 5 * 10**15
    customer.send("open_rental", controller.drill, 1, deposit, *UNBOUND, value=deposit)
    wait_until("the drill starts", lambda: "error" not in controller.do("pull"), STEP_SECONDS)
    wait_until("it has turned", lambda: turned_ms(controller) > 2_000, STEP_SECONDS)
    controller.do("release")
    wait_until("it stands still", lambda: controller.state()["rpm"] == 0, STEP_SECONDS)
    customer.send("end_rental", 1)
    wait_until(
        "the final reading closes it",
        lambda: ledger.rental(1).state is RentalState.CLOSED,
        STEP_SECONDS,
    )
    rental = ledger.rental(1)
    assert 0 < rental.charge < deposit
    assert ledger.call("account", customer.address) == deposit - rental.charge
    assert ledger.call("registers", 1)[0] > 2_000


def test_readme__public_network__every_line_works_until_a_customer_has_drilled(
    checkout: Path,
) -> None:
    with ExitStack() as stack:
        anvil = stack.enter_context(
            Anvil(checkout / "logs", chain_id=PUBLIC_CHAIN, block_seconds=1)
        )
        left = walk(checkout, anvil, free_port())

        gas_key = re.search(r"send coins to the gas key (0x\w{40})", left[0])
        assert gas_key is not None
        assert len(left) == 4
        anvil.rpc("anvil_setBalance", gas_key[1], hex(COIN))
        path = checkout / f"deployments/{PUBLIC_CHAIN}.json"
        record = parse_deployment(path.read_text(), str(path))
        drills = start_programs(stack, checkout, record)
        try:
            rent_and_drill(anvil, record, drills[1])
        except Exception:
            for log in sorted((checkout / "logs").glob("*.log")):
                print(f"== {log.name}", *log.read_text().splitlines()[-12:], sep="\n")
            raise
