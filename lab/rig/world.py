"""The demo's world: chain, broker, contract, two drills and the oracle, all local and all real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from host.keystores import new_keystore
from lab.rig import plan
from lab.rig.box_files import write_message_key, write_secret
from lab.rig.drill import OUR_PACKAGES
from lab.rig.errors import RigError
from lab.rig.listener import TopicListener
from lab.rig.premises import Premises
from lab.rig.process import wait_until
from lab.rig.services import DEPLOYER, ROOT, EmbeddedBroker, Mosquitto
from protocol.deployment import parse_deployment
from protocol.records import Domain

DEPLOY_SECONDS = 600.0
"""For a machine that is busy with other things; an idle one takes a fifth of it."""

Say = Callable[[str], None]


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


class World(Premises):
    """Use it in a `with` statement; everything has stopped when it is left, whatever happened."""

    listener: TopicListener

    def __init__(
        self, folder: Path, trace: TraceOptions | None, say: Say, *, embedded: bool
    ) -> None:
        self.tariff = plan.STEADY if trace is None else plan.RECORDED
        by_us = embedded or not Mosquitto.available()
        make_broker = EmbeddedBroker if by_us else Mosquitto
        super().__init__(folder, tariffs=[self.tariff], make_broker=make_broker)
        self._trace, self._say = trace, say
        self._addresses: dict[str, str] = {}

    @property
    def recorded(self) -> bool:
        """Whether the drills replay a trace."""
        return self._trace is not None

    @property
    def oracle_address(self) -> str:
        """The address that the box signs with."""
        return self._addresses["signing"]

    def _start(self) -> None:
        self.start_services()
        self._say(f"a local chain: anvil on port {self.anvil.port}")
        self._say(f"a broker: {self.broker.name} on port {self.broker.port}")
        self.write_keys()
        self._say(f"the oracle's keys: {self.oracle_address} signs, another one pays for gas")
        self.give_coins(self._addresses["gas"])
        # Where the contract will be follows from its deployer, so that the drills start meanwhile.
        self.domain = Domain(self.anvil.chain_id, contract_address(DEPLOYER, 0))
        with ThreadPoolExecutor() as pool:
            deployment = pool.submit(self.deploy)
            self.listener = self._stack.enter_context(
                TopicListener(self.broker.port, self.message_keys)
            )
            self.start_drills(self._trace.options() if self._trace else [])
            deployment.result()
        self._say(f"the contract: DrillMeter at {self.address}, one tariff, two drills")
        self.let_time_pass()
        self.write_settings()
        self.start_oracle()
        for drill in self.numbers:
            wait_until(
                f"the oracle says why drill {drill} is locked",
                lambda drill=drill: self.listener.inhibit_reason(drill) == "no rental",  # type: ignore[misc]
                daemon=self.oracle,
            )
        self._say("two drills with their bridges, and one oracle for both")

    def write_keys(self) -> None:
        """Make new keys in encrypted keystores, as `drill-oracle keys new` makes them, and the
        message keys."""
        with ThreadPoolExecutor() as pool:
            addresses = pool.map(self._make_key, ("signing", "gas"))
            self._addresses = dict(zip(("signing", "gas"), addresses, strict=True))
        for drill, key in self.message_keys.items():
            write_message_key(self.folder, drill, key)

    def _make_key(self, name: str) -> str:
        """A new key; its address."""
        password = self.folder / f"{name}.password"
        write_secret(password, os.urandom(16).hex() + "\n")
        return new_keystore(self.folder / f"{name}.json", password)

    def deploy(self) -> None:
        """`ape run deploy`, as for any other network."""
        plan_file = self.folder / "plan.toml"
        plan_file.write_text(plan.deployment_plan(self.tariff, self.oracle_address))
        ape = [str(Path(sys.executable).with_name("ape")), "run", "deploy"]
        options = ["--network", "ethereum:local:foundry", "--account", "TEST::0"]
        files = ["--plan", str(plan_file), "--record", str(self.record)]
        self._tool([*ape, *options, *files], DEPLOY_SECONDS)
        deployed = parse_deployment(self.record.read_text(), str(self.record)).contract
        if deployed.lower() != self.address.lower():
            raise RigError(f"the contract is at {deployed} and was expected at {self.address}")

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
