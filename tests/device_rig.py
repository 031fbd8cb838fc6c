"""A drill for the integration tests: real processes, a real pseudo-terminal, a real broker."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from device_builders import DOMAIN, DRILL, MESSAGE_KEY, ORACLE, lease_message
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from lab.rig.box_files import write_secret
from lab.rig.process import Daemon, wait_until
from protocol.leases import LONGEST_LEASE_MS
from protocol.messages import (
    Channel,
    JournalledMessage,
    StatusMessage,
    decode_samples,
    parse_message,
    topic,
)
from protocol.records import NO_NONCE, Lease
from protocol.sample import Sample
from protocol.sealing import seal, unseal

PATIENCE_S = 300.0
"""For loaded machines; what is waited for usually takes a tenth of a second."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Controller(Daemon):
    """`drill-controller` with its operator."""

    def __init__(self, folder: Path, *options: str, drill: int = DRILL) -> None:
        self.port, self.operator = folder / "port", folder / "operator"
        command: list[str | Path] = [sys.executable, "-m", "device", "controller"]
        command += ["--drill", str(drill), "--oracle-key", ORACLE, "--contract", DOMAIN.contract]
        command += ["--chain-id", str(DOMAIN.chain_id), "--memory", folder / "memory"]
        command += ["--port-link", self.port, "--operator", self.operator, *options]
        super().__init__("controller", command, folder / "controller.log")

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_until_up()
        return self

    def wait_until_up(self) -> None:
        wait_until("the controller", self.up, PATIENCE_S, self)

    def up(self) -> bool:
        """Whether it takes commands: a killed one leaves its socket and the link to its port, and
        the terminal that the link names may be another process's by now."""
        try:
            self.do("state")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def do(self, what: str, **more: object) -> dict[str, Any]:
        """Give one operator command."""
        with socket.socket(socket.AF_UNIX) as client, client.makefile("rwb") as lines:
            client.settimeout(PATIENCE_S)
            client.connect(str(self.operator))
            lines.write(json.dumps({"do": what, **more}).encode() + b"\n")
            lines.flush()
            answer: dict[str, Any] = json.loads(lines.readline())
        return answer

    def wait_for(self, state: str) -> None:
        wait_until(f"state {state}", lambda: self.do("state")["state"] == state, PATIENCE_S, self)

    def wait_for_reason(self, reason: str) -> None:
        wait_until(reason, lambda: self.do("state")["reason"] == reason, PATIENCE_S, self)

    def let_go(self) -> None:
        """Release the trigger, and wait until the stroke is over: whether the lease still holds is
        a matter of how fast this machine is."""
        self.do("release")
        wait_until("rest", lambda: self.do("state")["state"] != "RUNNING", PATIENCE_S, self)


class Bridge(Daemon):
    """`drill-bridge run`."""

    def __init__(
        self,
        folder: Path,
        broker_port: int,
        *,
        drill: int = DRILL,
        ports: Sequence[Path] | None = None,
    ) -> None:
        at = [folder / "port"] if ports is None else ports
        settings, key = folder / "bridge.toml", folder / "message.key"
        write_secret(key, MESSAGE_KEY.hex() + "\n")
        settings.write_text(
            f"drill = {drill}\nport = {json.dumps([str(one) for one in at])}\n"
            f'spool = "{folder / "spool"}"\n'
            f'message_key_file = "{key}"\n[broker]\nport = {broker_port}\n'
        )
        command = [sys.executable, "-m", "device", "bridge", "run", "--settings", settings]
        super().__init__("bridge", command, folder / "bridge.log")


class Oracle:
    """An MQTT client that stands in for the oracle: takes samples, journals them or not."""

    def __init__(self, broker_port: int, *, journalling: bool = True, drill: int = DRILL) -> None:
        self.samples: dict[int, Sample] = {}
        self.order: list[int] = []
        self.alone_and_running = 0
        self.statuses: list[StatusMessage] = []
        self.events: list[dict[str, Any]] = []
        self.journalling, self.port = journalling, broker_port
        self.nonce = NO_NONCE
        self._lease: Lease | None = None
        self._drill, self._lock = drill, threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"drill/{drill}/+", 1)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker_port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, name: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(name, payload, 1, retain).wait_for_publish(PATIENCE_S)

    def lease(self, lasting_ms: int = LONGEST_LEASE_MS, *, issued_at: int | None = None) -> None:
        """One that answers what the controller asked last, and again whenever it asks anew before
        the lease is over, as when it has lost power; not one of another time."""
        self.wait_for("a nonce", lambda: self.nonce != NO_NONCE)
        issued = now_ms() if issued_at is None else issued_at
        with self._lock:
            lease = Lease(self._drill, 1, issued, issued + lasting_ms, 42, self.nonce)
            self._lease = lease if issued_at is None else None
            told = self._tell(lease)
        told.wait_for_publish(PATIENCE_S)

    def _tell(self, lease: Lease) -> mqtt.MQTTMessageInfo:
        payload = lease_message(lease).to_json()
        return self._client.publish(topic(self._drill, Channel.LEASE), payload, 1, retain=True)

    def _hear(self, nonce: int) -> None:
        with self._lock:
            if nonce in (NO_NONCE, self.nonce):
                return
            self.nonce = nonce
            before, now = self._lease, now_ms()
            if before is not None and now < before.expires_at:
                later = max(now, before.issued_at + 1)
                self._lease = replace(before, issued_at=later, nonce=nonce)
                self._tell(self._lease)

    def journalled(self, sequence: int, *, resend: bool = False) -> None:
        word = JournalledMessage(drill=self._drill, sequence=sequence, resend=resend)
        name = topic(self._drill, Channel.JOURNALLED)
        self.publish_later(name, seal(MESSAGE_KEY, name, word.to_json()))

    def publish_later(self, name: str, payload: bytes) -> None:
        self._client.publish(name, payload, 1)

    @property
    def status(self) -> StatusMessage | None:
        return self.statuses[-1] if self.statuses else None

    def wait_for(self, what: str, probe: Callable[[], bool]) -> None:
        wait_until(what, probe, PATIENCE_S)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == topic(self._drill, Channel.SAMPLE):
            payload = unseal(MESSAGE_KEY, message.topic, message.payload)
            decoded = decode_samples(self._drill, payload)
            self._hear(decoded.nonce)
            self._take(decoded.samples)
        elif message.topic == topic(self._drill, Channel.STATUS):
            self.statuses.append(parse_message(StatusMessage, self._drill, message.payload))
        elif message.topic == topic(self._drill, Channel.EVENT):
            self.events.append(json.loads(message.payload))

    def _take(self, samples: Sequence[Sample]) -> None:
        self.alone_and_running += len(samples) == 1 and samples[0].motor_on
        for sample in samples:
            self.samples.setdefault(sample.sequence, sample)
            self.order.append(sample.sequence)
        if self.journalling:
            self.journalled(samples[-1].sequence)
