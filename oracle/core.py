"""The edge side's step: inbox, journal, acknowledgements, meter, leases, receipts, settlement.

`Core.step` makes one bounded pass, never sleeps, and asks no clock but the one it was given. The
chain side runs beside it, in a thread or between two steps, and hands over a `ChainView`; what is
to be settled goes to it through the journal's outbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from chain.chain_clock import ChainClock, Moment, Times
from chain.views import ChainView, GasState
from host.mqtt_client import Incoming
from oracle.errors import JournalError
from oracle.intake.metering import Metering, Taken
from oracle.journal.chain_journal import ChainJournal
from oracle.leasing.dues import Dues
from oracle.leasing.lease_policy import Inhibit
from oracle.leasing.leasing import Leasing
from oracle.leasing.publish import event_message
from oracle.meter.meter import Gap
from oracle.meter.order import Arrived
from oracle.meter.sample_log import LoggedSample
from oracle.meter.stroke import Stroke, follow_stroke
from oracle.ports import CorePorts
from oracle.readings.receipts import Receipts
from oracle.settling.settled_watch import SettledWatch
from oracle.settling.settlement import CoreLimits, Settlement
from oracle.signing.keyring import ring_of
from oracle.signing.pen import Pen
from oracle.signing.registration import OracleIdentity, advice
from protocol.errors import MessageError
from protocol.messages import (
    Channel,
    JournalledMessage,
    StatusMessage,
    decode_samples,
    parse_message,
    parse_topic,
    topic,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES
from protocol.sealing import seal, unseal

MESSAGES_PER_STEP = 2_000
"""Messages under one commit: at most 128,000 samples, well under a second's work of SQLite."""

RESERVE_MS = 10_000
"""How often it is tried to set disk space aside again, after a full disk took it."""

ACKNOWLEDGE_MS = 100
"""A drill's samples are acknowledged at most this often, and no more than a thousand answers go out
a second: with more than a hundred drills each waits longer. Several messages share one answer."""

REPORTED_BAD_MESSAGES = 20
"""So many are reported one by one, then every thousandth."""

log = structlog.get_logger()


@dataclass
class Counters:
    """What went through since the start."""

    samples: int = 0
    bad_messages: int = 0


