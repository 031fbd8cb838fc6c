"""The MQTT channel: paho-mqtt with a bounded inbox that its thread fills and the step empties."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from host.broker_check import hint, tls_trouble
from host.mqtt import Sessions
from host.secret_files import read_secret, require_private
from oracle.errors import BrokerError, SettingsError
from oracle.ports import Incoming
from oracle.settings import BrokerSettings
from protocol.messages import (
    MAX_JSON_BYTES,
    MAX_SAMPLE_MESSAGE_BYTES,
    Channel,
    topic,
)
from protocol.sealing import MAC_BYTES

INBOX_MESSAGES = 10_000
"""What waits while the journal is slow; at most 82 MB, at 8192 bytes each. What
does not fit is dropped and counted: the bridge keeps it and sends it again."""

MAX_PAYLOAD_BYTES = max(MAX_JSON_BYTES, MAX_SAMPLE_MESSAGE_BYTES + MAC_BYTES)
KEEPALIVE_SECONDS = 15
CONNECT_SECONDS = 10
OUTGOING_MESSAGES = 4_000
"""What waits for a slow broker; `publish` says no to more, and what it carried comes again."""

INFLIGHT_MESSAGES = 0
"""All of them at once: with a limit paho looks through all that wait at each acknowledgement."""

LONGEST_RECONNECT_SECONDS = 8

log = structlog.get_logger()


class MqttBroker:
    """One connection to the broker, made again whenever it is lost."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        drills: Sequence[int],
        channels: Sequence[Channel] = (Channel.SAMPLE, Channel.STATUS),
    ) -> None:
        self._settings, self._drills, self._channels = settings, tuple(drills), tuple(channels)
        self._inbox: deque[Incoming] = deque()
        self._connections = 0
        self._answered = Event()
        self._refusal: str | None = None
        self._up = False
        self.dropped = 0
        self.arrived = Event()
        self._sessions = Sessions(client_id)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5 if settings.mqtt_version == "5" else mqtt.MQTTv311,
        )
        self._client.max_inflight_messages_set(INFLIGHT_MESSAGES)
        self._client.max_queued_messages_set(OUTGOING_MESSAGES)
        self._client.reconnect_delay_set(1, LONGEST_RECONNECT_SECONDS)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._secure()

    def _secure(self) -> None:
        settings = self._settings
        if settings.username is not None:
            password = None
            if settings.password_file is not None:
                password = read_secret(settings.password_file, "broker password")
            self._client.username_pw_set(settings.username, password)
        if settings.ca_file is None:
            return
        if settings.key_file is not None:
            require_private(settings.key_file, "broker certificate's key")
        try:
            context = ssl.create_default_context(cafile=str(settings.ca_file))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if settings.cert_file is not None and settings.key_file is not None:
                context.load_cert_chain(str(settings.cert_file), str(settings.key_file))
        except OSError as error:
            raise SettingsError(
                f"TLS files of the broker ({settings.ca_file}, {settings.cert_file}, "
                f"{settings.key_file}): {error}"
            ) from error
        self._client.tls_set_context(context)

    def connect(self) -> None:
        """Connect and start the network thread; raises BrokerError if that fails now."""
        place = f"{self._settings.host}:{self._settings.port}"
        try:
            self._client.connect(self._settings.host, self._settings.port, KEEPALIVE_SECONDS)
        except ssl.SSLError as error:
            raise BrokerError(f"broker {place}: {tls_trouble(self._settings, error)}") from error
        except (OSError, ValueError) as error:
            raise BrokerError(f"broker {place} cannot be reached: {error}") from error
        self._client.loop_start()
        if not self._answered.wait(CONNECT_SECONDS):
            self.close()
            raise BrokerError(f"broker {place} does not answer within {CONNECT_SECONDS} s")
        if self._refusal is not None:
            self.close()
            raise BrokerError(f"broker {place} {self._refusal}")

    def close(self) -> None:
        """Send what is waiting, disconnect, and end the thread."""
        self._up = False
        self._client.disconnect()
        self._client.loop_stop()

    def receive(self, limit: int) -> list[Incoming]:
        """Up to `limit` messages, oldest first."""
        self.arrived.clear()
        return [self._inbox.popleft() for _ in range(min(limit, len(self._inbox)))]

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Hand over for sending at QoS 1; False while there is no connection."""
        if not self._up:
            return False
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    @property
    def up(self) -> bool:
        """Is there a connection now."""
        return self._up

    def connections(self) -> int:
        """How often a connection was made so far."""
        return self._connections

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            if self._refusal is None:
                log.warning("broker refuses", reason=str(reason))
            self._refusal = f"refuses the connection: {reason}"
            self._answered.set()
            return
        self._refusal = None
        for channel in self._channels:
            for start in range(0, len(self._drills), 100):
                some = self._drills[start : start + 100]
                client.subscribe([(topic(drill, channel), 1) for drill in some])
        self._sessions.connected(time.monotonic())
        self._up = True
        self._connections += 1
        log.info("broker connected", connections=self._connections)
        self._answered.set()
        self.arrived.set()

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if self._up:
            now = time.monotonic()
            said, pause = self._sessions.ended(now, reason.value, str(reason))
            client.reconnect_delay_set(pause, max(pause, LONGEST_RECONNECT_SECONDS))
            log.warning("broker lost", reason=said)
        elif not self._answered.is_set():
            self._refusal = f"closes the connection before it answers: {hint(self._settings)}"
            self._answered.set()
        self._up = False

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._sessions.unreachable()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if len(self._inbox) >= INBOX_MESSAGES or len(message.payload) > MAX_PAYLOAD_BYTES:
            self.dropped += 1
            if self.dropped == 1 or self.dropped % 1000 == 0:
                log.warning("inbox full or payload too large", dropped=self.dropped)
            return
        self._inbox.append(Incoming(message.topic, bytes(message.payload)))
        self.arrived.set()
