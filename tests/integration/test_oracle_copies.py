"""A second oracle that runs with a copy of the first one's key."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import role_account
from eth_account import Account
from oracle_world import TARIFF, TestBridge, World, wait

from lab.rig.box_files import PASSWORD, write_secret
from lab.rig.process import Daemon
from lab.rig.services import Mosquitto
from oracle.leasing.lease_policy import Inhibit
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def samples_in(journal: Path) -> int:
    with sqlite3.connect(journal) as opened:
        return int(opened.execute("SELECT count(*) FROM sample").fetchone()[0])


def test_run__copy_of_key_and_journal_while_the_first_runs__named_and_acknowledges_nothing(
    world: World,
) -> None:
    copy = world.folder / "copy"
    copy.mkdir()
    with world.daemon() as daemon:
        world.open_rental(RESERVE + 10**18)
        wait("lease", world.bridge.leased, daemon)
    for file in world.folder.glob("journal.sqlite*"):
        shutil.copy(file, copy / file.name)
    copied = samples_in(copy / "journal.sqlite")
    with world.daemon() as daemon:
        world.bridge.run(2, 1200)
        drilled = len(world.bridge.samples) + 20
        wait(
            "a receipt of it",
            lambda: world.bridge.readings and world.bridge.readings[-1].log_size > drilled,
            daemon,
        )
        settings = world.folder / "copy.toml"
        url = json.dumps(f"sqlite:///{copy}/journal.sqlite")
        settings.write_text(world.settings_text(journal__url=url))
        line = [sys.executable, "-m", "oracle", "run", "--settings", str(settings)]
        log = world.folder / "logs" / "oracle.log"
        lost = log.read_text().count("broker lost")
        second = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
        sent = len(world.bridge.samples)
        wait("journalled", lambda: world.bridge.journalled > sent, daemon)
        world.bridge.stop_motor()
        assert log.read_text().count("broker lost") == lost, "nobody's connection is taken over"

    assert second.returncode == 2
    (told,) = [one for one in second.stderr.splitlines() if not one.startswith("{")]
    assert "another oracle runs with a copy of the key" in told
    assert samples_in(copy / "journal.sqlite") == copied


def test_run__two_run_with_one_key__the_one_that_sees_the_other_settle_stops(world: World) -> None:
    """Each has a broker, a bridge and a journal of its own, so they meet on the chain alone."""
    twin, gas = world.folder / "twin.toml", role_account("stranger")
    world.anvil.rpc("anvil_setBalance", gas.address, hex(10**20))
    keystore = json.dumps(Account.encrypt(gas.key, PASSWORD, iterations=2))
    write_secret(world.folder / "twin-gas.json", keystore)
    logs = [world.folder / "logs" / name for name in ("oracle.log", "twin.log")]
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(world.folder / "twin"))
        bridge = stack.enter_context(TestBridge(broker.port, 1))
        twin.write_text(
            world.settings_text(
                broker__port=str(broker.port),
                journal__url=f'"sqlite:///{world.folder}/twin.sqlite"',
                keys__gas_keystore=f'"{world.folder}/twin-gas.json"',
            )
        )
        line = [sys.executable, "-m", "oracle", "run", "--settings", str(twin)]
        daemons = [stack.enter_context(world.daemon())]
        daemons.append(stack.enter_context(Daemon("twin", line, logs[1])))
        world.open_rental(RESERVE + 10**18)
        for daemon, one in zip(daemons, (world.bridge, bridge), strict=True):
            wait("lease", one.leased, daemon)
        # What this one has settled the other cannot have signed: it has drilled otherwise.
        world.bridge.run(2, 1200)
        told = Inhibit.COPIED_KEY
        wait("the twin stops", lambda: bridge.inhibited(told), daemons[1])
        count = len(bridge.readings)
        assert "another oracle signs with this key" in logs[1].read_text()
        settled = world.contract.functions.registers(1).call()[1]
        wait(
            "the first goes on",
            lambda: world.contract.functions.registers(1).call()[1] > settled,
            daemons[0],
        )
        assert not world.bridge.inhibited(told)
        bridge.run(1, 600)
        sent = len(bridge.samples)
        wait("samples", lambda: len(bridge.samples) > sent + 20, daemons[1])
        assert len(bridge.readings) == count
        assert bridge.journalled < sent, "nothing is acknowledged by the one that stopped"
