"""Somebody holds the serial line, keeps leases back, and plays them to the controller later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from device_rig import PATIENCE_S, Bridge, Controller, Oracle, now_ms
from serial_tap import SerialTap

from lab.rig.process import wait_until
from lab.rig.services import Mosquitto
from protocol.serial.payloads import parse_lease

pytestmark = pytest.mark.integration


@pytest.fixture
def oracle(tmp_path: Path) -> Iterator[Oracle]:
    with Mosquitto(tmp_path) as broker, Oracle(broker.port) as oracle:
        yield oracle


def withhold_a_lease(folder: Path, oracle: Oracle, controller: Controller) -> SerialTap:
    """A lease that the oracle gave and the controller never saw, in the hands of a tap that has the
    line for itself now."""
    with SerialTap(controller.port, folder / "tap") as tap:
        with Bridge(folder, oracle.port, ports=[folder / "tap"]):
            oracle.wait_for("samples", lambda: bool(oracle.samples))
            oracle.lease(2_000)
            wait_until("a lease", lambda: bool(tap.withheld), PATIENCE_S, controller)
        tap.let_go()
    assert controller.do("state")["state"] == "LOCKED"
    return tap


def test_controller__lease_withheld_and_played_after_a_power_cycle__is_refused(
    tmp_path: Path, oracle: Oracle
) -> None:
    with Controller(tmp_path) as controller:
        tap = withhold_a_lease(tmp_path, oracle, controller)
        lease, _signature = parse_lease(tap.withheld[0])
        controller.kill()
        wait_until("its end", lambda: now_ms() > lease.expires_at, PATIENCE_S)
        controller.start()
        controller.wait_until_up()

        refusal = tap.play(tap.withheld[0], lease.issued_at, PATIENCE_S)

        assert not controller.do("pull")["motor_on"]
        assert "lease answers nonce" in refusal
