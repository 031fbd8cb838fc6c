"""The bridge between a drill's serial line and the broker.

`Bridge.step` does one bounded pass and never waits: line → spool → acknowledgement → broker one
way, lease → line the other. It trusts nobody: whether a lease is good is for the controller to
say, whether a sample counts is for the oracle, and what is journalled must be sealed by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from device.bridge.hearing import INBOX_MESSAGES
from device.bridge.history import events_between
from device.bridge.link import Link
from device.bridge.publisher import SpoolPublisher
from device.bridge.spool import Spool
from device.bridge.witness import Witness
from device.errors import ControllerReplacedError, SpoolError
from host.mqtt_client import Broker, Incoming
from protocol.errors import FrameError, MessageError
from protocol.messages import (
    Channel,
    EventMessage,
    InhibitMessage,
    JournalledMessage,
    LeaseMessage,
    StatusMessage,
    parse_command,
    parse_message,
    parse_topic,
    topic,
)
from protocol.sealing import seal, unseal
from protocol.serial.frames import FrameType
from protocol.serial.payloads import ControllerState, Status

_log = structlog.get_logger()

STATUS_MS = 5_000
"""The status is repeated this often, so that its age says whether the bridge lives."""

MESSAGES_PER_STEP = 16

RESERVE_MS = 10_000
"""How often it is tried to set disk space aside again, after a full disk took it."""

REPORTED_REFUSALS = 20
"""So many refused messages are reported one by one, then every thousandth."""

UNKNOWN = "UNKNOWN"
"""The state of a controller that does not answer."""


@dataclass(frozen=True, slots=True)
class Now:
    """The time, both ways: monotonic for intervals, Unix for what leaves the box; in ms."""

    monotonic_ms: int
    time_ms: int


class Bridge:
    """One drill's bridge; its ports are passed in."""

    def __init__(
        self,
        drill: int,
        key: bytes,
        link: Link,
        spool: Spool,
        broker: Broker,
        *,
        witness: Witness | None = None,
        gather_ms: int = 0,
    ) -> None:
        """Connect the parts; nothing is sent before the first step. `key` is the message key; a
        `witness` makes the bridge strict: no lease goes to the controller without a proof."""
        self.refused_messages = 0
        self._drill = drill
        self._key = key
        self._link = link
        self._spool = spool
        self._broker = broker
        self._publisher = SpoolPublisher(spool, gather_ms)
        self._connections = 0
        self._spool_error = ""
        self._held_lease = False
        self._reserved_ms = 0
        self._witness = witness
        self._judged: LeaseMessage | None = None
        self._status: tuple[bool, str, str] | None = None
        self._status_ms = 0
        self._state: ControllerState | None = None
        self._refused_starts: int | None = None
        self._lost_samples = 0
        self._last_refusal = ""

    def step(self, now: Now) -> None:
        """One pass."""
        if now.monotonic_ms - self._reserved_ms >= RESERVE_MS:
            self._reserved_ms = now.monotonic_ms
            self._spool.take_reserve()
        self._store(now)
        for message in self._broker.receive(INBOX_MESSAGES):
            self._receive(message, now)
        self._take_verdicts(now)
        self._answers(now)
        self._watch(now)
        if self._broker.connected:
            self._publish(now)
        self._link.write(now.monotonic_ms, now.time_ms)

    def farewell(self, now: Now) -> bytes:
        """The last status, for a clean stop."""
        return self._status_message(now, online=False, reason="stopped")

    def _store(self, now: Now) -> None:
        """What the line brought becomes durable, and only then is acknowledged."""
        frames = self._link.read(now.monotonic_ms)
        if not frames:
            return
        samples = [sample for frame in frames for sample in frame.content.samples]
        try:
            self._spool.put(samples, max(frame.content.oldest for frame in frames))
        except SpoolError as error:
            self._hold(error)
            return
        self._note_trouble()
        for frame in frames:
            self._link.session.acknowledge(frame)

    def _hold(self, error: SpoolError) -> None:
        """Nothing is stored, so nothing is acknowledged and no start is let through; said once."""
        if str(error) == self._spool_error:
            return
        replaced = isinstance(error, ControllerReplacedError)
        what = "controller replaced" if replaced else "spool not writable"
        _log.error(what, reason=str(error))
        self._spool_error = str(error)
        self._held_lease = False
        self._link.session.send_inhibit(what)

    def _note_trouble(self) -> None:
        """Samples are stored, but starting more would not do: on the last of the disk, or with a
        damaged sample that holds up those behind it."""
        trouble = self._spool.trouble
        if trouble and trouble != self._spool_error:
            _log.error("no starts because of the spool", reason=trouble)
            self._held_lease = False
            self._link.session.send_inhibit(trouble)
        self._spool_error = trouble

    def _receive(self, message: Incoming, now: Now) -> None:
        try:
            self._dispatch(message, now)
        except (MessageError, FrameError) as error:
            self._refuse(message, error)

    def _refuse(self, message: Incoming, error: Exception) -> None:
        """Count a bad message, and say so without letting a hostile client fill the log."""
        self.refused_messages += 1
        count = self.refused_messages
        if count <= REPORTED_REFUSALS or count % 1_000 == 0:
            _log.warning(
                "message refused",
                topic=message.topic[:100],
                reason=str(error)[:200],
                count=count,
            )

    def _dispatch(self, message: Incoming, now: Now) -> None:
        drill, channel = parse_topic(message.topic)
        if drill != self._drill:
            raise MessageError(f"topic of drill {drill}, this bridge is of {self._drill}")
        if channel is Channel.LEASE:
            self._command(parse_command(drill, message.payload), now)
        elif channel is Channel.JOURNALLED:
            payload = unseal(self._key, message.topic, message.payload)
            self._journalled(parse_message(JournalledMessage, drill, payload), now)
        elif channel is Channel.PROOF and self._witness is not None:
            self._witness.learn(message.payload)
        else:
            raise MessageError(f"a bridge takes nothing on {channel}")

    def _command(self, command: LeaseMessage | InhibitMessage, now: Now) -> None:
        if isinstance(command, InhibitMessage):
            self._judged = None
            self._link.session.send_inhibit(command.reason, command.rental)
        elif self._spool_error:
            if not self._held_lease:
                _log.warning("lease held back", reason=self._spool_error)
            self._held_lease = True
        elif command.expires_at <= now.time_ms:
            _log.info("expired lease ignored", expires_at=command.expires_at)
        elif self._witness is not None:
            self._judged = command
            self._witness.submit(command)
        else:
            self._pass_on(command)

    def _pass_on(self, command: LeaseMessage) -> None:
        signature = bytes.fromhex(command.signature[2:])
        self._link.session.send_lease(command.lease(), signature)

    def _take_verdicts(self, now: Now) -> None:
        """Pass on what the witness has found proven, unless an inhibit or a newer lease came."""
        for verdict in [] if self._witness is None else self._witness.verdicts():
            if verdict.message is not self._judged:
                continue
            self._judged = None
            if verdict.refusal:
                if verdict.refusal != self._last_refusal:
                    self._event(now, "lease_refused", verdict.refusal)
                self._last_refusal = verdict.refusal
            elif not self._spool_error and verdict.message.expires_at > now.time_ms:
                self._last_refusal = ""
                self._pass_on(verdict.message)

    def _journalled(self, word: JournalledMessage, now: Now) -> None:
        known = self._publisher.journalled(word.sequence, now.monotonic_ms, resend=word.resend)
        if not known:
            self._spool.note_oracle(word.sequence)
            raise MessageError(
                f"sample {word.sequence} cannot be journalled, the newest is {self._spool.newest}"
            )

    def _answers(self, now: Now) -> None:
        """What the controller said to leases and to the clock."""
        for refusal in self._link.session.refusals:
            if refusal.kind is FrameType.LEASE and refusal.reason != self._last_refusal:
                self._event(now, "lease_refused", refusal.reason)
                self._last_refusal = refusal.reason
            elif refusal.kind is FrameType.CLOCK and refusal.reason != "motor on":
                _log.warning("clock not set", reason=refusal.reason)
        self._link.session.refusals.clear()

    def _watch(self, now: Now) -> None:
        """Turn what the controller has reported into events."""
        for status in self._link.session.statuses:
            self._compare(status, now)
        self._link.session.statuses.clear()

    def _compare(self, status: Status, now: Now) -> None:
        for event, reason in events_between(self._state, status.state, status.reason):
            self._event(now, event, reason)
        self._state = status.state
        if self._refused_starts is not None and status.refused_starts > self._refused_starts:
            self._event(now, "start_refused", status.reason)
        self._refused_starts = status.refused_starts
        if status.lost_samples > self._lost_samples:
            lost = status.lost_samples - self._lost_samples
            self._event(now, "samples_lost", f"{lost} samples: the controller's ring was full")
        self._lost_samples = status.lost_samples

    def _event(self, now: Now, event: str, reason: str) -> None:
        _log.info(event, drill=self._drill, reason=reason)
        message = EventMessage(
            drill=self._drill, time_ms=now.time_ms, event=event, reason=reason[:200]
        )
        if self._broker.connected:
            name = topic(self._drill, Channel.EVENT)
            self._broker.publish(name, message.to_json(), retain=False)

    def _publish(self, now: Now) -> None:
        if self._broker.connections != self._connections:
            self._connections = self._broker.connections
            self._publisher.restart(now.monotonic_ms)
            self._status = None
        self._publish_status(now)
        name = topic(self._drill, Channel.SAMPLE)
        for _ in range(MESSAGES_PER_STEP):
            payload = self._publisher.next(now.monotonic_ms, self._link.session.nonce)
            if payload is None:
                break
            self._broker.publish(name, seal(self._key, name, payload), retain=False)
        if not self._spool_error:
            self._note_trouble()

    def _publish_status(self, now: Now) -> None:
        up, state, reason = self._summary(now)
        overdue = now.monotonic_ms - self._status_ms >= STATUS_MS
        if (up, state, reason) == self._status and not overdue:
            return
        self._status, self._status_ms = (up, state, reason), now.monotonic_ms
        payload = self._status_message(now, online=True)
        self._broker.publish(topic(self._drill, Channel.STATUS), payload, retain=True)

    def _summary(self, now: Now) -> tuple[bool, str, str]:
        status = self._link.session.status
        if not self._link.up(now.monotonic_ms):
            return False, UNKNOWN, self._link.down_reason
        if status is None:
            return True, UNKNOWN, "no status yet"
        return True, status.state.name, self._spool_error or status.reason

    def _status_message(self, now: Now, *, online: bool, reason: str | None = None) -> bytes:
        up, state, why = self._summary(now)
        return StatusMessage(
            drill=self._drill,
            online=online,
            link_up=up and online,
            state=state if online else UNKNOWN,
            reason=(why if reason is None else reason)[:200],
            sequence=self._spool.newest,
            time_ms=now.time_ms,
        ).to_json()


def last_will(drill: int, time_ms: int) -> bytes:
    """The status that the broker publishes when the bridge is gone without a farewell."""
    return StatusMessage(
        drill=drill,
        online=False,
        link_up=False,
        state=UNKNOWN,
        reason="connection lost",
        sequence=0,
        time_ms=time_ms,
    ).to_json()
