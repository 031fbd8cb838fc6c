"""docs/upgrading.md line by line, with real programs and a journal of the release before."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import upgrade_killer
from device_builders import DRILL
from oracle_world import TARIFF, World, wait
from small_disk import small_disk
from upgrade_story import DOMAIN, former_journal, former_spool, rows_of

from lab.rig.box_files import write_secret
from lab.rig.process import Daemon
from lab.rig.services import ROOT
from oracle.errors import UpgradeError
from oracle.journal.upgrade import upgrade
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
PAGE = (ROOT / "docs" / "upgrading.md").read_text("utf-8")
ELSEWHERE = ("journalctl", "/opt/smart-drill/bin/pip", "for", "done")
"""What a test does not run: logs of units, and how packages are installed."""


def lines_of(heading: str) -> list[str]:
    """The commands of a section, each whole."""
    section = re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", section, flags=re.MULTILINE | re.DOTALL)
    whole = re.sub(r"\\\n\s*", " ", "\n".join(blocks))
    return [line.strip() for line in whole.split("\n") if line.strip()]


@dataclass
class Box:
    """A machine whose units are the programs of a World, with its folders in another place."""

    world: World
    oracle: Daemon
    bridge: Daemon
    said: list[tuple[str, int, str]] = field(default_factory=list)

    def do(self, line: str) -> None:
        """Do what a line of the page says; what a command says is kept."""
        words = shlex.split(self._here(line))
        if words[0] in ELSEWHERE:
            return
        if words[0] == "systemctl":
            daemon = self.oracle if words[2] == "drill-oracle" else self.bridge
            if words[1] == "stop":
                assert daemon.stop() == 0
            else:
                daemon.start()
            return
        if words[0].startswith("drill-"):
            module = {"drill-oracle": ["oracle"], "drill-bridge": ["device", "bridge"]}[words[0]]
            words = [sys.executable, "-m", *module, *words[1:]]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        self.said.append((line, done.returncode, " ".join((done.stdout + done.stderr).split())))

    def _here(self, line: str) -> str:
        folder = self.world.folder
        line = re.sub(r"runuser -u \S+ -- |-o drill-oracle ", "", line)
        for there, here in (
            ("/etc/drill-oracle/oracle.toml", self.world.settings),
            ("/etc/drill-bridge/1.toml", folder / "bridge.toml"),
            ("/var/lib/drill-oracle", folder),
            ("/media/backup", folder),
        ):
            line = line.replace(there, str(here))
        return line


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with World(tmp_path) as world:
        write_secret(tmp_path / "key", "ab" * 32 + "\n")
        settings = tmp_path / "bridge.toml"
        settings.write_text(
            f'drill = {DRILL}\nport = "/dev/ptmx"\nspool = "{tmp_path}/spool.sqlite"\n'
            f'message_key_file = "{tmp_path}/key"\n[broker]\nport = {world.broker.port}\n'
        )
        line = [sys.executable, "-m", "device", "bridge", "run", "--settings", settings]
        bridge = Daemon("bridge", line, tmp_path / "logs" / "bridge.log")
        yield Box(world, world.daemon(), bridge)


STOPPED = 2
"""The line of the page after which nothing runs."""


def make_former(folder: Path) -> None:
    """What the release before wrote. Its journals differ in nothing else: test_oracle_upgrade
    compares."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as database, database:
        database.execute("DROP TABLE schema_step")
        database.execute("UPDATE journal_info SET version = 4")
    (folder / "spool.sqlite").unlink()
    former_spool(folder)


def test_page__a_box_and_back__in_the_middle_of_a_rental(box: Box) -> None:
    world = box.world
    bridge, journal = world.bridge, world.folder / "journal.sqlite"
    with box.oracle, box.bridge:
        rental = world.open_rental(highest_charge(TARIFF, 28_000) + 10**17)
        wait("lease", bridge.leased, box.oracle)
        bridge.run(1, 2000)
        wait("reading", lambda: bridge.readings, box.oracle)
        for number, line in enumerate(lines_of("A box")):
            box.do(line)
            if number == STOPPED:
                make_former(world.folder)
        before = len(bridge.readings)
        wait("another reading", lambda: len(bridge.readings) > before, box.oracle)
        check, backup, looked, spool = box.said
        assert check[1] == 0, check
        assert backup[1] == 0, backup
        assert looked[1] == 0, looked
        assert "version 4, which `run` brings to 5" in looked[2]
        assert "18 samples wait for the oracle; version 1, which `run` brings to 2" in spool[2]
        assert "journal upgraded" in box.oracle.log.read_text()
        wait("spool", lambda: "spool upgraded" in box.bridge.log.read_text(), box.bridge)

        bridge.stop_motor()
        world.send(world.contract.functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, box.oracle)
        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = world.contract.functions.registers(rental).call()
        assert registers[0] == len(active) * 100
        assert registers[3] == len(active) * 2000 * 100 // 60_000

        box.said.clear()
        for line in lines_of("Going back")[:-1]:
            box.do(line)
        *moved, refused = box.said
        assert [one[1] for one in moved] == [0, 0, 0], moved
        assert refused[1] == 1
        assert "it was restored from a backup" in refused[2]
        assert box.oracle.process.poll() is not None
        _put_back(world.folder, journal)
        box.do(lines_of("A box")[0])
        assert box.said[-1][1] == 0


def _put_back(folder: Path, journal: Path) -> None:
    for one in (folder / "newer").iterdir():
        shutil.move(one, folder / one.name)
    assert rows_of(journal)["schema_step"]


def test_upgrade__no_room_for_the_copy_or_for_the_change__as_before(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4_000_000) as disk:
        journal = former_journal(disk)
        before = rows_of(journal)
        with pytest.raises(UpgradeError, match=r"a copy of .* needs \d+ MB"):
            upgrade(f"sqlite:///{journal}", DOMAIN)
        assert rows_of(journal) == before
        assert not [*disk.glob("*version*")]

        upgrade(f"sqlite:///{journal}", DOMAIN, tmp_path)
        assert rows_of(journal)["schema_step"]
        assert rows_of(tmp_path / "journal.sqlite.version-4") == before


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["journal", "spool"])
def test_upgrade__killed_at_any_line__old_or_new_and_the_next_start_completes_it(
    kind: str, tmp_path: Path
) -> None:
    make, run = upgrade_killer.KINDS[kind]
    line = [sys.executable, "tests/upgrade_killer.py", kind, str(tmp_path)]
    subprocess.run(line, check=True, env={"PYTHONPATH": "."}, stdout=subprocess.DEVNULL)
    *killed, done = sorted(tmp_path.iterdir())
    (tmp_path / "fresh").mkdir()
    old = rows_of(make(tmp_path / "fresh"))
    new = rows_of(done / f"{kind}.sqlite")
    assert new != old

    found = []
    for place in killed:
        path = place / f"{kind}.sqlite"
        rows = rows_of(path)
        assert rows in (old, new), place.name
        found.append(rows == new)
        copies = [*place.glob("*.version-*")]
        assert not found[-1] or copies, place.name
        run(path)
        assert rows_of(path) == new, place.name
        assert not [*place.glob("*.part")]
        (copy,) = [rows_of(one) for one in place.glob("*.version-?")]
        assert copy == old, place.name
    assert {*found} == {True, False}
    assert found == sorted(found)
    assert len(found) > 20
