"""An MQTT client of nobody's side: it keeps what the bridges and the oracle publish, and knows the
message keys so that it takes no samples but the bridges'."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from lab.rig.errors import RigError
from lab.rig.services import HOST
from protocol.errors import MessageError
from protocol.messages import (
    Channel,
    CreditWarning,
    EventMessage,
    InhibitMessage,
    LeaseMessage,
    ReadingMessage,
    decode_samples,
    parse_command,
    parse_message,
    parse_topic,
    topic,
)
from protocol.sample import Sample, encode_sample
from protocol.sealing import unseal

SUBSCRIBE_SECONDS = 60.0
CHANNELS = (Channel.SAMPLE, Channel.READING, Channel.LEASE, Channel.EVENT)


class TopicListener:
    """Collects samples by sequence, and the newest of the rest, by drill."""

    def __init__(self, broker_port: int, message_keys: Mapping[int, bytes]) -> None:
        self._keys = message_keys
        self._samples: dict[int, dict[int, Sample]] = {}
        self._readings: dict[int, ReadingMessage] = {}
        self._commands: dict[int, LeaseMessage | InhibitMessage] = {}
        self._warnings: dict[int, set[CreditWarning]] = {}
        self._events: list[EventMessage] = []
        self.leases: Counter[int] = Counter()
        self.malformed: list[str] = []
        self.conflicts: list[str] = []
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._port = broker_port
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"drill/+/{channel}", 1) for channel in CHANNELS]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect(HOST, self._port)
        self._client.loop_start()
        if not self._subscribed.wait(SUBSCRIBE_SECONDS):
            self._client.loop_stop()
            raise RigError("the broker does not let a listener subscribe")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def samples(self, drill: int) -> list[Sample]:
        """All samples of a drill so far, in the order of their sequence."""
        with self._lock:
            return [sample for _, sample in sorted(self._samples.get(drill, {}).items())]

    def reading(self, drill: int, rental: int) -> ReadingMessage | None:
        """The newest reading of this rental."""
        with self._lock:
            reading = self._readings.get(drill)
        return reading if reading is not None and reading.rental == rental else None

    def lease_seconds(self, drill: int) -> float:
        """How long the newest lease still lasts; 0 without one."""
        with self._lock:
            command = self._commands.get(drill)
        if not isinstance(command, LeaseMessage):
            return 0.0
        return max(command.expires_at / 1000 - time.time(), 0.0)

    def inhibit_reason(self, drill: int) -> str:
        """Why the oracle gives no lease; empty while it does."""
        with self._lock:
            command = self._commands.get(drill)
        return command.reason if isinstance(command, InhibitMessage) else ""

    def warnings(self, drill: int) -> set[CreditWarning]:
        """The warnings that readings of this drill have carried."""
        with self._lock:
            return set(self._warnings.get(drill, set()))

    def events(self, after: int) -> list[EventMessage]:
        """The events from number `after` on."""
        with self._lock:
            return self._events[after:]

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            drill, channel = parse_topic(message.topic)
            self._keep(drill, channel, bytes(message.payload))
        except MessageError as error:
            with self._lock:
                self.malformed.append(f"{message.topic}: {error}")

    def _keep(self, drill: int, channel: Channel, payload: bytes) -> None:
        if channel is Channel.SAMPLE:
            if drill not in self._keys:
                raise MessageError(f"samples of a drill {drill} that is not here")
            opened = unseal(self._keys[drill], topic(drill, channel), payload)
            self._keep_samples(drill, decode_samples(drill, opened).samples)
        elif channel is Channel.READING:
            reading = parse_message(ReadingMessage, drill, payload)
            with self._lock:
                self._readings[drill] = reading
                self._warnings.setdefault(drill, set()).add(reading.warning)
        elif channel is Channel.LEASE:
            command = parse_command(drill, payload)
            with self._lock:
                self._commands[drill] = command
                self.leases[drill] += isinstance(command, LeaseMessage)
        else:
            event = parse_message(EventMessage, drill, payload)
            with self._lock:
                self._events.append(event)

    def _keep_samples(self, drill: int, samples: Sequence[Sample]) -> None:
        with self._lock:
            kept = self._samples.setdefault(drill, {})
            for sample in samples:
                earlier = kept.setdefault(sample.sequence, sample)
                if encode_sample(earlier) != encode_sample(sample):
                    self.conflicts.append(f"drill {drill}: two samples {sample.sequence}")
