"""The oracle's process with a gas key that cannot pay: warned before, and nobody else is locked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oracle_world import TARIFF, TestBridge, World, wait

from lab.rig.plan import UNBOUND
from oracle.leasing.lease_policy import Inhibit
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, drills=2) as made:
        yield made


def test_run__gas_key_with_less_than_one_settlement__warned_and_drills_go_on_with_their_credit(
    world: World,
) -> None:
    """What cannot be sent is not lost: the funds stay where they are, and the grace period is long.
    A drill stops when what it has used, settled or not, comes near its funds."""
    functions, amount = world.contract.functions, RESERVE + 2 * 10**16
    world.settings.write_text(world.settings_text(lease__settlement_seconds="2"))
    world.anvil.rpc("anvil_setBalance", world.gas.address, hex(10**12))
    log = world.folder / "logs" / "oracle.log"
    with TestBridge(world.broker.port, 2) as idle, world.daemon() as daemon:
        for drill in (1, 2):
            world.send(functions.open_rental(drill, 1, amount, *UNBOUND), world.customer, amount)
        wait("both leased", lambda: world.bridge.leased() and idle.leased(), daemon)
        wait("the word", lambda: "gas key is empty" in log.read_text(), daemon)
        assert "settlement signed" not in log.read_text()

        world.bridge.run(2, 1200)
        wait("said", lambda: "settlement waits" in log.read_text(), daemon)
        assert "transaction refused" in log.read_text()
        wait("used up", lambda: world.bridge.inhibited(Inhibit.EXHAUSTED), daemon)
        assert idle.leased()

        world.anvil.rpc("anvil_setBalance", world.gas.address, hex(10**20))
        world.bridge.stop_motor()
        wait("settled", lambda: functions.registers(1).call()[1] > 0, daemon)
        told = [*world.bridge.command_times, *idle.command_times]
        assert all(getattr(one, "reason", "") != "settlement stalled" for _, one in told)
