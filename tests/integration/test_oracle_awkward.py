"""The oracle's process on nodes of awkward kinds: a rental is leased, settled and closed all the
same, and a box that was away catches up."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from audit_rig import RefusalError
from awkward_node import (
    Habit,
    LegacyOnly,
    LogsWithin,
    Only,
    SaysItHasIt,
    SlowerNodes,
    Without,
    awkward,
)
from oracle_world import TARIFF, World, wait

from lab.rig.plan import UNBOUND
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)


def log_of(world: World) -> str:
    return (world.folder / "logs" / "oracle.log").read_text()


def drilled_and_closed(world: World, *habits: Habit) -> str:
    """The log after a whole rental with such a node between oracle and chain."""
    functions, bridge = world.contract.functions, world.bridge
    with awkward(world.anvil.url, *habits) as node:
        world.endpoints = [node.url]
        world.settings.write_text(world.settings_text())
        with world.daemon() as daemon:
            rental = world.open_rental(RESERVE + 2 * 10**16)
            wait("lease", bridge.leased, daemon)
            bridge.run(2, 1200)
            wait("settled", lambda: functions.registers(rental).call()[1] > 0, daemon)
            bridge.stop_motor()
            time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
            world.send(functions.end_rental(rental), world.customer)
            wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
            wait("confirmed", lambda: log_of(world).count("settlement confirmed") > 1, daemon)
    billed = functions.registers(rental).call()[1]
    assert billed == sum(100 for sample in bridge.samples if sample.motor_on)
    return log_of(world)


NUMBERS_ONLY = (
    Only("number"),
    LogsWithin(10),
    Without("eth_maxPriorityFeePerGas", "eth_feeHistory"),
    SaysItHasIt("AlreadyKnown", "ALREADY_EXISTS", "nonce too low"),
)
OLD_AND_SLOW = (SlowerNodes(), LegacyOnly(), Without("eth_getBlockReceipts"))


@pytest.mark.parametrize("habits", [NUMBERS_ONLY, OLD_AND_SLOW], ids=["numbers", "old"])
def test_run__node_with_awkward_habits__rental_leased_settled_and_closed(
    tmp_path: Path, habits: tuple[Habit, ...]
) -> None:
    with World(tmp_path) as world:
        log = drilled_and_closed(world, *habits)

    assert "endpoint lies" not in log
    assert "settlement dropped" not in log
    refused = sum(isinstance(habit, LegacyOnly) for habit in habits)
    assert log.count("transaction refused") == refused, "the first one of type 2, and no other"


def test_run__chain_without_a_base_fee__settled_by_legacy_transactions(tmp_path: Path) -> None:
    with World(tmp_path, anvil_options=("--block-base-fee-per-gas", "0")) as world:
        assert world.web3.eth.get_block("latest")["baseFeePerGas"] == 0
        log = drilled_and_closed(world)

    assert "transaction refused" not in log


class Away(Habit):
    """Cannot be reached while it is away."""

    def __init__(self) -> None:
        self.away = False

    def refuse(self, _method: str, _parameters: list[Any]) -> None:
        if self.away:
            raise RefusalError("upstream is down")


@pytest.mark.parametrize("a_second", [1, 4])
def test_run__answers_250_ms_late_and_150_s_missed__caught_up_and_leased_again(
    tmp_path: Path, a_second: int
) -> None:
    """At a block a second and at four: a block must cost less than the time to the next one."""
    away = Away()
    with ExitStack() as stack:
        world = stack.enter_context(World(tmp_path, block_seconds=1 / a_second))
        node = stack.enter_context(awkward(world.anvil.url, away, late_seconds=0.25))
        world.endpoints = [node.url]
        world.settings.write_text(
            world.settings_text(chain__silence_seconds="10", lease__sample_age_seconds="10")
        )
        daemon = stack.enter_context(world.daemon())
        world.open_rental(RESERVE + 10**18)
        wait("lease", world.bridge.leased, daemon)
        away.away = True
        wait("inhibit", lambda: not world.bridge.leased(), daemon)
        missed = 0
        while missed < 150 * a_second:
            world.anvil.rpc("anvil_mine", hex(50), hex(0))
            missed += 50
        began, asked = world.web3.eth.block_number, node.requests
        away.away = False
        wait("lease again", world.bridge.leased, daemon)

        came = world.web3.eth.block_number - began
        assert node.requests - asked < missed / 2 + 4 * came, "many blocks in one request"


def test_run__rentals_that_open_and_end_within_one_second__only_the_last_is_drilled_on(
    tmp_path: Path,
) -> None:
    """Three blocks of one timestamp: a rental, its end, and the next one of the drill."""
    with World(tmp_path) as world, world.daemon() as daemon:
        functions, bridge, amount = world.contract.functions, world.bridge, RESERVE + 10**18
        wait("the oracle", lambda: bridge.inhibited("no rental"), daemon)
        world.anvil.rpc("evm_setIntervalMining", 0)
        now = world.web3.eth.get_block("latest")["timestamp"] + 3
        calls = (
            (functions.open_rental(1, 1, amount, *UNBOUND), amount),
            (functions.end_rental(1), 0),
            (functions.open_rental(1, 1, amount, *UNBOUND), amount),
        )
        for function, value in calls:
            function.transact({"from": world.customer, "value": value, "gas": 900_000})
            world.anvil.rpc("evm_setNextBlockTimestamp", now)
            world.anvil.rpc("evm_mine")
        blocks = [world.web3.eth.get_block(world.web3.eth.block_number - n) for n in range(3)]
        world.anvil.rpc("evm_setIntervalMining", 1)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        time.sleep(2)
        bridge.stop_motor()
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        world.send(functions.end_rental(2), world.customer)
        wait("closed", lambda: world.rental(2)["state"] == CLOSED, daemon)

        assert [block["timestamp"] for block in blocks] == [now] * 3
        assert world.rental(1)["state"] == CLOSED
        assert functions.registers(1).call()[1] == 0
        drilled = sum(100 for sample in bridge.samples if sample.motor_on)
        assert functions.registers(2).call()[1] == drilled
