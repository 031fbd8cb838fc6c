"""The oracle's daemon and what the contract says of rentals and keys: caps, grace period, keys."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import role_account
from oracle_world import TARIFF, World, wait

from lab.rig.plan import GRACE_SECONDS, NO_DEADLINE
from oracle.leasing.lease_policy import Inhibit
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)
COIN = 10**18


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def said(world: World, event: str) -> list[dict[str, Any]]:
    """What the daemon's log has of one event."""
    text = (world.folder / "logs" / "oracle.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_run__grace_period_over_before_the_final_reading__says_its_cost_and_closes(
    world: World,
) -> None:
    bridge, functions = world.bridge, world.contract.functions
    world.settings.write_text(
        world.settings_text(settlement__share_of_balance="1000", settlement__final_wait_seconds="9")
    )
    with world.daemon() as daemon:
        rental = world.open_rental(RESERVE + COIN)
        wait("lease", bridge.leased, daemon)
        bridge.run(1, 600)
        time.sleep(2)
        bridge.stop_motor()
        wait("a receipt", lambda: bridge.readings and bridge.readings[-1].charge != "0", daemon)
        daemon.kill()
        world.send(functions.end_rental(rental), world.customer)
        world.anvil.rpc("evm_increaseTime", GRACE_SECONDS + 10)
        world.anvil.rpc("evm_mine")
        daemon.start()
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)

    assert functions.charge(rental).call() == 0
    assert world.rental(rental)["funded"] == RESERVE + COIN
    assert functions.account(world.customer).call() == RESERVE + COIN
    (lost,) = said(world, "final reading lost")
    assert lost["cost"] > 0
    assert len(said(world, "closing sent")) == 1


def test_run__capped_rental__locks_at_the_cap_and_owes_no_more(world: World) -> None:
    bridge, functions = world.bridge, world.contract.functions
    cap = RESERVE + 3 * 2 * 10**15  # three seconds at level 2
    with world.daemon() as daemon:
        opening = functions.open_rental(1, 1, COIN, (cap, COIN), NO_DEADLINE)
        world.send(opening, world.customer, COIN)
        rental = int(functions.rental_count().call())
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 0)
        wait("cap", lambda: bridge.inhibited(Inhibit.CAPPED), daemon)
        bridge.stop_motor()
        time.sleep(1.5)
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)

    owed = min(functions.charge(rental).call(), cap)
    assert functions.account(world.customer).call() == COIN - owed


def check(world: World) -> str:
    line = [sys.executable, "-m", "oracle", "check", "--settings", str(world.settings)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stderr
    return " ".join(done.stdout.split())


def test_check__rotated_then_revoked__says_what_to_do(world: World) -> None:
    functions = world.contract.functions
    successor = role_account("stranger").address
    world.send(functions.rotate_oracle(1, successor))
    assert f"registered with key {successor}" in check(world)
    assert "rotate_oracle" in check(world)

    world.send(functions.revoke_oracle(1))
    assert "oracle 1 is revoked" in check(world)


def test_run__rotated_away__says_so_and_sends_nothing(world: World) -> None:
    bridge, functions = world.bridge, world.contract.functions
    with world.daemon() as daemon:
        world.open_rental(RESERVE + COIN)
        wait("lease", bridge.leased, daemon)
        world.send(functions.rotate_oracle(1, role_account("stranger").address))
        wait("inhibit", lambda: bridge.inhibited(Inhibit.ORACLE_KEY), daemon)
        bridge.run(2, 1200)
        time.sleep(3)

    (reason,) = [one["reason"] for one in said(world, "oracle may not sign")]
    assert "rotate_oracle" in reason
    assert said(world, "settlement sent") == []
