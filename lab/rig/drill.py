"""A simulated drill of the rig: its controller with the operator's hands, and its bridge."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.rig import plan
from lab.rig.errors import RigError
from lab.rig.process import Daemon
from lab.rig.services import ROOT
from protocol.leases import Provisioning

ANSWER_SECONDS = 60.0
OUR_PACKAGES = {"PYTHONPATH": str(ROOT)}
"""So that `python -m device` is this checkout's, installed or not."""

State = dict[str, Any]


def module(package: str, *arguments: str | Path) -> list[str]:
    """The command line of one of our own programs."""
    return [sys.executable, "-m", package, *map(str, arguments)]


class ControllerProgram(Daemon):
    """`drill-controller`. A Unix socket's path is short (108 bytes), so keep `folder` short."""

    def __init__(
        self, provisioning: Provisioning, folder: Path, logs: Path, options: Sequence[str] = ()
    ) -> None:
        self.drill = provisioning.drill
        self.port, self.operator = folder / f"port-{self.drill}", folder / f"operator-{self.drill}"
        command = module(
            "device",
            "controller",
            *("--drill", str(self.drill), "--oracle-key", provisioning.oracle_key),
            *("--chain-id", str(provisioning.domain.chain_id)),
            *("--contract", provisioning.domain.contract),
            *("--port-link", self.port, "--operator", self.operator),
            *("--memory", folder / f"memory-{self.drill}"),
            *options,
        )
        log = logs / f"controller-{self.drill}.log"
        super().__init__(f"controller {self.drill}", command, log, OUR_PACKAGES)

    def up(self) -> bool:
        """Whether it can be asked for its state yet; a killed one leaves its files."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.operator))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return self.port.exists()

    def do(self, what: str, **more: object) -> State:
        """Give one command of the operator's; the drill's state with "error" when refused.

        Raises RigError when the controller does not answer.
        """
        try:
            with socket.socket(socket.AF_UNIX) as client, client.makefile("rwb") as lines:
                client.settimeout(ANSWER_SECONDS)
                client.connect(str(self.operator))
                lines.write(json.dumps({"do": what, **more}).encode() + b"\n")
                lines.flush()
                state: State = json.loads(lines.readline())
        except (OSError, ValueError) as error:
            self.require_running()
            raise RigError(f"{self.name} does not answer: {error}") from error
        return state

    def state(self) -> State:
        """Its state, without touching anything."""
        return self.do("state")


class BridgeProgram(Daemon):
    """`drill-bridge run`."""

    def __init__(self, drill: int, port: Path, broker_port: int, folder: Path, logs: Path) -> None:
        settings = folder / f"bridge-{drill}.toml"
        settings.write_text(
            f'drill = {drill}\nport = "{port}"\nspool = "{folder}/spool-{drill}.sqlite"\n'
            f'message_key_file = "{plan.message_key_file(folder, drill)}"\n\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {broker_port}\n'
        )
        command = module("device", "bridge", "run", "--settings", settings)
        super().__init__(f"bridge {drill}", command, logs / f"bridge-{drill}.log", OUR_PACKAGES)
