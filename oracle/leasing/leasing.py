"""Leases and inhibits as they go out: decided by `lease_policy`, renewed at half life and whenever
the drill's controller has drawn a new nonce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from chain.chain_clock import Moment, Times
from chain.views import ChainView
from oracle.errors import JournalError, SigningError
from oracle.intake.metering import Metering
from oracle.journal.journal import SignedMark
from oracle.leasing.dues import Dues
from oracle.leasing.lease_policy import ClockStep, DrillFacts, Inhibit, LeaseLimits, decide_lease
from oracle.leasing.publish import event_message, lease_message
from oracle.meter.order import Arrived
from oracle.ports import CorePorts
from oracle.signing.registration import OracleIdentity
from protocol.messages import Channel, InhibitMessage, topic
from protocol.records import NO_NONCE, Domain, Lease
from protocol.typed_data import lease_digest

DECIDE_MS = 200
DRILLS_PER_MS = 2
"""All drills are decided on every 200 ms, with more than 400 of them so much less often that it
takes no more of the time: a thousand every 500 ms. And at once when the chain shows something
new. It delays an inhibit by so much and outlasts no lease."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """The nonce that a controller wants answered, and the sequence up to which its samples had come
    when it said so."""

    sequence: int = 0
    nonce: int = NO_NONCE


@dataclass
class Leasing:
    """What each drill was last told, and what it is told next."""

    ports: CorePorts
    metering: Metering
    domain: Domain
    limits: LeaseLimits
    identity: OracleIdentity
    dues: Dues
    told: dict[int, Lease | Inhibit] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    _named: dict[int, int | None] = field(default_factory=dict)
    _repeat: bool = False
    _told_branch: int = 0
    _proven: dict[int, bytes] = field(default_factory=dict)
    _issued_ms: dict[int, int] = field(default_factory=dict)
    _decided_ms: int | None = None
    _decided_on: ChainView | None = None

    def hear(self, message: Arrived) -> None:
        """Note the nonce that came with samples. One that came with older ones than were here
        already is older too: a broker may deliver late and again."""
        sequence = message.samples[-1].sample.sequence
        known = self.asked.get(message.drill, Asked())
        if message.nonce != NO_NONCE and sequence >= known.sequence:
            self.asked[message.drill] = Asked(sequence, message.nonce)

    def step(self, view: ChainView | None, times: Times, halted: Inhibit | None = None) -> None:
        """Decide for every drill when it is time, and tell those for whom it makes a change;
        `halted` is why none gets a lease, whatever is decided."""
        now_ms = times.now_ms
        pause_ms = max(DECIDE_MS, len(self.metering.drills) // DRILLS_PER_MS)
        paced = self._decided_ms is not None and 0 <= now_ms - self._decided_ms < pause_ms
        if paced and _same_chain(view, self._decided_on) and not self._repeat:
            return
        self._decided_ms, self._decided_on = now_ms, view
        repeat, self._repeat = self._repeat, False
        step = ClockStep(
            times.clock.box_ahead_ms(times.moment) or 0, times.clock.has_seen_a_block_arrive
        )
        stolen = self.ports.stolen()
        decisions = {
            drill: decide_lease(
                view,
                self._facts(drill, view, times.moment, stolen),
                self.identity,
                now_ms,
                self.limits,
                step=step,
            )
            for drill in self.metering.drills
        }
        decisions = {
            drill: _by_its_clock(decided, times.clock.drill_over_box_ms(drill, times.moment))
            for drill, decided in decisions.items()
        }
        if halted is not None:
            decisions = dict.fromkeys(decisions, halted)
        elif not self._remember_heights(decisions, view):
            decisions = dict.fromkeys(decisions, Inhibit.JOURNAL)
        for drill, decided in decisions.items():
            self._tell(drill, decided, view, now_ms, repeat=repeat)
        self._told_branch = 0 if view is None else view.branch

    def _remember_heights(
        self, decisions: Mapping[int, Lease | Inhibit], view: ChainView | None
    ) -> bool:
        """Make the blocks durable on which leases are about to rest; False when that fails."""
        if view is None:
            return True
        heights = {
            (drill, view.rested[decided.rental].policy): decided.block_number
            for drill, decided in decisions.items()
            if isinstance(decided, Lease)
        }
        try:
            self.metering.journal.heights.raise_to(heights)
        except JournalError as error:
            self.metering.fail(error)
            return False
        return True

    def repeat(self) -> None:
        """Tell everything again, after a new connection."""
        self._proven.clear()
        self._repeat = True

    def stop(self, now_ms: int) -> None:
        """Inhibit every drill."""
        for drill in self.metering.drills:
            self._tell(drill, Inhibit.STOPPING, None, now_ms, repeat=False)

    def _facts(
        self, drill: int, view: ChainView | None, moment: Moment, stolen: frozenset[int] | None
    ) -> DrillFacts:
        known = None if view is None else view.drills.get(drill)
        rental = 0 if known is None else known.rental
        mark = self.metering.marks.get(rental, SignedMark())
        order = self.metering.orders[drill]
        return DrillFacts(
            drill=drill,
            nonce=self.asked.get(drill, Asked()).nonce,
            log=self.metering.logs.get(rental),
            last_sample_ms=order.time_ms if order.sequence else None,
            signed_until=mark.until,
            signed=mark.registers,
            reused=drill in self.metering.reused,
            journal_writable=self.metering.writable,
            journal_has_reserve=self.metering.journal.has_reserve,
            damaged=rental in self.metering.held,
            held_over=order.motor_on and order.rental != rental,
            settlement_waits_ms=self.dues.waited_ms(rental, view, moment),
            heights=self.metering.journal.heights.of(drill),
            stolen=None if stolen is None else drill in stolen,
        )

    def _tell(
        self,
        drill: int,
        decided: Lease | Inhibit,
        view: ChainView | None,
        now_ms: int,
        *,
        repeat: bool,
    ) -> None:
        before = self.told.get(drill)
        if isinstance(decided, Lease) and view is not None:
            same_branch = view.branch == self._told_branch
            if not repeat and same_branch and _still_good(before, decided):
                return
            self._publish_proof(drill, view.proofs.get(decided.rental))
            try:
                lease, payload = self._signed(decided, view)
            except SigningError:  # the key ring says it
                self._tell(drill, Inhibit.NO_SIGNATURE, view, now_ms, repeat=repeat)
                return
            self._issued_ms[drill] = lease.issued_at
            sent: Lease | Inhibit = lease
        elif isinstance(decided, Inhibit):
            named = _rental_of(drill, view)
            if not repeat and before is decided and self._named.get(drill) == named:
                return
            self._named[drill] = named
            sent, payload = decided, _inhibit(drill, decided, named, now_ms)
        else:
            return
        if not self.ports.broker.publish(topic(drill, Channel.LEASE), payload, retain=True):
            self._repeat = True
            return
        self.told[drill] = sent
        self._record(drill, before, sent, now_ms)

    def _publish_proof(self, drill: int, proof: bytes | None) -> None:
        """Before the lease that rests on it; a bridge that misses it refuses the lease."""
        if proof is None or self._proven.get(drill) == proof:
            return
        if self.ports.broker.publish(topic(drill, Channel.PROOF), proof, retain=True):
            self._proven[drill] = proof

    def _signed(self, decided: Lease, view: ChainView) -> tuple[Lease, bytes]:
        """A drill's lease is issued later than the one before it, whatever the clock does."""
        issued_ms = max(decided.issued_at, self._issued_ms.get(decided.drill, 0) + 1)
        lease = replace(decided, issued_at=issued_ms, expires_at=issued_ms + self.limits.lease_ms)
        signature = self.ports.signer.sign(lease_digest(self.domain, lease))
        message = lease_message(lease, signature, view, view.evidence[lease.rental])
        return lease, message.to_json()

    def _record(
        self, drill: int, before: Lease | Inhibit | None, after: Lease | Inhibit, now_ms: int
    ) -> None:
        """Every lock and unlock goes into the log and the drill's history, with its reason."""
        if isinstance(after, Lease):
            if isinstance(before, Lease) and before.rental == after.rental:
                return
            event, reason = "unlocked", f"rental {after.rental}, block {after.block_number}"
        elif before is after:
            return
        else:
            event, reason = "locked", after.value
        log.info("drill " + event, drill=drill, reason=reason)
        message = event_message(drill, now_ms, event, reason)
        self.ports.broker.publish(topic(drill, Channel.EVENT), message.to_json(), retain=False)


