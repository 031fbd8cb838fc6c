"""A drill's controller as a real process that is held up."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from device_rig import PATIENCE_S, Bridge, Controller, Oracle

from rig.process import wait_until
from rig.services import Mosquitto

pytestmark = pytest.mark.integration


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    with Controller(tmp_path) as controller:
        yield controller


@pytest.fixture
def oracle(tmp_path: Path, controller: Controller) -> Iterator[Oracle]:
    with (
        Mosquitto(tmp_path) as broker,
        Bridge(tmp_path, broker.port),
        Oracle(broker.port) as oracle,
    ):
        yield oracle


def unlock(controller: Controller, oracle: Oracle, lasting_ms: int) -> None:
    wait_until("the clock", lambda: controller.do("state")["time_ms"] > 0, PATIENCE_S, controller)
    oracle.lease(lasting_ms)
    controller.wait_for("READY")


def test_controller__held_up_until_the_lease_expired__refuses_the_pull_that_waited(
    controller: Controller, oracle: Oracle
) -> None:
    unlock(controller, oracle, 5_000)
    with socket.socket(socket.AF_UNIX) as operator, operator.makefile("rwb") as lines:
        operator.settimeout(PATIENCE_S)
        operator.connect(str(controller.operator))
        lines.write(b'{"do": "state"}\n')
        lines.flush()
        assert json.loads(lines.readline())["state"] == "READY"
        controller.process.send_signal(signal.SIGSTOP)
        time.sleep(12)
        lines.write(b'{"do": "pull"}\n')
        lines.flush()
        controller.process.send_signal(signal.SIGCONT)
        answer = json.loads(lines.readline())
    assert (answer["error"], answer["motor_on"]) == ("lease expired", False)
    unlock(controller, oracle, 5_000)
    assert controller.do("pull")["motor_on"]
