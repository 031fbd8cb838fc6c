"""The oracle's process on a chain that refuses every settlement with a reading of one rental in it:
the others settle, drill on and close."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from audit_rig import RefusalError
from awkward_node import Habit, awkward
from oracle_world import TARIFF, TestBridge, World, wait

from lab.rig.plan import UNBOUND
from oracle.leasing.lease_policy import Inhibit
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
DRILLS = 4
RESERVE = highest_charge(TARIFF, 28_000)
POISONED = 2


class Poisoned(Habit):
    """Says of a settlement that it reverts, while a reading of that rental is in it."""

    def __init__(self, world: World, rental: int) -> None:
        self._contract, self._rental = world.contract, rental
        self.holds = True
        self.refused: list[int] = []
        """How many readings each settlement had that it refused."""

    def refuse(self, method: str, parameters: list[Any]) -> None:
        if method != "eth_estimateGas" or not self.holds:
            return
        _, given = self._contract.decode_function_input(parameters[0]["data"])
        rentals = [one["rental"] for one in given["readings"]]
        if self._rental in rentals:
            self.refused.append(len(rentals))
            raise RefusalError("execution reverted: out of range")


def test_run__settlement_refused_for_one_rental__others_settle_close_and_stay_startable(
    tmp_path: Path,
) -> None:
    with World(tmp_path, drills=DRILLS) as world, ExitStack() as stack:
        functions, good = world.contract.functions, [*range(1, DRILLS + 1)]
        good.remove(POISONED)
        poison = Poisoned(world, POISONED)
        world.endpoints = [stack.enter_context(awkward(world.anvil.url, poison)).url]
        world.settings.write_text(world.settings_text())
        bridges = {1: world.bridge} | {
            drill: stack.enter_context(TestBridge(world.broker.port, drill))
            for drill in range(2, DRILLS + 1)
        }
        daemon = stack.enter_context(world.daemon())
        for drill in bridges:
            world.send(
                functions.open_rental(drill, 1, 10 * RESERVE, *UNBOUND),
                world.customer,
                10 * RESERVE,
            )

        def turned(rental: int) -> bool:
            return int(functions.registers(rental).call()[1]) > 0

        wait("leases", lambda: all(one.leased() for one in bridges.values()), daemon)
        for bridge in bridges.values():
            bridge.run(2, 1200)
        wait("the others settle", lambda: all(map(turned, good)), daemon)
        wait("its own drill", lambda: bridges[POISONED].inhibited(Inhibit.REJECTED), daemon)
        assert all(bridges[drill].leased() for drill in good)
        assert poison.refused[-1] == 1, "alone in the end"
        assert not turned(POISONED)
        for bridge in bridges.values():
            bridge.stop_motor()
        world.send(functions.end_rental(1), world.customer)
        wait("closed", lambda: world.rental(1)["state"] == CLOSED, daemon)
        told = {getattr(one, "reason", "") for _, one in bridges[3].command_times}
        assert Inhibit.REJECTED not in told

        poison.holds = False
        wait("taken in the end", lambda: turned(POISONED), daemon)
        wait("leased again", bridges[POISONED].leased, daemon)
