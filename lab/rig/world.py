"""The demo's world: chain, broker, contract, two drills and the oracle, all local and all real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from host.keystores import new_keystore
from lab.rig import plan
from lab.rig.drill import OUR_PACKAGES, BridgeProgram, ControllerProgram, module
from lab.rig.errors import RigError
from lab.rig.ledger import RICH_WEI, ContractLedger
from lab.rig.listener import TopicListener
from lab.rig.process import Daemon, wait_until
from lab.rig.services import ROOT, Anvil, EmbeddedBroker, Mosquitto
from protocol.deployment import parse_deployment
from protocol.leases import Provisioning
from protocol.records import Domain, Tariff
from protocol.sealing import KEY_BYTES

DRILLS = (1, 2)
START_SECONDS = 300.0
DEPLOY_SECONDS = 600.0
"""Bounds for a machine that is busy with other things; idle ones take a fifth of it."""

DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""The first account of DEV_MNEMONIC, which ape calls TEST::0."""

Say = Callable[[str], None]
_D = TypeVar("_D", bound=Daemon)


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """A recording to replay, as the options of `drill-controller`."""

    file: Path
    columns: str
    sample_period_ms: int | None

    def options(self) -> list[str]:
        """For the command line."""
        period = [] if self.sample_period_ms is None else [str(self.sample_period_ms)]
        return [
            *("--trace", str(self.file), "--columns", self.columns),
            *[word for ms in period for word in ("--sample-period-ms", ms)],
        ]


def contract_address(deployer: str, nonce: int) -> str:
    """Where a contract comes to lie: the end of keccak(rlp([deployer, nonce]))."""
    return str(to_checksum_address(keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:]))


