"""A drill gets a new controller board in the middle of a rental: real processes and chain."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from device_rig import Bridge, Controller
from oracle_builders import MESSAGE_KEYS
from oracle_world import World, wait

from lab.rig.plan import UNBOUND
from lab.rig.process import Daemon

pytestmark = pytest.mark.integration

DRILL, CLOSED, COIN = 2, 4, 10**18


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, drills=2) as made:
        yield made


def command(folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "device", "bridge", what, "--settings", folder / "bridge.toml"]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def said(daemon: Daemon, event: str) -> list[dict[str, Any]]:
    entries = (json.loads(line) for line in daemon.log.read_text().splitlines())
    return [entry for entry in entries if entry["event"] == event]


def journalled(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal:
        query = "SELECT coalesce(max(sequence), 0) FROM sample WHERE drill = ?"
        return int(journal.execute(query, (DRILL,)).fetchone()[0])


def drill_a_hole(controller: Controller, seconds: float) -> None:
    controller.wait_for("READY")
    assert controller.do("pull")["motor_on"]
    time.sleep(seconds)
    controller.do("release")
    # An end is dated in whole seconds, so one within this second would come before the release.
    time.sleep(1.1)


def test_replace_controller__in_the_middle_of_a_rental__billed_to_the_last_sample_and_goes_on(
    world: World, tmp_path: Path
) -> None:
    folder, functions = tmp_path / "drill", world.contract.functions
    folder.mkdir()
    options = ("--oracle-key", world.signing.address, "--contract", world.contract.address)
    bridge = Bridge(folder, world.broker.port, drill=DRILL)
    (folder / "message.key").write_text(MESSAGE_KEYS[DRILL].hex() + "\n")

    def rent() -> int:
        world.send(functions.open_rental(DRILL, 1, COIN, *UNBOUND), world.customer, COIN)
        return int(functions.rental_count().call())

    with world.daemon() as oracle, Controller(folder, *options, drill=DRILL) as board, bridge:
        rental = rent()
        drill_a_hole(board, 2)
        board.wait_for("READY")
        state = board.do("state")
        used = state["odometer"]
        wait("the last sample", lambda: journalled(tmp_path) >= state["sequence"], oracle)
        board.stop()
        (folder / "memory").unlink()  # the new board's is empty
        board.start()
        board.wait_until_up()
        wait("the bridge's word", lambda: said(bridge, "controller replaced"), bridge)
        lines = len(bridge.log.read_text().splitlines())
        time.sleep(4)  # 12 lines, as it was
        assert len(bridge.log.read_text().splitlines()) <= lines + 2
        assert len(said(bridge, "controller replaced")) == 1
        assert "in use by another bridge" in command(folder, "replace-controller").stderr

        bridge.stop()
        done = command(folder, "replace-controller")
        assert (done.returncode, done.stderr) == (0, "")
        assert "the new controller's samples are numbered from " in done.stdout
        again = command(folder, "replace-controller")
        assert again.returncode == 2
        assert "nothing to do" in again.stderr
        bridge.start()
        wait("the oracle's word", lambda: said(oracle, "controller replaced"), oracle)
        reason = "inhibited: controller replaced, end the rental"
        wait("the lock", lambda: board.do("state")["reason"] == reason, board)
        assert board.do("pull")["error"] == reason

        world.send(functions.end_rental(rental), world.provider)
        wait("the end", lambda: world.rental(rental)["state"] == CLOSED, oracle)
        assert tuple(functions.registers(rental).call())[:3] == tuple(used.values())[:3]
        assert used["active_ms_1"] > 1_500
        later = rent()
        drill_a_hole(board, 1)
        world.send(functions.end_rental(later), world.customer)
        wait("the end", lambda: world.rental(later)["state"] == CLOSED, oracle)
        now = board.do("state")["odometer"]
        assert tuple(functions.registers(later).call())[:3] == tuple(now.values())[:3]
        assert now["active_ms_1"] > 500
        assert len(said(oracle, "controller replaced")) == 1
