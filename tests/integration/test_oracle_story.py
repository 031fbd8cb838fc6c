"""The oracle's daemon with a real chain, contract and broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oracle_world import TARIFF, World, wait

from oracle.leasing.lease_policy import Inhibit
from protocol.messages import LeaseMessage
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)
"""Of the settings of World: sample age 4 s, lease 3 s, stroke 1 s, settlement 20 s."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_run__deposit_use_exhaust_top_up_end__the_whole_rental(world: World) -> None:
    bridge, functions = world.bridge, world.contract.functions
    with world.daemon() as daemon:
        wait("no rental", lambda: bridge.inhibited(Inhibit.NO_RENTAL), daemon)
        rental = world.open_rental(RESERVE + 10**16)
        wait("lease", bridge.leased, daemon)
        world.require_lease(bridge.command)

        bridge.run(1, 2000)
        wait("reading", lambda: bridge.readings, daemon)
        wait("settled", lambda: functions.charge(rental).call() > 0, daemon)
        wait("exhausted", lambda: bridge.inhibited(Inhibit.EXHAUSTED), daemon)
        bridge.stop_motor()
        assert bridge.readings[-1].warning != "none"

        world.send(functions.top_up(rental, 10**17), world.customer, 10**17)
        wait("lease after top-up", bridge.leased, daemon)

        world.send(functions.end_rental(rental), world.customer)
        wait("inhibit", lambda: not isinstance(bridge.command, LeaseMessage), daemon)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        after = world.rental(rental)
        assert after["until"] == after["ended_at"] * 1000
        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = functions.registers(rental).call()
        assert registers[0] == len(active) * 100
        assert registers[3] == len(active) * 2000 * 100 // 60_000
        assert daemon.stop() == 0
