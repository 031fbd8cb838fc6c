"""Local services on free ports of 127.0.0.1: a chain and two brokers, each ready when entered."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import urllib.request
from collections import deque
from pathlib import Path
from typing import Self

from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
READY_SECONDS = 300.0
"""Generous: on two loaded cores a Python process alone takes three seconds to start."""

DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""Anvil's own, known to everybody: its accounts are rich on a local chain and nowhere else."""

DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""The first of them, which ape calls TEST::0."""


PORTS = range(10_000, 32_768)
"""Below those that Linux gives to whoever connects somewhere."""

CLAIMS = 64
_claims: deque[socket.socket] = deque()


def free_port() -> int:
    """A TCP port that nobody listens on, and that no process of a rig was given a moment ago: each
    keeps the name of a socket for its newest ports. Raises RigError when none is found."""
    for _ in range(1_000):
        port = PORTS[secrets.randbelow(len(PORTS))]
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0smart-drill-port-{port}")
            with socket.socket() as listener:
                listener.bind((HOST, port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        if len(_claims) > CLAIMS:
            _claims.popleft().close()
        return port
    raise RigError(f"no free port from {PORTS[0]} to {PORTS[-1]}")


def port_answers(port: int) -> bool:
    """Whether anybody accepts a connection there."""
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex((HOST, port)) == 0


def find_program(name: str, *folders: Path) -> Path | None:
    """The program in `folders` or on the PATH, system folders included."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


class Anvil(Daemon):
    """Foundry's local chain, mining each transaction at once or every `block_seconds`.

    `options` go to anvil as they are. The ten accounts of DEV_MNEMONIC hold 10,000 coins each.
    """

    def __init__(
        self,
        logs: Path,
        *,
        block_seconds: float | None = None,
        chain_id: int = 31337,
        port: int | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        program = find_program("anvil", ROOT / "node_modules" / ".bin")
        if program is None:
            raise RigError("anvil is not installed; run scripts/setup")
        self.chain_id = chain_id
        self.port = port or free_port()
        command: list[str | Path] = [
            program,
            "--host",
            HOST,
            "--port",
            str(self.port),
            "--chain-id",
            str(chain_id),
        ]
        command += ["--mnemonic", DEV_MNEMONIC, *options]
        if block_seconds is not None:
            command += ["--block-time", str(block_seconds)]
        super().__init__("anvil", command, logs / "anvil.log")

    @property
    def url(self) -> str:
        """Where it answers JSON-RPC."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            wait_until(f"anvil on port {self.port}", self._answers, READY_SECONDS, self)
        except BaseException:
            self.stop()
            raise
        return self

    def rpc(self, method: str, *parameters: object) -> object:
        """Call a method that web3 does not wrap, such as `anvil_reorg`; raises RigError."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        request = urllib.request.Request(  # noqa: S310  # the URL is ours, and http
            self.url, json.dumps(call).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                result = json.load(answer)
        except OSError as error:
            raise RigError(f"anvil on port {self.port} did not answer {method}: {error}") from error
        if "error" in result:
            raise RigError(f"anvil refused {method}: {result['error']}")
        return result["result"]

    def _answers(self) -> bool:
        return port_answers(self.port) and int(str(self.rpc("eth_chainId")), 16) == self.chain_id


class BrokerProcess(Daemon):
    """An MQTT broker on a free port that lets anybody in from this machine."""

    port: int

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            wait_until(f"{self.name} on port {self.port}", self._answers, READY_SECONDS, self)
        except BaseException:
            self.stop()
            raise
        return self

    def _answers(self) -> bool:
        return port_answers(self.port)


class Mosquitto(BrokerProcess):
    """The broker for production. `config` is added to its configuration, one option a line."""

    def __init__(self, logs: Path, *, port: int | None = None, config: str = "") -> None:
        program = find_program("mosquitto")
        if program is None:
            raise RigError("mosquitto is not installed; run scripts/setup --with-debian")
        self.port = port or free_port()
        logs.mkdir(parents=True, exist_ok=True)
        file = logs / f"mosquitto-{self.port}.conf"
        # As root it would become the user `mosquitto`, who may not read our folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        file.write_text(
            f"{user}listener {self.port} {HOST}\nallow_anonymous true\npersistence false\n"
            f"max_inflight_messages 0\nmax_queued_messages 0\nlog_dest stderr\n{config}\n"
        )
        super().__init__("mosquitto", [program, "-c", file], logs / "mosquitto.log")

    @staticmethod
    def available() -> bool:
        """Whether it is installed."""
        return find_program("mosquitto") is not None


class EmbeddedBroker(BrokerProcess):
    """A broker in Python (amqtt) for where mosquitto is not installed. MQTT 3.1.1 only."""

    def __init__(self, logs: Path, *, port: int | None = None) -> None:
        self.port = port or free_port()
        program = Path(__file__).with_name("embedded_broker.py")
        super().__init__(
            "embedded broker",
            [sys.executable, program, str(self.port)],
            logs / "embedded-broker.log",
        )
