"""Each process of a drill ends without warning and is started again: it starts motors again by
itself. Controllers draw another nonce then, and bridges and oracles have to learn it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_rig import Bridge, Controller
from oracle_builders import MESSAGE_KEYS
from oracle_world import World, wait

from lab.rig.plan import UNBOUND
from lab.rig.process import Daemon

pytestmark = pytest.mark.integration

DRILL, COIN = 2, 10**18


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, drills=2) as made:
        yield made


def drill_a_hole(board: Controller) -> None:
    """Leases are short: on a slow machine one may be over between a look and the pull."""
    wait("a start", lambda: bool(board.do("pull")["motor_on"]), board)
    board.let_go()


def test_programs__killed_one_after_another__drill_starts_again_each_time(
    world: World, tmp_path: Path
) -> None:
    folder, functions = tmp_path / "drill", world.contract.functions
    folder.mkdir()
    options = ("--oracle-key", world.signing.address, "--contract", world.contract.address)
    bridge = Bridge(folder, world.broker.port, drill=DRILL)
    (folder / "message.key").write_text(MESSAGE_KEYS[DRILL].hex() + "\n")

    with world.daemon() as oracle, Controller(folder, *options, drill=DRILL) as board, bridge:
        world.send(functions.open_rental(DRILL, 1, COIN, *UNBOUND), world.customer, COIN)
        drill_a_hole(board)

        others: tuple[Daemon, ...] = (bridge, oracle, world.broker)
        for process in others:
            process.kill()
            wait("the end of the lease", lambda: board.do("state")["state"] == "LOCKED", board)
            process.start()
            drill_a_hole(board)

        board.kill()
        board.start()
        board.wait_until_up()
        drill_a_hole(board)
