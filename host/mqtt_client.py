"""A program's connection to its broker, by paho-mqtt: a bounded inbox, publishing, a last will.

paho's thread fills the inbox and makes the connection again whenever it is lost; everything is
decided in the program's own thread, which empties the inbox.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from host.broker_words import hint, tls_trouble
from host.errors import BrokerError, SettingsError
from host.mqtt import Sessions
from host.secret_files import read_secret, require_private
from host.settings import BrokerSettings

ANSWER_SECONDS = 10
FAREWELL_SECONDS = 2.0
LONGEST_RECONNECT_SECONDS = 8
TOPICS_PER_REQUEST = 100

REPORT_EVERY = 1000
"""The first dropped message is reported, and then one in so many: no one can fill the log."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it arrived."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LastWill:
    """What the broker publishes, retained, when the connection ends without a farewell."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class MqttLimits:
    """How much waits, in messages: arrived and not taken, and on its way out. `inflight_messages`
    is how many of the latter await their acknowledgement at a time, 0 for all of them. `largest`
    says of a topic how many bytes a payload may have."""

    largest: Callable[[str], int]
    inbox_messages: int = 1_024
    outgoing_messages: int = 1_024
    inflight_messages: int = 64
    keepalive_seconds: int = 15
    """A broker publishes the last will after one and a half times this silence."""


class Broker(Protocol):
    """What a program's decisions need of a broker. Nothing here blocks."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        ...

    @property
    def connections(self) -> int:
        """How often a connection was made so far; a change means that messages may be missing."""
        ...

    def receive(self, limit: int) -> list[Incoming]:
        """Up to `limit` messages, oldest first."""
        ...

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Hand over for sending at QoS 1; False while there is no connection, or too much waits.
        It may be lost, as any connection may."""
        ...


class MqttClient:
    """One connection to the broker, made again whenever it is lost."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        topics: Sequence[str],
        limits: MqttLimits,
        *,
        last_will: LastWill | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; `topics` are asked for in this order, and what is retained of them comes in it.
        `wake` is called from paho's thread when there is news. Raises SettingsError and SecretError
        for files that cannot be used."""
        self.connections = 0
        self.connected = False
        self.dropped = 0
        self.arrived = Event()
        self._settings, self._topics, self._limits = settings, tuple(topics), limits
        self._wake = wake
        self._inbox: deque[Incoming] = deque()
        self._answered = Event()
        self._refusal: str | None = None
        self._problem = ""
        self._sessions = Sessions(client_id)
        self._client = paho_client(settings, client_id)
        self._client.max_inflight_messages_set(limits.inflight_messages)
        self._client.max_queued_messages_set(limits.outgoing_messages)
        self._client.reconnect_delay_set(1, LONGEST_RECONNECT_SECONDS)
        if last_will is not None:
            self._client.will_set(last_will.topic, last_will.payload, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def place(self) -> str:
        """Host and port, for people."""
        return f"{self._settings.host}:{self._settings.port}"

    def connect(self) -> None:
        """Connect and start the network thread; raises BrokerError if that fails now."""
        host, port = self._settings.host, self._settings.port
        try:
            self._client.connect(host, port, self._limits.keepalive_seconds)
        except ssl.SSLError as error:
            trouble = tls_trouble(self._settings, error)
            raise BrokerError(f"broker {self.place}: {trouble}") from error
        except (OSError, ValueError) as error:
            raise BrokerError(f"broker {self.place} cannot be reached: {error}") from error
        self._client.loop_start()
        if not self._answered.wait(ANSWER_SECONDS):
            self.close()
            raise BrokerError(f"broker {self.place} does not answer within {ANSWER_SECONDS} s")
        if self._refusal is not None:
            self.close()
            raise BrokerError(f"broker {self.place} {self._refusal}")

    def start(self) -> None:
        """Start the network thread, which connects as soon as the broker can be reached."""
        host, port = self._settings.host, self._settings.port
        self._client.connect_async(host, port, self._limits.keepalive_seconds)
        self._client.loop_start()

    def close(self, farewell: LastWill | None = None) -> None:
        """Send what is waiting and, retained, a farewell; disconnect, and end the thread."""
        if farewell is not None and self.connected:
            sent = self._client.publish(farewell.topic, farewell.payload, qos=1, retain=True)
            if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                sent.wait_for_publish(FAREWELL_SECONDS)
        self.connected = False
        self._client.disconnect()
        self._client.loop_stop()

    def receive(self, limit: int) -> list[Incoming]:
        """Up to `limit` messages, oldest first."""
        self.arrived.clear()
        return [self._inbox.popleft() for _ in range(min(limit, len(self._inbox)))]

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """Hand over for sending at QoS 1; False while there is no connection, or too much waits."""
        if not self.connected:
            return False
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = f"refuses the connection: {reason}"
            self._say("broker refuses", str(reason))
            self._answered.set()
            return
        self._refusal, self._problem = None, ""
        for start in range(0, len(self._topics), TOPICS_PER_REQUEST):
            some = self._topics[start : start + TOPICS_PER_REQUEST]
            client.subscribe([(name, 1) for name in some])
        self._sessions.connected(time.monotonic())
        self.connected = True
        self.connections += 1
        log.info("broker connected", broker=self.place, connections=self.connections)
        self._answered.set()
        self._news()

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._sessions.unreachable()
        self._say("broker away", "cannot connect")

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        if self.connected:
            now = time.monotonic()
            said, pause = self._sessions.ended(now, reason.value, str(reason))
            client.reconnect_delay_set(pause, max(pause, LONGEST_RECONNECT_SECONDS))
            self._say("broker lost", said)
        elif not self._answered.is_set():
            self._refusal = f"closes the connection before it answers: {hint(self._settings)}"
            self._say("broker refuses", self._refusal)
            self._answered.set()
        self.connected = False
        self._news()

    def _say(self, what: str, reason: str) -> None:
        """A line in the log, unless the last one said the same."""
        if reason != self._problem:
            self._problem = reason
            log.warning(what, reason=reason, broker=self.place)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        size, full = len(message.payload), len(self._inbox) >= self._limits.inbox_messages
        if full or size > self._limits.largest(message.topic):
            self.dropped += 1
            if self.dropped == 1 or self.dropped % REPORT_EVERY == 0:
                log.warning(
                    "message dropped",
                    reason="the inbox is full" if full else "it is too large",
                    topic=message.topic,
                    bytes=size,
                    dropped=self.dropped,
                )
            return
        self._inbox.append(Incoming(message.topic, bytes(message.payload)))
        self._news()

    def _news(self) -> None:
        self.arrived.set()
        self._wake()


def paho_client(settings: BrokerSettings, client_id: str) -> mqtt.Client:
    """A client that knows its name, password and certificate, and is not connected yet.

    Raises SettingsError and SecretError for files that cannot be used.
    """
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=mqtt.MQTTv5 if settings.mqtt_version == "5" else mqtt.MQTTv311,
    )
    if settings.username is not None:
        password = None
        if settings.password_file is not None:
            password = read_secret(settings.password_file, "broker password")
        client.username_pw_set(settings.username, password)
    if settings.ca_file is not None:
        client.tls_set_context(tls_context(settings))
    return client


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """How we connect; raises SettingsError that names the files at fault, and SecretError."""
    if settings.key_file is not None:
        require_private(settings.key_file, "broker certificate's key")
    try:
        context = ssl.create_default_context(cafile=str(settings.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.cert_file is not None and settings.key_file is not None:
            context.load_cert_chain(str(settings.cert_file), str(settings.key_file))
    except OSError as error:  # SSLError is one
        raise SettingsError(
            f"TLS files of the broker ({settings.ca_file}, {settings.cert_file}, "
            f"{settings.key_file}): {error}"
        ) from error
    return context
