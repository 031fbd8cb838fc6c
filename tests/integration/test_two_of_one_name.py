"""Two programs with one client id at a real broker."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from device.bridge.hearing import bridge_client
from host.mqtt import Version
from host.mqtt_client import LastWill
from host.settings import BrokerSettings
from lab.rig.process import wait_until
from lab.rig.services import Mosquitto
from oracle.intake.ingest import oracle_client

pytestmark = pytest.mark.integration

CONNACK = bytes([0x20, 3, 0, 0, 0])
SESSION_TAKEN_OVER = bytes([0xE0, 2, 0x8E, 0])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


def bridge(port: int, version: Version) -> Callable[[], None]:
    made = bridge_client(7, BrokerSettings(port=port, mqtt_version=version), b"{}", lambda: None)
    made.start()
    return lambda: made.close(LastWill("drill/7/status", b"{}"))


def oracle(port: int, version: Version) -> Callable[[], None]:
    settings = BrokerSettings(host="127.0.0.1", port=port, mqtt_version=version)
    made = oracle_client(settings, "drill-oracle-1", (7,))
    made.connect()
    return made.close


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize(("kind", "name"), [(bridge, "drill-bridge-7"), (oracle, "drill-oracle-1")])
def test_broker__two_of_one_name__each_says_so_and_they_slow_down(
    broker: Mosquitto, version: Version, kind: Callable[..., Callable[[], None]], name: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        closers = [kind(broker.port, version) for _ in range(2)]
        try:
            wait_until(
                "both slow down",
                lambda: sum(name in str(one.get("reason")) for one in logs) >= 4,
            )
        finally:
            for close in closers:
                close()
    reasons = [str(one["reason"]) for one in logs if "reason" in one]
    # Mosquitto 2.0.11 closes without a word, later ones say under MQTT 5 why they do.
    told = f"another client with the id {name} has connected"
    guessed = f"it seems that another client has the id {name}"
    assert any(told in one or guessed in one for one in reasons)


@pytest.mark.parametrize(("kind", "name"), [(bridge, "drill-bridge-7"), (oracle, "drill-oracle-1")])
def test_broker__says_that_the_session_was_taken_over__is_named_at_once(
    kind: Callable[..., Callable[[], None]], name: str
) -> None:
    """As a broker says it that speaks MQTT 5 to the full."""
    server = socket.create_server(("127.0.0.1", 0))

    def take_over() -> None:
        client, _ = server.accept()
        with client:
            client.recv(4096)
            client.sendall(CONNACK)
            client.recv(4096)  # what it subscribes to
            client.sendall(SESSION_TAKEN_OVER)
            client.recv(4096)

    thread = threading.Thread(target=take_over)
    thread.start()
    with structlog.testing.capture_logs() as logs:
        close = kind(server.getsockname()[1], "5")
        try:
            wait_until("the reason", lambda: any("reason" in one for one in logs))
        finally:
            close()
            thread.join()
            server.close()
    reason = next(str(one["reason"]) for one in logs if "reason" in one)
    assert f"another client with the id {name} has connected: Session taken over" in reason
