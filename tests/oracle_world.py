"""A small world for the oracle's integration tests: chain, broker, contract, bridge and daemon."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from conftest import role_account
from oracle_builders import MESSAGE_KEYS, make_sample
from paho.mqtt.enums import CallbackAPIVersion
from secure_broker import SecureBroker

from lab.rig import plan
from lab.rig.drill import module
from lab.rig.plan import UNBOUND
from lab.rig.premises import Premises
from lab.rig.process import Daemon, wait_until
from lab.rig.services import Mosquitto
from protocol.leases import check_lease
from protocol.messages import (
    Channel,
    JournalledMessage,
    LeaseMessage,
    ReadingMessage,
    encode_samples,
    parse_command,
    parse_message,
    topic,
)
from protocol.records import LevelRate, Registers, Tariff
from protocol.sample import Sample
from protocol.sealing import seal, unseal

TARIFF = Tariff(
    (LevelRate(10**15, 10**15, 3000), LevelRate(2 * 10**15, 10**15, 1500), LevelRate(0, 0, 1000)),
    0,
    10**15,
)
"""Levels 1 and 2 cost 0.001 and 0.002 coins a second and 0.001 per 1000 revolutions."""


class TestBridge:
    """Plays drill, controller and bridge: samples each 100 ms, kept until they are journalled."""

    __test__ = False

    def __init__(self, port: int, drill: int, broker: SecureBroker | None = None) -> None:
        self.drill = drill
        self.motor_on, self.level, self.rpm = False, 1, 0
        self.silent = False
        self.nonce = 1
        self.samples: list[Sample] = []
        self.journalled = 0
        self.messages: list[Any] = []
        self.readings: list[ReadingMessage] = []
        self.proofs: list[bytes] = []
        self.command_times: list[tuple[float, Any]] = []
        self._active = [0, 0, 0]
        self._rental = self._told = 0
        """Whose the samples are, which changes at standstill, and whose they are to become."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if broker is not None:
            broker.secure(self._client, f"bridge-{drill}")
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"drill/{drill}/{name}", 1) for name in ("journalled", "lease", "reading", "proof")]
        )
        self._client.connect("127.0.0.1", port)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def command(self) -> Any:
        """The newest lease or inhibit."""
        return self.command_times[-1][1] if self.command_times else None

    def leased(self) -> bool:
        """Whether there is a lease that has not expired."""
        command = self.command
        return isinstance(command, LeaseMessage) and command.expires_at > time.time() * 1000

    def inhibited(self, reason: str) -> bool:
        """Whether the newest command is that inhibit."""
        return getattr(self.command, "reason", None) == reason

    def run(self, level: int, rpm: int) -> None:
        """Turn the spindle."""
        with self._lock:
            self.level, self.rpm, self.motor_on = level, rpm, True

    def stop_motor(self) -> None:
        """Let the spindle stand."""
        with self._lock:
            self.motor_on, self.rpm = False, 0

    def _work(self) -> None:
        due = time.time()
        sent_ms = 0.0
        while not self._stop.wait(max(due - time.time(), 0)):
            due += 0.1
            if self.silent:
                continue
            with self._lock:
                turned = bool(self.samples and self.samples[-1].motor_on)
                # A start waits for a sample at rest that names the lease's rental.
                running = self.motor_on and (turned or self._rental == self._told)
                if not running:
                    self._rental = self._told
                if turned:
                    self._active[self.samples[-1].level - 1] += 100
                sample = make_sample(
                    len(self.samples) + 1,
                    int(due * 10) * 100,
                    drill=self.drill,
                    level=self.level,
                    motor_on=running,
                    rpm=self.rpm if running else 0,
                    rental=self._rental,
                    odometer=Registers(*self._active, 0, 0, 0),
                )
                self.samples.append(sample)
                self._send([sample])
                backlog = self.samples[self.journalled :]
            if time.monotonic() - sent_ms > 2 and len(backlog) > 20:
                sent_ms = time.monotonic()
                self._send(backlog)

    def _send(self, samples: list[Sample]) -> None:
        name = topic(self.drill, Channel.SAMPLE)
        for start in range(0, len(samples), 64):
            oldest = min(self.journalled + 1, samples[start].sequence)
            payload = encode_samples(samples[start : start + 64], oldest, self.nonce)
            self._client.publish(name, seal(MESSAGE_KEYS[self.drill], name, payload), qos=1)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/proof"):
            self.proofs.append(message.payload)
        elif message.topic.endswith("/lease"):
            command = parse_command(self.drill, message.payload)
            if command.rental is not None:
                self._told = command.rental
            self.command_times.append((time.time(), command))
        elif message.topic.endswith("/reading"):
            self.readings.append(parse_message(ReadingMessage, self.drill, message.payload))
        else:
            payload = unseal(MESSAGE_KEYS[self.drill], message.topic, message.payload)
            said = parse_message(JournalledMessage, self.drill, payload)
            with self._lock:
                self.journalled = max(self.journalled, said.sequence)
                if said.resend:
                    self._send(self.samples[said.sequence :])


