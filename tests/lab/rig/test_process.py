"""Processes of the rig: started, watched, and never left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


def up(daemon: Daemon) -> bool:
    return "up" in daemon.log_end()


def gone(daemon: Daemon) -> bool:
    try:
        os.kill(daemon.process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def interrupted_while_running(daemon: Daemon) -> None:
    with daemon:
        wait_until("up", lambda: up(daemon), daemon=daemon)
        raise KeyboardInterrupt


def test_daemon__block_left_by_an_error__is_stopped(tmp_path: Path) -> None:
    daemon = Daemon("sleeper", SLEEP, tmp_path / "log")
    with pytest.raises(KeyboardInterrupt):
        interrupted_while_running(daemon)
    assert daemon.exit_code == -15
    assert gone(daemon)


def test_stop__deaf_process__is_killed(tmp_path: Path) -> None:
    with Daemon("deaf", DEAF, tmp_path / "log") as daemon:
        wait_until("up", lambda: up(daemon), daemon=daemon)
        assert daemon.stop(seconds=0.3) == -9
    assert gone(daemon)


def test_wait_until__daemon_ends__raises_with_its_log(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with (
        Daemon("loser", words, tmp_path / "log") as daemon,
        pytest.raises(RigError, match=r"loser ended with status 1(.|\n)*no such luck"),
    ):
        wait_until("luck", lambda: False, daemon=daemon)


def test_wait_until__never__raises_after_the_time() -> None:
    with pytest.raises(RigError, match=r"waited 0\.1 s in vain: luck"):
        wait_until("luck", lambda: False, 0.1)


def test_start__no_such_program__is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="ghost could not be started"):
        Daemon("ghost", [tmp_path / "none"], tmp_path / "log").start()


def test_start__again_after_kill__is_a_new_process(tmp_path: Path) -> None:
    with Daemon("sleeper", SLEEP, tmp_path / "log") as daemon:
        with pytest.raises(RigError, match="running already"):
            daemon.start()
        first = daemon.process.pid
        daemon.kill()
        daemon.start()
        assert daemon.process.pid != first
        assert daemon.exit_code is None
