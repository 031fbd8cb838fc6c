"""Processes that the rig starts, watches and stops within a bounded time, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.rig.errors import RigError

STOP_SECONDS = 5.0
"""How long a process may take to stop when asked, before it is killed."""

PROBE_SECONDS = 0.05

PATIENCE_SECONDS = 300.0
"""For whatever a process, a block or a settlement has to do first. What works takes a small part of
it, on a machine that is slow and busy as well; it ends the waiting for what will never happen."""


def wait_until(
    what: str,
    probe: Callable[[], bool],
    seconds: float = PATIENCE_SECONDS,
    daemon: Daemon | None = None,
) -> None:
    """Return as soon as `probe` says so; raises RigError after `seconds`, or when `daemon` ends."""
    deadline = time.monotonic() + seconds
    while not probe():
        if daemon is not None:
            daemon.require_running()
        if time.monotonic() > deadline:
            raise RigError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(PROBE_SECONDS)


class Daemon:
    """One background process with its output in a log file; use it in a `with` statement.

    It gets a session of its own, so that Ctrl-C in the terminal reaches the rig alone, which then
    stops the processes in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, again after a stop; raises RigError when the program is not there."""
        if self._process is not None and self._process.poll() is None:
            raise RigError(f"{self.name} is running already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise RigError(f"{self.name} could not be started: {error}") from error

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it, as in subprocess."""
        return self.process.poll()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process; raises RigError before the first start."""
        if self._process is None:
            raise RigError(f"{self.name} was never started")
        return self._process

    def require_running(self) -> None:
        """Raise RigError with the end of the log when it has ended."""
        if self.exit_code is not None:
            raise RigError(
                f"{self.name} ended with status {self.exit_code}; its log {self.log} ends:\n"
                + self.log_end()
            )

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = STOP_SECONDS) -> int | None:
        """Ask it to stop, kill it when it does not within `seconds`; its exit status, or None if
        it was never started."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                return self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def kill(self) -> None:
        """End it at once with SIGKILL, and whatever it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)