class World:
    """Use it in a `with` statement; everything has stopped when it is left, whatever happened."""

    anvil: Anvil
    broker: Mosquitto | EmbeddedBroker
    listener: TopicListener
    controllers: dict[int, ControllerProgram]
    tariff: Tariff
    address: str

    def __init__(
        self, folder: Path, trace: TraceOptions | None, say: Say, *, embedded: bool
    ) -> None:
        self.folder, self.logs, self._say = folder, folder / "logs", say
        self.samples = folder / plan.SAMPLES_FOLDER
        """The folder of published samples, as an auditor reads it."""
        self._trace, self._embedded = trace, embedded
        self.tariff = plan.STEADY if trace is None else plan.RECORDED
        self.daemons: list[Daemon] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def recorded(self) -> bool:
        """Whether the drills replay a trace."""
        return self._trace is not None

    def ledger(self) -> ContractLedger:
        """A connection to the contract, for one thread."""
        return ContractLedger(self.anvil.url, self.address)

    def require_running(self) -> None:
        """Raise RigError when any process has ended."""
        for daemon in self.daemons:
            daemon.require_running()

    def give_coins(self, address: str) -> None:
        """Make somebody rich enough for the story."""
        self.anvil.rpc("anvil_setBalance", address, hex(RICH_WEI))

    def _start(self, stack: ExitStack) -> None:
        self.anvil = self._run(stack, Anvil(self.logs))
        self._say(f"a local chain: anvil on port {self.anvil.port}")
        self.broker = self._run(stack, self._make_broker())
        self._say(f"a broker: {self.broker.name} on port {self.broker.port}")
        with ThreadPoolExecutor() as pool:
            signing, gas = pool.map(self._make_key, ("signing", "gas"))
            self._say(f"the oracle's keys: {signing} signs, another one pays for gas")
            self.give_coins(gas)
            deployment = pool.submit(self._deploy, signing)
            # The drills start meanwhile: where the contract will be follows from its deployer.
            self.address = contract_address(DEPLOYER, 0)
            domain = Domain(self.anvil.chain_id, self.address)
            keys = {drill: self._make_message_key(drill) for drill in DRILLS}
            self.listener = stack.enter_context(TopicListener(self.broker.port, keys))
            self._start_drills(stack, Provisioning(1, signing, domain))
            record = deployment.result()
        self._say(f"the contract: DrillMeter at {self.address}, one tariff, two drills")
        # From here on a block a second; deploying waits for no clock.
        self.anvil.rpc("evm_setAutomine", False)
        self.anvil.rpc("evm_setIntervalMining", 1)
        self._start_oracle(stack, record)
        self._say("two drills with their bridges, and one oracle for both")

    def _run(self, stack: ExitStack, daemon: _D) -> _D:
        self.daemons.append(stack.enter_context(daemon))
        return daemon

    def _make_broker(self) -> Mosquitto | EmbeddedBroker:
        if Mosquitto.available() and not self._embedded:
            return Mosquitto(self.logs)
        return EmbeddedBroker(self.logs)

    def _make_key(self, name: str) -> str:
        """A new key in an encrypted keystore, as `drill-oracle keys new` makes it; its address."""
        password = self.folder / f"{name}.password"
        password.write_text(os.urandom(16).hex() + "\n")
        password.chmod(0o600)
        return new_keystore(self.folder / f"{name}.json", password)

    def _make_message_key(self, drill: int) -> bytes:
        """What a drill's bridge and the oracle share, as an operator makes it."""
        key = os.urandom(KEY_BYTES)
        file = plan.message_key_file(self.folder, drill)
        file.touch(mode=0o600)
        file.write_text(key.hex() + "\n")
        return key

    def _deploy(self, oracle_key: str) -> Path:
        """`ape run deploy`, as for any other network; the deployment record."""
        plan_file, record = self.folder / "plan.toml", self.folder / "deployment.json"
        plan_file.write_text(plan.deployment_plan(self.tariff, oracle_key))
        ape = [str(Path(sys.executable).with_name("ape")), "run", "deploy"]
        options = ["--network", "ethereum:local:foundry", "--account", "TEST::0"]
        files = ["--plan", str(plan_file), "--record", str(record)]
        self._tool([*ape, *options, *files], DEPLOY_SECONDS)
        deployed = parse_deployment(record.read_text(), str(record)).contract
        if deployed.lower() != self.address.lower():
            raise RigError(f"the contract is at {deployed} and was expected at {self.address}")
        return record

    def _start_drills(self, stack: ExitStack, box: Provisioning) -> None:
        options = self._trace.options() if self._trace else []
        self.controllers = {}
        for drill in DRILLS:
            controller = ControllerProgram(
                replace(box, drill=drill), self.folder, self.logs, options
            )
            self.controllers[drill] = self._run(stack, controller)
        for controller in self.controllers.values():
            wait_until(f"{controller.name} is up", controller.up, START_SECONDS, controller)
            port = self.broker.port
            bridge = BridgeProgram(controller.drill, controller.port, port, self.folder, self.logs)
            self._run(stack, bridge)

    def _start_oracle(self, stack: ExitStack, record: Path) -> None:
        self.samples.mkdir(exist_ok=True)
        settings = self.folder / "oracle.toml"
        settings.write_text(
            plan.oracle_settings(
                self.folder,
                drills=list(DRILLS),
                rpc_url=self.anvil.url,
                broker_port=self.broker.port,
                record=record,
            )
        )
        command = module("oracle", "run", "--settings", settings)
        oracle = Daemon("oracle", command, self.logs / "oracle.log", OUR_PACKAGES)
        self._run(stack, oracle)
        for drill in DRILLS:
            wait_until(
                f"the oracle says why drill {drill} is locked",
                lambda drill=drill: self.listener.inhibit_reason(drill) == "no rental",  # type: ignore[misc]
                START_SECONDS,
                oracle,
            )

    def _tool(self, command: list[str], seconds: float) -> str:
        """Run a command to its end; its output, or RigError with it."""
        tools = [str(Path(sys.executable).parent), str(ROOT / "node_modules" / ".bin")]
        path = os.pathsep.join([*tools, os.environ.get("PATH", "")])
        environment = {
            **os.environ,
            **OUR_PACKAGES,
            "PATH": path,
            "APE_FOUNDRY_HOST": self.anvil.url,
        }
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                env=environment,
                cwd=ROOT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RigError(f"{' '.join(command[:4])} took longer than {seconds:g} s") from error
        if done.returncode != 0:
            output = "\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-12:])
            raise RigError(f"{' '.join(command[:4])} ended with {done.returncode}:\n{output}")
        return done.stdout
