"""When a drill may start: the lease decision, a pure function of what the oracle knows.

    headroom = limit now - charge up to now - reserve
    limit    = the most that may be owed by now: what is funded, or less under the customer's caps
    reserve  = the most expensive usage in one sample age, lease, stroke and settlement

A lease is granted only while headroom is positive and every reason below is absent. Taking the
lease away never stops a running drill; it prevents the next start.
Source: docs/protocol.md section 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chain.views import ChainView, RentalView
from oracle.meter.sample_log import RentalLog
from oracle.signing.registration import OracleIdentity, key_fault
from protocol.messages import CreditWarning
from protocol.records import NO_NONCE, Lease, Registers, RentalState, Tariff
from protocol.tariff import balance, charge, highest_charge, runway_seconds


class Inhibit(StrEnum):
    """Why a drill may not start; the words an operator reads. docs/operating-an-edge-box.md."""

    STOLEN = "reported stolen"
    THEFT_UNKNOWN = "theft reports cannot be read"
    STARTING = "oracle starting"
    STOPPING = "oracle stopping"
    CHAIN_UNREACHABLE = "chain unreachable"
    DISAGREEMENT = "chain endpoints disagree"
    HEAD_STALE = "chain head stale"
    CATCHING_UP = "reading past blocks"
    CLOCK_SKEW = "clock differs from chain"
    JOURNAL = "journal not writable"
    DISK_FULL = "disk full"
    NO_SIGNATURE = "signing key does not answer"
    ORACLE_KEY = "oracle key not registered"
    NOT_ENROLLED = "oracle key not enrolled"
    REVOKED = "oracle revoked"
    SUSPENDED = "oracle suspended"
    COPIED_KEY = "another oracle signs with this key"
    OTHER_ORACLE = "drill belongs to another oracle"
    RETIRED = "drill retired"
    NO_RENTAL = "no rental"
    UNCONFIRMED = "rental not confirmed yet"
    NO_EVIDENCE = "no BalancePositive event"
    HEIGHT = "chain is behind a block that a lease rested on"
    ENDED = "rental ended"
    JOURNAL_BEHIND = "journal does not cover this rental"
    NO_SAMPLES = "no fresh samples"
    NO_NONCE = "controller's nonce not known"
    NO_STANDSTILL = "no sample with the motor off yet"
    SIGNED_MORE = "more is signed than metered"
    DRILL_CLOCK = "drill clock ahead"
    SEQUENCE_REUSED = "sample sequence reused"
    REPLACED = "controller replaced, end the rental"
    DAMAGED = "stored samples damaged, end the rental"
    REJECTED = "readings rejected"
    SETTLEMENT_STALLED = "settlement stalled"
    EXHAUSTED = "credit exhausted"
    CAPPED = "customer's cap reached"


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """The limits of the lease decision, all in ms; see LeaseSettings for their reasons."""

    lease_ms: int
    stroke_ms: int
    settlement_ms: int
    warning_runway_seconds: int
    chain_silence_ms: int
    head_age_ms: int
    clock_skew_ms: int
    sample_age_ms: int
    stalled_ms: int
    """How long a settlement of the rental may wait; see `longest_wait_ms`."""

    @property
    def reserve_ms(self) -> int:
        """How long the drill could run, at worst, on the word of one lease: it may have run unseen
        since its last sample, start as the lease expires, and then drill the longest stroke."""
        return self.sample_age_ms + self.lease_ms + self.stroke_ms + self.settlement_ms


def longest_wait_ms(grace_seconds: int) -> int:
    """How long a rental's settlement may wait to be mined before its drill gets no more leases.

    Waiting costs nothing by itself: the funds of an open rental can go nowhere, leases count what
    is not settled against them, and any later reading settles all. It is lost only if the rental
    ends and its last reading is not mined within the grace period from then. So whatever is drilled
    during a stall is lost only to one that lasts for longer than a grace period after that. A stall
    of half a grace period is more than a delay, and its drill then adds nothing to what is at
    stake.
    """
    return grace_seconds * 1000 // 2


@dataclass(frozen=True, slots=True)
class Credit:
    """What a rental has used and has left, in the asset's smallest unit.

    `balance` is what of the funds is not owed; `limit` is the most that may be owed by now, and
    `headroom` what may still be drilled for on a lease.
    """

    charge: int
    limit: int
    balance: int
    headroom: int
    runway_seconds: int
    warning: CreditWarning


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """What the box itself knows of one drill; `signed` are the highest registers that it has
    signed for the number of the drill's rental, `held_over` says that the motor was last heard to
    run under another rental's lease, `heights` the highest block on which a lease of the drill
    rested, by finality policy. `damaged` is whether the rental's samples in the journal are not
    those that came, `settlement_waits_ms` for how long a settlement of it has been due or under
    way. `nonce` is what the controller wants its next lease to answer, NO_NONCE while that is not
    known. `stolen` is whether the drill is reported stolen on this box, None when that cannot be
    read."""

    drill: int
    nonce: int
    log: RentalLog | None
    last_sample_ms: int | None
    signed_until: int
    signed: Registers
    reused: bool
    journal_writable: bool
    journal_has_reserve: bool = True
    damaged: bool = False
    held_over: bool = False
    settlement_waits_ms: int = 0
    heights: Mapping[str, int] = field(default_factory=dict)
    stolen: bool | None = False


def credit(
    rental: RentalView, tariff: Tariff, registers: Registers, until_ms: int, limits: LeaseLimits
) -> Credit:
    """The credit of a rental that stands at `registers` at `until_ms` (Unix ms)."""
    charged = charge(tariff, registers, rental.elapsed_ms(until_ms))
    limit = rental.limit(until_ms)
    headroom = limit - charged - highest_charge(tariff, limits.reserve_ms)
    runway = runway_seconds(tariff, headroom)
    warning = CreditWarning.NONE
    if headroom <= 0:
        warning = CreditWarning.EXHAUSTED
    elif runway < limits.warning_runway_seconds:
        warning = CreditWarning.LOW
    left = balance(rental.funded, min(charged, limit))
    return Credit(charged, limit, left, headroom, runway, warning)


@dataclass(frozen=True, slots=True)
class ClockStep:
    """How the box keeps step with the chain: by how much its clock is ahead of the newest blocks as
    they arrive, and whether one has arrived since the start; the first one seen may be old."""

    ahead_ms: int = 0
    block_arrived: bool = True


def chain_problem(  # noqa: PLR0911  # one line a reason
    view: ChainView | None,
    identity: OracleIdentity,
    now_ms: int,
    limits: LeaseLimits,
    step: ClockStep = ClockStep(),  # a value
) -> Inhibit | None:
    """Why nothing that the chain says may be relied on right now, if so."""
    if view is None:
        return Inhibit.STARTING
    if now_ms - view.polled_ms > limits.chain_silence_ms:
        return Inhibit.CHAIN_UNREACHABLE
    if view.disagreement:
        return Inhibit.DISAGREEMENT
    if view.head.timestamp * 1000 > now_ms + limits.clock_skew_ms:
        return Inhibit.CLOCK_SKEW
    if now_ms - view.head.timestamp * 1000 > limits.head_age_ms:
        return Inhibit.HEAD_STALE
    if step.ahead_ms > limits.clock_skew_ms:
        return Inhibit.CLOCK_SKEW if step.block_arrived else Inhibit.HEAD_STALE
    if view.catching_up:
        return Inhibit.CATCHING_UP
    fault = key_fault(view.oracle, identity)
    if fault is not None:
        return Inhibit(fault.value)
    return None


def rental_problem(  # noqa: PLR0911, PLR0912  # one line a reason
    view: ChainView, facts: DrillFacts, oracle: int
) -> Inhibit | None:
    """Why this drill has no rental to start on, if so; the newest state may only take away."""
    drill = view.drills.get(facts.drill)
    if drill is None or drill.oracle != oracle:
        return Inhibit.OTHER_ORACLE
    if drill.rental == 0:
        return Inhibit.RETIRED if drill.retired else Inhibit.NO_RENTAL
    latest, deep = view.latest.get(drill.rental), view.deep.get(drill.rental)
    if latest is None:
        return Inhibit.UNCONFIRMED
    if latest.state is not RentalState.OPEN:
        return Inhibit.ENDED
    if deep is None or deep.state is not RentalState.OPEN or deep.identity != latest.identity:
        return Inhibit.UNCONFIRMED
    evidence, rest = view.evidence.get(drill.rental), view.rested.get(drill.rental)
    if rest is None:
        return Inhibit.UNCONFIRMED
    if evidence is None or evidence.block_number > rest.header.number:
        return Inhibit.NO_EVIDENCE
    if rest.header.number < facts.heights.get(rest.policy, 0):
        return Inhibit.HEIGHT
    if latest.oracle != oracle:
        return Inhibit.OTHER_ORACLE
    if facts.damaged:
        return Inhibit.DAMAGED
    if facts.log is not None and facts.log.replaced:
        return Inhibit.REPLACED
    if latest.until > max(facts.signed_until, latest.opened_ms):
        return Inhibit.JOURNAL_BEHIND
    metered = facts.log if facts.log is not None and facts.log.rental == drill.rental else None
    if metered is not None and not metered.meter.registers.no_lower_than(latest.registers):
        return Inhibit.JOURNAL_BEHIND
    if drill.rental in view.rejections or drill.rental in view.objected:
        return Inhibit.REJECTED
    return None


def drill_problem(  # noqa: PLR0911  # one line a reason
    facts: DrillFacts, now_ms: int, limits: LeaseLimits
) -> Inhibit | None:
    """Why the drill's own reports do not allow a start, if so."""
    if not facts.journal_writable:
        return Inhibit.JOURNAL
    if not facts.journal_has_reserve:
        return Inhibit.DISK_FULL
    if facts.reused:
        return Inhibit.SEQUENCE_REUSED
    if facts.last_sample_ms is None or now_ms - facts.last_sample_ms > limits.sample_age_ms:
        return Inhibit.NO_SAMPLES
    if facts.nonce == NO_NONCE:
        return Inhibit.NO_NONCE
    counted_ms = 0 if facts.log is None else facts.log.until or 0
    if max(facts.last_sample_ms, counted_ms) > now_ms + limits.clock_skew_ms:
        return Inhibit.DRILL_CLOCK
    return None


