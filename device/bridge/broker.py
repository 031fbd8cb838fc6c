"""The bridge's side of the broker, by paho-mqtt: a bounded inbox, publishing, the last will.

paho's thread only fills the inbox; everything is decided in the bridge's own thread.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from device.bridge.settings import BrokerSettings
from device.errors import SettingsError
from host.mqtt import Sessions
from host.secret_files import read_secret, require_private
from protocol.lease_proof import MAX_PROOF_BYTES
from protocol.messages import MAX_JSON_BYTES, Channel, topic

_log = structlog.get_logger()

KEEPALIVE_S = 10
"""A broker publishes the last will after one and a half times this silence."""

INBOX_MESSAGES = 1024
REPORT_EVERY = 1000
"""The first dropped message is reported, and then one in so many: no one can fill the log."""

RECONNECT_S = (1, 8)
STOP_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it arrived."""

    topic: str
    payload: bytes


class Broker(Protocol):
    """What a bridge needs of a broker."""

    @property
    def connections(self) -> int:
        """How often the connection was made; 0 while there is none yet."""

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""

    def drain(self) -> list[Incoming]:
        """The messages since the last call, oldest first."""

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Send at QoS 1; it may be lost, as any connection may."""


class PahoBroker:
    """One drill's connection to its broker."""

    def __init__(  # what a connection needs
        self,
        drill: int,
        settings: BrokerSettings,
        last_will: bytes,
        wake: Callable[[], None],
        *,
        proofs: bool = False,
    ) -> None:
        """Prepare; `wake` is called from paho's thread when there is news, `proofs` are asked for
        in strict mode only. Raises SettingsError and SecretError for files that cannot be used."""
        self.connections = 0
        self.dropped = 0
        # A proof is learnt before the lease that rests on it: retained messages come in this order.
        self._proof_topic = topic(drill, Channel.PROOF)
        self._topics = [self._proof_topic] if proofs else []
        self._topics += [topic(drill, Channel.LEASE), topic(drill, Channel.JOURNALLED)]
        self._settings = settings
        self._wake = wake
        self._inbox: deque[Incoming] = deque()
        self._problem = ""
        client_id = f"drill-bridge-{drill}"
        self._sessions = Sessions(client_id)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if settings.mqtt_version == "5" else mqtt.MQTTv311,
        )
        self._client.max_inflight_messages_set(64)
        self._client.max_queued_messages_set(INBOX_MESSAGES)
        self._client.reconnect_delay_set(*RECONNECT_S)
        self._client.will_set(topic(drill, Channel.STATUS), last_will, qos=1, retain=True)
        _authenticate(self._client, settings)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client.is_connected()

    def start(self) -> None:
        """Connect, and go on trying in paho's thread until stopped."""
        self._client.connect_async(self._settings.host, self._settings.port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self, farewell_topic: str, farewell: bytes) -> None:
        """Send a last retained message where there is a connection, and close it."""
        if self.connected:
            sent = self._client.publish(farewell_topic, farewell, qos=1, retain=True)
            if sent.rc == mqtt.MQTT_ERR_SUCCESS:
                sent.wait_for_publish(STOP_TIMEOUT_S)
        self._client.disconnect()
        self._client.loop_stop()

    def drain(self) -> list[Incoming]:
        """The messages since the last call, oldest first."""
        messages = []
        while self._inbox:
            messages.append(self._inbox.popleft())
        return messages

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Send at QoS 1."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        if code.is_failure:
            self._failed(f"refused: {code}")
            return
        client.subscribe([(name, 1) for name in self._topics])
        self._problem = ""
        self._sessions.connected(time.monotonic())
        self.connections += 1
        _log.info("broker connected", host=self._settings.host, port=self._settings.port)
        self._wake()

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._sessions.unreachable()
        self._failed("cannot connect")

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        if code.is_failure:
            said, pause = self._sessions.ended(time.monotonic(), code.value, str(code))
            client.reconnect_delay_set(pause, max(pause, RECONNECT_S[1]))
            self._failed(f"disconnected: {said}")
        self._wake()

    def _failed(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            _log.warning(
                "broker away",
                reason=problem,
                host=self._settings.host,
                port=self._settings.port,
            )

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        is_proof = message.topic == self._proof_topic
        largest = MAX_PROOF_BYTES if is_proof else MAX_JSON_BYTES
        if len(message.payload) > largest or len(self._inbox) >= INBOX_MESSAGES:
            self.dropped += 1
            if self.dropped == 1 or self.dropped % REPORT_EVERY == 0:
                _log.warning(
                    "message dropped",
                    topic=message.topic,
                    bytes=len(message.payload),
                    dropped=self.dropped,
                )
            return
        self._inbox.append(Incoming(message.topic, bytes(message.payload)))
        self._wake()


def _authenticate(client: mqtt.Client, settings: BrokerSettings) -> None:
    if settings.username is not None:
        password = None
        if settings.password_file is not None:
            password = read_secret(settings.password_file, "broker password")
        client.username_pw_set(settings.username, password)
    if settings.ca_file is None:
        return
    if settings.key_file is not None:
        require_private(settings.key_file, "broker certificate's key")
    try:
        client.tls_set(
            ca_certs=str(settings.ca_file),
            certfile=str(settings.cert_file) if settings.cert_file else None,
            keyfile=str(settings.key_file) if settings.key_file else None,
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise SettingsError(f"broker: cannot use {settings.ca_file}: {error}") from error
