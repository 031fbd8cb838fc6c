"""A drill's controller as a real process that is held up, or whose memory fails."""

from __future__ import annotations

import json
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from device_rig import PATIENCE_S, Bridge, Controller, Oracle

from lab.rig.process import wait_until
from lab.rig.services import Mosquitto
from protocol.leases import LONGEST_LEASE_MS

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
    unlock(controller, oracle, 10_000)
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
    unlock(controller, oracle, LONGEST_LEASE_MS)
    assert controller.do("pull")["motor_on"]


def test_controller__memory_fails_in_mid_stroke__goes_on_locks_and_recovers(
    controller: Controller, oracle: Oracle
) -> None:
    unlock(controller, oracle, LONGEST_LEASE_MS)
    assert controller.do("pull")["motor_on"]
    pid = controller.process.pid
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, most))  # its second slot is beyond

    def fails() -> bool:
        state = controller.do("state")
        assert state["motor_on"]
        return str(state["reason"]).startswith("memory fails: ")

    wait_until("it is said", fails, PATIENCE_S, controller)
    controller.do("release")
    controller.wait_for("LOCKED")
    assert "File too large" in controller.do("pull")["error"]
    assert max(oracle.samples) < controller.do("state")["sequence"]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
    oracle.lease()
    controller.wait_for("READY")
    newest = controller.do("state")["sequence"]
    oracle.wait_for("all samples", lambda: set(range(1, newest + 1)) <= set(oracle.samples))
