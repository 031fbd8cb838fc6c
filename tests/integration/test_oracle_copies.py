"""A second oracle that runs with a copy of the first one's key and journal."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from oracle_world import TARIFF, World, wait

from protocol.tariff import dearest_charge

pytestmark = pytest.mark.integration

RESERVE = dearest_charge(TARIFF, 28_000)


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
        wait("lease", world.bridge.leased, 40, daemon)
    for file in world.folder.glob("journal.sqlite*"):
        shutil.copy(file, copy / file.name)
    copied = samples_in(copy / "journal.sqlite")
    with world.daemon() as daemon:
        world.bridge.run(2, 1200)
        drilled = len(world.bridge.samples) + 20
        wait(
            "a receipt of it",
            lambda: world.bridge.readings and world.bridge.readings[-1].log_size > drilled,
            40,
            daemon,
        )
        settings = world.folder / "copy.toml"
        url = json.dumps(f"sqlite:///{copy}/journal.sqlite")
        settings.write_text(world.settings_text(journal__url=url))
        line = [sys.executable, "-m", "oracle", "run", "--settings", str(settings)]
        log = world.folder / "logs" / "oracle-run.log"
        lost = log.read_text().count("broker lost")
        second = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
        sent = len(world.bridge.samples)
        wait("journalled", lambda: world.bridge.journalled > sent, 40, daemon)
        world.bridge.stop_motor()
        assert log.read_text().count("broker lost") == lost, "nobody's connection is taken over"

    assert second.returncode == 2
    (told,) = [one for one in second.stderr.splitlines() if not one.startswith("{")]
    assert "another oracle runs with a copy of the key" in told
    assert samples_in(copy / "journal.sqlite") == copied