@dataclass
class Core:
    """The edge side of one oracle; `message_keys` holds each drill's."""

    ports: CorePorts
    metering: Metering
    outbox: ChainJournal
    domain: Domain
    limits: CoreLimits
    message_keys: Mapping[int, bytes] = field(repr=False)
    counters: Counters = field(default_factory=Counters)
    _owed: set[int] = field(default_factory=set)
    _resend: set[int] = field(default_factory=set)
    _chain_clock: ChainClock = field(default_factory=ChainClock)
    _acknowledged_ms: int = 0
    _reserved_ms: int = 0
    _connections: int = 0
    _followed: object = None
    _advice: str | None = None
    _copied: bool = False
    _gas: GasState = GasState.ENOUGH
    _status: dict[int, tuple[bool, bool, str, str]] = field(default_factory=dict)
    _strokes: dict[int, Stroke] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keys = ring_of(self.ports.signer)
        self.ports = replace(self.ports, signer=self._keys)
        identity = OracleIdentity.of(self.metering.oracle, self._keys.signers)
        pen = Pen(self._keys, self.metering.journal.signed, self.domain)
        dues = Dues()
        self.leasing = Leasing(
            self.ports, self.metering, self.domain, self.limits.lease, identity, dues
        )
        self.receipts = Receipts(
            self.ports,
            self.metering,
            pen,
            self.domain,
            self.limits.lease,
            identity,
            self.limits.final_wait_ms,
        )
        self.settlement = Settlement(
            self.ports, self.metering, pen, self.outbox, self.limits, identity, dues
        )
        self._identity = identity
        self._settled = SettledWatch(identity, self.metering.journal.signed.may_have_signed)

    def step(self, view: ChainView | None) -> bool:
        """One pass; returns whether there may be more to do at once."""
        now_ms = self.ports.clock.now_ms()
        moment = Moment(now_ms, self.ports.clock.monotonic_ms())
        if view is not None:
            self._chain_clock.look(view.head.timestamp * 1000, moment)
        self._greet()
        incoming = self.ports.broker.receive(MESSAGES_PER_STEP)
        arrived = self._parse(incoming)
        for message in arrived:
            self._chain_clock.hear(message.samples[-1].sample, moment)
            self.leasing.hear(message)
        taken = self.metering.intake(arrived, now_ms)
        self._follow(view)
        self._look_for_copies(view)
        if not self._copied:
            self._acknowledge(taken, now_ms)
        self._follow_key(view)
        for rental, gap in taken.gaps:
            self._report_gap(rental, gap, view, now_ms)
        self._report_long_strokes(arrived, now_ms)
        if abs(now_ms - self._reserved_ms) >= RESERVE_MS:
            self._reserved_ms = now_ms
            self.metering.journal.take_reserve()
        times = Times(self._chain_clock, moment)
        self.leasing.step(view, times, Inhibit.COPIED_KEY if self._copied else None)
        if view is not None:
            self._report_key(view)
            self._report_gas(view, now_ms)
        if view is not None and not self._copied:
            self.receipts.step(view, times)
            self.settlement.step(view, times)
        return len(incoming) == MESSAGES_PER_STEP

    def stop(self) -> None:
        """Lock the drills and leave checkpoints; call it last."""
        self.leasing.stop(self.ports.clock.now_ms())
        self.metering.stop()

    def _greet(self) -> None:
        """After each connection ask for what may have been missed, and say everything again."""
        connections = self.ports.broker.connections
        if connections != self._connections:
            self._connections = connections
            self._resend |= {*self.metering.drills}
            self.leasing.repeat()
            self.receipts.repeat()

    def _parse(self, incoming: list[Incoming]) -> list[Arrived]:
        """The sealed and well-formed sample messages of our drills; others are counted and
        dropped. A status is not sealed, and nothing but a line in the log follows from it."""
        parsed = []
        for message in incoming:
            try:
                drill, channel = parse_topic(message.topic)
                self._require_ours(drill)
                if channel is Channel.SAMPLE:
                    parsed.append(self._samples(drill, message))
                elif channel is Channel.STATUS:
                    self._note_status(parse_message(StatusMessage, drill, message.payload))
            except MessageError as error:
                self._drop(message, error)
        return parsed

    def _drop(self, message: Incoming, error: MessageError) -> None:
        """Count a bad message, and say so without letting a hostile client fill the log."""
        self.counters.bad_messages += 1
        count = self.counters.bad_messages
        if count <= REPORTED_BAD_MESSAGES or count % 1_000 == 0:
            log.warning(
                "message dropped",
                topic=message.topic[:80],
                reason=str(error)[:200],
                count=count,
            )

    def _require_ours(self, drill: int) -> None:
        if drill not in self.metering.orders:
            raise MessageError(f"drill {drill} is not one of ours")

    def _samples(self, drill: int, message: Incoming) -> Arrived:
        payload = unseal(self.message_keys[drill], message.topic, message.payload)
        decoded = decode_samples(drill, payload)
        self.counters.samples += len(decoded.samples)
        first = len(payload) - len(decoded.samples) * SAMPLE_BYTES
        starts = range(first, len(payload), SAMPLE_BYTES)
        logged = tuple(
            LoggedSample(sample, payload[start : start + SAMPLE_BYTES])
            for sample, start in zip(decoded.samples, starts, strict=True)
        )
        return Arrived(drill, decoded.oldest, decoded.nonce, logged)

    def _note_status(self, status: StatusMessage) -> None:
        seen = (status.online, status.link_up, status.state, status.reason)
        if self._status.get(status.drill) != seen:
            self._status[status.drill] = seen
            log.info(
                "drill status",
                drill=status.drill,
                online=status.online,
                link_up=status.link_up,
                state=status.state,
                reason=status.reason,
            )

    def _acknowledge(self, taken: Taken, now_ms: int) -> None:
        """Say what is durable; a request to resend goes out at once."""
        self._owed |= taken.moved
        self._resend |= taken.resend
        due = set(self._resend)
        pause_ms = max(ACKNOWLEDGE_MS, len(self.metering.drills))
        if now_ms - self._acknowledged_ms >= pause_ms or now_ms < self._acknowledged_ms:
            due |= self._owed
            self._acknowledged_ms = now_ms
        if not self.metering.writable:
            return
        for drill in sorted(due):
            message = JournalledMessage(
                drill=drill,
                sequence=self.metering.orders[drill].sequence,
                resend=drill in self._resend,
            )
            place = topic(drill, Channel.JOURNALLED)
            sealed = seal(self.message_keys[drill], place, message.to_json())
            if not self.ports.broker.publish(place, sealed, retain=False):
                return
            self._owed.discard(drill)
            self._resend.discard(drill)

    def _follow(self, view: ChainView | None) -> None:
        """Follow the confirmed rentals whenever the chain side read them anew."""
        if view is None or view.catching_up or view.deep is self._followed:
            return
        try:
            self.metering.follow(view.deep, view.tariffs)
        except JournalError as error:
            self.metering.fail(error)
            return
        self._followed = view.deep

    def _look_for_copies(self, view: ChainView | None) -> None:
        """Sign nothing more, and acknowledge nothing, once another oracle is seen to sign with this
        key, until somebody starts this one again: each receipt could be held against the key, and
        whatever is acknowledged here the other one never gets."""
        if view is None or self._copied:
            return
        try:
            found = self._settled.look(view, self.metering.rentals)
        except JournalError as error:
            self.metering.fail(error)
            return
        if found is not None:
            self._copied = True
            log.error("another oracle signs with this key", reason=found)

    def _follow_key(self, view: ChainView | None) -> None:
        """Sign with the key that the newest block shows in force, if it is one of ours."""
        successor = None if view is None else self._keys.successor(view.oracle.key)
        if successor is None:
            return
        try:
            self.metering.journal.signed.use_key(successor)
        except JournalError as error:
            self.metering.fail(error)
            return
        log.info("signing key changed", before=self._keys.address, now=successor)
        self._keys.use(successor)
        self.receipts.repeat()

    def _report_key(self, view: ChainView) -> None:
        """Say when the contract does not let this oracle sign, and when it does again."""
        found = advice(view.oracle, self._identity)
        if found == self._advice:
            return
        self._advice = found
        if found is None:
            log.info("oracle may sign", key=view.oracle.key)
        else:
            log.error("oracle may not sign", reason=found)

    def _report_gas(self, view: ChainView, now_ms: int) -> None:
        """A line in each drill's history when the gas key stands otherwise; the log has it already,
        from the chain's side."""
        if view.gas is None or view.gas.state is self._gas:
            return
        self._gas = view.gas.state
        reason = f"{view.gas.settlements} settlements, {view.gas.hours} hours"
        for drill in self.metering.drills:
            message = event_message(drill, now_ms, self._gas.value, reason)
            place = topic(drill, Channel.EVENT)
            self.ports.broker.publish(place, message.to_json(), retain=False)

    def _report_gap(self, rental: int, gap: Gap, view: ChainView | None, now_ms: int) -> None:
        known = self.metering.rentals.get(rental)
        tariff = None if view is None or known is None else view.tariffs.get(known.tariff)
        cost = None if tariff is None else gap.cost(tariff)
        log.warning(
            "gap not billed",
            drill=gap.drill,
            rental=rental,
            after_sequence=gap.after_sequence,
            before_sequence=gap.before_sequence,
            clock_ms=gap.end_ms - gap.start_ms,
            missed_active_ms=sum(gap.missed.active_ms),
            cost=cost,
        )
        clock_ms = gap.end_ms - gap.start_ms
        reason = f"{clock_ms} ms by its clock after sample {gap.after_sequence}, cost {cost}"
        message = event_message(gap.drill, now_ms, "gap", reason)
        self.ports.broker.publish(topic(gap.drill, Channel.EVENT), message.to_json(), retain=False)

    def _report_long_strokes(self, arrived: list[Arrived], now_ms: int) -> None:
        """Say once for each stroke that it is longer than the reserve reckons with."""
        longest_ms = self.limits.lease.stroke_ms
        for message in arrived:
            for logged in message.samples:
                drill, before = message.drill, self._strokes.get(message.drill, Stroke())
                self._strokes[drill], too_long = follow_stroke(before, logged.sample, longest_ms)
                if too_long:
                    log.warning("stroke longer than reckoned with", drill=drill, ms=longest_ms)
                    event = event_message(drill, now_ms, "long_stroke", f"over {longest_ms} ms")
                    place = topic(drill, Channel.EVENT)
                    self.ports.broker.publish(place, event.to_json(), retain=False)