def decide_lease(  # noqa: PLR0911  # one line a reason
    view: ChainView | None,
    facts: DrillFacts,
    identity: OracleIdentity,
    now_ms: int,
    limits: LeaseLimits,
    *,
    step: ClockStep = ClockStep(),  # a value
) -> Lease | Inhibit:
    """A lease from `now_ms` on, or the first reason against it."""
    if facts.stolen is not False:
        return Inhibit.STOLEN if facts.stolen else Inhibit.THEFT_UNKNOWN
    problem = chain_problem(view, identity, now_ms, limits, step)
    if problem is not None or view is None:
        return problem or Inhibit.STARTING
    problem = rental_problem(view, facts, identity.number) or drill_problem(facts, now_ms, limits)
    if problem is not None:
        return problem
    rental = view.deep[view.drills[facts.drill].rental]
    if facts.settlement_waits_ms > limits.stalled_ms:
        return Inhibit.SETTLEMENT_STALLED
    tariff = view.tariffs.get(rental.tariff)
    if tariff is None or facts.log is None or facts.log.rental != rental.rental:
        return Inhibit.STARTING
    if facts.held_over:
        return Inhibit.NO_STANDSTILL
    if not facts.log.meter.registers.no_lower_than(facts.signed):
        return Inhibit.SIGNED_MORE
    usage = credit(rental, tariff, facts.log.meter.registers, now_ms - step.ahead_ms, limits)
    if usage.headroom <= 0:
        by_caps = usage.headroom + rental.funded - usage.limit > 0
        return Inhibit.CAPPED if by_caps else Inhibit.EXHAUSTED
    return Lease(
        drill=facts.drill,
        rental=rental.rental,
        issued_at=now_ms,
        expires_at=now_ms + limits.lease_ms,
        block_number=view.rested[rental.rental].header.number,
        nonce=facts.nonce,
    )
