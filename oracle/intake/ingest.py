"""The oracle's connection to its broker: which messages it hears, and how many may wait."""

from __future__ import annotations

from collections.abc import Sequence

from host.mqtt_client import MqttClient, MqttLimits
from host.settings import BrokerSettings
from protocol.messages import MAX_JSON_BYTES, MAX_SAMPLE_MESSAGE_BYTES, Channel, topics
from protocol.sealing import MAC_BYTES

INBOX_MESSAGES = 10_000
"""What waits while the journal is slow; at most 82 MB, at 8192 bytes each. What does not fit is
dropped and counted: the bridge keeps it and sends it again."""

MAX_PAYLOAD_BYTES = max(MAX_JSON_BYTES, MAX_SAMPLE_MESSAGE_BYTES + MAC_BYTES)

OUTGOING_MESSAGES = 4_000
"""What waits for a slow broker; `publish` says no to more, and what it carried comes again."""

LIMITS = MqttLimits(
    largest=lambda _topic: MAX_PAYLOAD_BYTES,
    inbox_messages=INBOX_MESSAGES,
    outgoing_messages=OUTGOING_MESSAGES,
    # With a limit paho looks through all that wait at each acknowledgement.
    inflight_messages=0,
)


def oracle_client(
    settings: BrokerSettings,
    client_id: str,
    drills: Sequence[int],
    channels: Sequence[Channel] = (Channel.SAMPLE, Channel.STATUS),
) -> MqttClient:
    """A client that hears those channels of those drills; it is not connected yet."""
    return MqttClient(settings, client_id, topics(drills, channels), LIMITS)
