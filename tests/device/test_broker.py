"""The bridge's inbox, filled as paho's thread fills it; no connection is made."""

from __future__ import annotations

import structlog
from device_builders import DRILL
from paho.mqtt.client import MQTTMessage

from device.bridge.hearing import bridge_client
from host.mqtt_client import REPORT_EVERY
from host.settings import BrokerSettings
from protocol.messages import MAX_JSON_BYTES, Channel, topic


def test_on_message__too_large_again_and_again__is_counted_and_reported_now_and_then() -> None:
    broker = bridge_client(DRILL, BrokerSettings(), b"", lambda: None)
    message = MQTTMessage(topic=topic(DRILL, Channel.LEASE).encode())
    message.payload = bytes(MAX_JSON_BYTES + 1)
    with structlog.testing.capture_logs() as logs:
        for _ in range(2 * REPORT_EVERY):
            broker._on_message(broker._client, None, message)
    assert broker.receive(9) == []
    assert broker.dropped == 2 * REPORT_EVERY
    assert [entry["dropped"] for entry in logs] == [1, REPORT_EVERY, 2 * REPORT_EVERY]