def _same_chain(view: ChainView | None, before: ChainView | None) -> bool:
    """Whether a look at the chain has shown nothing new: most looks find the block of the last."""
    if view is None or before is None:
        return view is before
    seen, known = (
        (one.head.hash, one.branch, one.disagreement, one.catching_up) for one in (view, before)
    )
    return seen == known


def _still_good(before: Lease | Inhibit | None, decided: Lease) -> bool:
    """Whether a lease was told of which more than half is left, and the same nonce is asked."""
    if not isinstance(before, Lease):
        return False
    life_ms = before.expires_at - before.issued_at
    left_ms = before.expires_at - decided.issued_at
    same = (before.rental, before.nonce) == (decided.rental, decided.nonce)
    return same and life_ms // 2 < left_ms <= life_ms


def _by_its_clock(decided: Lease | Inhibit, over_ms: int) -> Lease | Inhibit:
    """A lease counts by the drill's clock. Where that is a little ahead and cannot be set back, as
    it has accepted a lease so, the lease is dated by it, or it would be over before it arrives."""
    if isinstance(decided, Inhibit) or not over_ms:
        return decided
    issued_at, expires_at = decided.issued_at + over_ms, decided.expires_at + over_ms
    return replace(decided, issued_at=issued_at, expires_at=expires_at)


def _rental_of(drill: int, view: ChainView | None) -> int | None:
    """Whose the drill's samples at rest are, 0 nobody's; None while the chain was not read."""
    known = None if view is None or view.catching_up else view.drills.get(drill)
    return None if known is None else known.rental


def _inhibit(drill: int, reason: Inhibit, rental: int | None, now_ms: int) -> bytes:
    message = InhibitMessage(drill=drill, rental=rental, reason=reason.value, time_ms=now_ms)
    return message.to_json()
