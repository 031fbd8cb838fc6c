"""A TPM 2.0 in software (swtpm), at a socket of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until
from lab.rig.services import READY_SECONDS, find_program
from oracle.errors import TpmError
from oracle.signing import tpm_wire
from oracle.signing.tpm_device import ask


class SoftTpm(Daemon):
    """One TPM, whose seeds and keys last in a folder; `socket` is where it takes commands.

    It serves one connection at a time, in the order in which they come.
    """

    def __init__(self, folder: Path, logs: Path) -> None:
        program = find_program("swtpm")
        if program is None:
            raise RigError("swtpm is not installed; run scripts/setup --with-debian")
        folder.mkdir(parents=True, exist_ok=True)
        self.socket = folder / "tpm"
        command: list[str | Path] = [program, "socket", "--tpm2", "--tpmstate", f"dir={folder}"]
        command += ["--server", f"type=unixio,path={self.socket}"]
        command += ["--ctrl", f"type=unixio,path={folder / 'control'}"]
        command += ["--flags", "not-need-init,startup-clear"]
        super().__init__("swtpm", command, logs / f"{folder.name}.log")

    def __enter__(self) -> Self:
        self.socket.unlink(missing_ok=True)
        super().__enter__()
        try:
            wait_until("swtpm takes commands", self._answers, READY_SECONDS, self)
        except BaseException:
            self.stop()
            raise
        return self

    def _answers(self) -> bool:
        try:
            return ask(self.socket, tpm_wire.get_lockout(), 1.0)[0] == 0
        except TpmError:
            return False
