"""What a bridge hears on its broker, and how much of it may wait."""

from __future__ import annotations

from collections.abc import Callable

from host.mqtt_client import LastWill, MqttClient, MqttLimits
from host.settings import BrokerSettings
from protocol.lease_proof import MAX_PROOF_BYTES
from protocol.messages import MAX_JSON_BYTES, Channel, topic, topics

INBOX_MESSAGES = 1_024
KEEPALIVE_SECONDS = 10


def bridge_client(
    drill: int,
    settings: BrokerSettings,
    last_will: bytes,
    wake: Callable[[], None],
    *,
    proofs: bool = False,
) -> MqttClient:
    """One drill's client, not connected yet; `last_will` is its status when it is gone, `proofs`
    are asked for in strict mode only. Raises SettingsError and SecretError."""
    # A proof is learnt before the lease that rests on it: retained messages come in this order.
    channels = (Channel.PROOF,) if proofs else ()
    proof_topic = topic(drill, Channel.PROOF)
    return MqttClient(
        settings,
        f"drill-bridge-{drill}",
        topics([drill], (*channels, Channel.LEASE, Channel.JOURNALLED)),
        MqttLimits(
            largest=lambda name: MAX_PROOF_BYTES if name == proof_topic else MAX_JSON_BYTES,
            inbox_messages=INBOX_MESSAGES,
            keepalive_seconds=KEEPALIVE_SECONDS,
        ),
        last_will=LastWill(topic(drill, Channel.STATUS), last_will),
        wake=wake,
    )