class Retained:
    """What a broker has retained, for somebody who comes now."""

    def __init__(self, port: int) -> None:
        self._found: dict[str, bytes] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("drill/#", 1)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, drill: int) -> dict[str, bytes]:
        """The newest message of each channel."""
        start = f"drill/{drill}/"
        found = self._found.copy()
        return {name[len(start) :]: sent for name, sent in found.items() if name.startswith(start)}

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._found[message.topic] = message.payload


class World(Premises):
    """Everything that an oracle needs, on free ports and in one folder; no oracle runs yet."""

    def __init__(
        self,
        folder: Path,
        *,
        drills: int = 1,
        secure: bool = False,
        block_seconds: float = 1,
        anvil_options: tuple[str, ...] = (),
    ) -> None:
        """`secure` is with the broker's configuration for production."""
        names = {drill: f"drill {drill}" for drill in range(1, drills + 1)}
        super().__init__(
            folder,
            drills=names,
            tariffs=[TARIFF],
            penalty=0,
            block_seconds=block_seconds,
            anvil_options=anvil_options,
            make_broker=self._secured if secure else Mosquitto,
        )
        self.signing, self.gas = role_account("oracle"), role_account("relayer")
        self.message_keys = {drill: MESSAGE_KEYS[drill] for drill in names}
        self.secure_broker: SecureBroker | None = None
        self.endpoints: list[str] = []
        self.quorum = 1

    def _secured(self, _logs: Path) -> SecureBroker:
        self.secure_broker = SecureBroker(self.folder / "broker", len(self.numbers))
        return self.secure_broker

    def _start(self) -> None:
        super()._start()
        self.bridge = self._stack.enter_context(TestBridge(self.broker.port, 1, self.secure_broker))

    def write_settings(self) -> None:
        """Write the oracle's settings."""
        self.settings.write_text(self.settings_text())

    def settings_text(self, **changes: str) -> str:
        """The settings, with `section__key` values, written as TOML, replaced or added."""
        sections = plan.oracle_sections(
            self.folder,
            drills=self.numbers,
            rpc_url=self.anvil.url,
            broker_port=self.broker.port,
            record=self.record,
        )
        if self.endpoints:
            sections["chain"]["rpc_urls"] = self.endpoints
        sections["chain"]["quorum"] = self.quorum
        sections["settlement"] = {"least_interval_seconds": 2, "gas_share": 1000}
        sections["lease"] = {
            "seconds": 3,
            "longest_stroke_seconds": 1,
            "settlement_seconds": 20,
            "warning_runway_seconds": 10,
        }
        written = {
            section: {name: json.dumps(value) for name, value in values.items()}
            for section, values in sections.items()
        }
        secured = {} if self.secure_broker is None else self.secure_broker.settings("oracle-1")
        finality = {"chain.finality": '[{policy = "latest-1"}]'}
        for name, value in (finality | secured | changes).items():
            section, key = name.replace("__", ".").split(".")
            written.setdefault(section, {})[key] = value
        return "\n".join(
            "\n".join([f"[{section}]", *(f"{name} = {value}" for name, value in values.items())])
            for section, values in written.items()
        )

    def daemon(self) -> Daemon:
        """The oracle's process, not started yet."""
        line = module("oracle", "run", "--settings", self.settings)
        return Daemon("oracle", line, self.logs / "oracle.log")

    def open_rental(self, amount: int) -> int:
        """Deposit and open in one transaction; returns the rental's number."""
        self.send(
            self.contract.functions.open_rental(1, 1, amount, *UNBOUND), self.customer, amount
        )
        return int(self.contract.functions.rental_count().call())

    def rental(self, rental: int) -> Any:
        """The contract's record of a rental."""
        names = ("customer", "drill", "tariff", "oracle", "state", "opened_at", "ended_at")
        names += ("until", "funded", "collected")
        return dict(zip(names, self.contract.functions.rental(rental).call(), strict=True))

    def require_lease(self, lease: LeaseMessage) -> None:
        """The controller's own check."""
        signature = bytes.fromhex(lease.signature[2:])
        check_lease(
            lease.lease(), signature, self.provisioning(1), lease.issued_at, (self.bridge.nonce,)
        )


def wait(what: str, probe: Any, daemon: Daemon | None = None) -> None:
    """Wait for something to come true, as long as a slow machine needs."""
    wait_until(what, probe, daemon=daemon)
