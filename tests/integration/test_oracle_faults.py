"""The oracle's daemon when things break: kills, reorganisations, and settings that are wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from audit_rig import LyingNode
from eth_account import Account
from oracle_world import TARIFF, Retained, World, wait

from lab.rig.box_files import PASSWORD, write_secret
from oracle.leasing.lease_policy import Inhibit
from protocol.messages import LeaseMessage, ReadingMessage, parse_message
from protocol.tariff import highest_charge

pytestmark = pytest.mark.integration

CLOSED = 4
RESERVE = highest_charge(TARIFF, 28_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def command(world: World, name: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "oracle", name, "--settings", str(world.settings)]
    return subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)


def refusal(world: World) -> str:
    """What `run` says when it does not start; it must be one line."""
    result = command(world, "run")
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_run__killed_again_and_again_while_drilling__nothing_lost_or_billed_twice(
    world: World,
) -> None:
    bridge, functions = world.bridge, world.contract.functions
    daemon = world.daemon()
    with daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(2, 1200)
        for pause in (1.0, 2.2, 0.4, 3.1):
            time.sleep(pause)
            daemon.kill()
            daemon.start()
        wait("reading", lambda: bridge.readings, daemon)
        time.sleep(2)
        bridge.stop_motor()
        time.sleep(1.5)  # a block's whole second may lie up to one before it is mined
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        active = [sample for sample in bridge.samples if sample.motor_on]
        registers = functions.registers(rental).call()
        assert registers[1] == len(active) * 100
        assert registers[4] == len(active) * 1200 * 100 // 60_000
        wait("journalled", lambda: bridge.journalled >= len(bridge.samples) - 5, daemon)
    with closing(sqlite3.connect(world.folder / "journal.sqlite")) as journal:
        journalled = [row[0] for row in journal.execute("SELECT sequence FROM sample ORDER BY 1")]
    assert journalled == [*range(1, len(journalled) + 1)]


def test_run__log_on_a_full_disk__leases_meters_and_settles(world: World) -> None:
    bridge, functions = world.bridge, world.contract.functions
    daemon = world.daemon()
    daemon.log = Path("/dev/full")
    with daemon:
        rental = world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(1, 600)
        wait("reading", lambda: bridge.readings, daemon)
        bridge.stop_motor()
        world.send(functions.end_rental(rental), world.customer)
        wait("closed", lambda: world.rental(rental)["state"] == CLOSED, daemon)
        assert daemon.stop() == 0


def test_run__broker_forgets_what_it_retained__everything_is_said_again(world: World) -> None:
    bridge = world.bridge
    with world.daemon() as daemon:
        world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        bridge.run(1, 600)
        time.sleep(1)
        bridge.stop_motor()
        time.sleep(1)
        bridge.silent = True  # the drill is switched off
        wait("inhibit", lambda: bridge.inhibited(Inhibit.NO_SAMPLES), daemon)
        before = bridge.readings[-1]
        world.broker.kill()
        world.broker.start()
        with Retained(world.broker.port) as retained:
            wait(
                "all of it",
                lambda: {"lease", "reading", "log"} <= retained.of(1).keys(),
                daemon,
            )
            reading = parse_message(ReadingMessage, 1, retained.of(1)["reading"])
        assert reading.reading().registers == before.reading().registers
        assert reading.until >= before.until
        assert b"no fresh samples" in retained.of(1)["lease"]


def test_run__reorganisation_removes_the_deposit__lease_ends_at_once(world: World) -> None:
    bridge = world.bridge
    with world.daemon() as daemon:
        wait("no rental", lambda: bridge.inhibited(Inhibit.NO_RENTAL), daemon)
        block = world.web3.eth.block_number
        world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        depth = world.web3.eth.block_number - block
        world.anvil.rpc("anvil_reorg", depth, [])
        assert world.contract.functions.rental_count().call() == 0
        wait("inhibit", lambda: not isinstance(bridge.command, LeaseMessage), daemon)
        world.open_rental(RESERVE + 10**18)
        wait("lease again", bridge.leased, daemon)


def test_run__chain_and_broker_go_away__keeps_going_and_recovers(world: World) -> None:
    bridge = world.bridge
    world.settings.write_text(world.settings_text(chain__silence_seconds="2"))
    with world.daemon() as daemon:
        world.open_rental(RESERVE + 10**18)
        wait("lease", bridge.leased, daemon)
        world.anvil.process.send_signal(19)
        wait("inhibit", lambda: bridge.inhibited(Inhibit.CHAIN_UNREACHABLE), daemon)
        world.anvil.process.send_signal(18)
        wait("lease again", bridge.leased, daemon)

        world.broker.kill()
        time.sleep(1.5)
        world.broker.start()
        sent = len(bridge.samples)
        wait("journalled", lambda: bridge.journalled > sent + 10, daemon)
        wait("lease again", bridge.leased, daemon)
        daemon.require_running()


def test_check__all_well__prints_each_finding(world: World) -> None:
    result = command(world, "check")

    assert result.returncode == 0, result.stderr
    said = " ".join(result.stdout.split())
    for what in (
        *("settings", "deployment record", "signing key", "gas key", "message keys", "quorum"),
        *("finality", "newest block", "deployment", "oracle key", "drill 1", "journal", "disk"),
        *("broker certificate", "broker", f"endpoint {world.anvil.url}"),
    ):
        assert f"ok {what}: " in said
    assert "proves state, proves receipts" in said
    assert "1 of 1: TRUST IN ONE NODE" in said
    assert "Nothing is missing." in said
    for line in result.stdout.splitlines():
        assert len(line) <= 80 or len(line.split()) <= 3, "only a long path may stand out"
    assert result.stderr == ""


def test_check__key_not_registered__says_what_to_do(world: World) -> None:
    other = Account.create()
    world.send(world.contract.functions.rotate_oracle(1, other.address))

    result = command(world, "check")

    assert result.returncode == 1
    assert "MISSING  oracle key: " in result.stdout
    assert "rotate_oracle" in result.stdout


def test_run__wrong_settings__one_line_and_status_2_each(world: World) -> None:
    deployment = world.folder / "deployment.json"
    record = deployment.read_text()

    deployment.write_text(record.replace("31337", "1"))
    assert "serves chain 31337, the deployment is on chain 1" in refusal(world)

    deployment.write_text(record.replace(world.contract.address, "0x" + 39 * "0" + "9"))
    assert "there is no contract at 0x" in refusal(world)
    deployment.write_text(record)

    world.settings.write_text(world.settings_text(chain__rpc_urls='["http://127.0.0.1:1"]'))
    assert "cannot be reached" in refusal(world)

    world.settings.write_text(world.settings_text(broker__port="1"))
    assert "broker 127.0.0.1:1 cannot be reached" in refusal(world)

    world.settings.write_text(world.settings_text())
    (world.folder / "signing.json").rename(world.folder / "away.json")
    assert "signing.json: No such file" in refusal(world)
    write_secret(world.folder / "signing.json", (world.folder / "gas.json").read_text())
    assert "second keystore" in refusal(world)
    assert PASSWORD not in refusal(world)


def said(world: World, event: str) -> str:
    """The daemon's log lines of one event."""
    lines = (world.folder / "logs" / "oracle.log").read_text().splitlines()
    return "\n".join(line for line in lines if f'"event": "{event}"' in line)


def test_run__endpoints_lie__one_is_named_and_two_end_the_leases(world: World) -> None:
    lying = [False]

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        changed = {"stateRoot": "0x" + "ab" * 32}
        return {**result, **changed} if method == "eth_getBlockByNumber" else result

    def turncoat(method: str, parameters: list[Any], result: Any) -> Any:
        return lie(method, parameters, result) if lying[0] else result

    with LyingNode(world.anvil.url, lie) as liar, LyingNode(world.anvil.url, turncoat) as other:
        world.endpoints, world.quorum = [world.anvil.url, liar.url, other.url], 2
        world.settings.write_text(world.settings_text(chain__silence_seconds="3"))
        with world.daemon() as daemon:
            world.open_rental(RESERVE + 10**18)
            wait("lease", world.bridge.leased, daemon)
            assert liar.url in said(world, "endpoint lies")
            assert other.url not in said(world, "endpoint lies")

            lying[0] = True
            inhibited = Inhibit.CHAIN_UNREACHABLE
            wait("inhibit", lambda: world.bridge.inhibited(inhibited), daemon)
            assert other.url in said(world, "endpoint lies")
