"""Whether meter, journal, chain and audit agree: counted, and with a meter of the soak's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.bench.soak_drill import NOTE

LONGEST_STEP_MS = 200
RPM_MS_PER_REVOLUTION = 60_000

Note = tuple[int, int, int, int, int]
"""A note as `soak_drill.NOTE` holds it."""

Rate = tuple[int, int, int]
"""Price of a second, price of 1000 revolutions, highest rpm that is billed."""


@dataclass(frozen=True, slots=True)
class SoakTerms:
    """Of one rental: Unix s, and prices in the smallest unit."""

    opened_at: int
    ended_at: int
    levels: Sequence[Rate]
    standing: int
    funded: int


@dataclass(frozen=True, slots=True)
class SoakAccount:
    """What somebody says of a rental: samples in its log, active ms and whole revolutions by level,
    and the charge in the smallest unit."""

    samples: int
    active_ms: tuple[int, ...]
    revolutions: tuple[int, ...]
    charge: int


@dataclass(frozen=True, slots=True)
class SoakDrill:
    """One drill and its rental. `sent` are the notes of the drill's own meter."""

    drill: int
    rental: int
    sent: bytes
    sent_sha256: str
    journal_sequences: Sequence[int]
    journal_sha256: str
    late: int
    terms: SoakTerms
    chain: SoakAccount
    audit: SoakAccount


@dataclass(frozen=True, slots=True)
class Drift:
    """Differences, each counted positive and all added up."""

    active_ms: int
    mrev: int
    units: int


@dataclass(frozen=True, slots=True)
class SoakVerdict:
    """`samples` were sent, of which the last readings of their rentals cover `in_rentals`. All
    others must be 0: `altered` drills have other bytes in the journal than they sent."""

    samples: int
    in_rentals: int
    lost: int
    duplicated: int
    altered: int
    meter_to_chain: Drift
    meter_to_audit: Drift
    chain_to_audit: Drift

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing twice, nothing other by a unit."""
        none = Drift(0, 0, 0)
        drifts = (self.meter_to_chain, self.meter_to_audit, self.chain_to_audit)
        return self.samples > 0 == self.lost + self.duplicated + self.altered and all(
            one == none for one in drifts
        )


def own_log(one: SoakDrill) -> list[Note]:
    """What the drill noted of the samples that name the rental."""
    return [note for note in NOTE.iter_unpack(one.sent) if note[1] == one.rental]


def own_account(one: SoakDrill) -> SoakAccount:
    """The bill by the drill's own notes, in integers and with nobody else's code: of as many
    samples that name the rental as its last reading covers."""
    log, terms = own_log(one)[: one.chain.samples], one.terms
    active, rpm_ms = [0, 0, 0], [0, 0, 0]
    rested = running = False
    before_ms = level = rpm = 0
    for time_ms, _, now_level, on, now_rpm in log:
        if running and time_ms - before_ms <= LONGEST_STEP_MS:
            active[level] += time_ms - before_ms
            rpm_ms[level] += (time_ms - before_ms) * min(rpm, terms.levels[level][2])
        rested = rested or not on
        running = rested and bool(on)
        before_ms, level, rpm = time_ms, now_level - 1, now_rpm
    turns = [one // RPM_MS_PER_REVOLUTION for one in rpm_ms]
    thousandths = (terms.ended_at - terms.opened_at) * 1000 * terms.standing
    for number, (per_second, per_1000, _) in enumerate(terms.levels):
        thousandths += active[number] * per_second + turns[number] * per_1000
    return SoakAccount(len(log), tuple(active), tuple(turns), thousandths // 1000)


def _left_out(one: SoakDrill) -> int:
    """Samples of the rental from before its end that its last reading does not cover. All clocks
    are this machine's, and a reading takes a sample for no later than its own time."""
    rest = own_log(one)[one.chain.samples :]
    return sum(time_ms <= one.terms.ended_at * 1000 for time_ms, *_ in rest)


def judge(facts: Iterable[SoakDrill]) -> SoakVerdict:
    """Compare everything with everything."""
    samples = inside = lost = duplicated = altered = 0
    pairs: list[tuple[SoakAccount, SoakAccount, SoakAccount]] = []
    for one in facts:
        sent = len(one.sent) // NOTE.size
        own = own_account(one)
        pairs.append((own, one.chain, one.audit))
        samples, inside = samples + sent, inside + own.samples
        held = {*one.journal_sequences}
        lost += len({*range(1, sent + 1)} - held) + _left_out(one)
        # The journal's key allows a sequence once; what came in twice would be a sample that
        # nobody sent, late, or make a log longer than what was sent.
        duplicated += len(one.journal_sequences) - len(held & {*range(1, sent + 1)}) + one.late
        for theirs in (one.chain, one.audit):
            lost += max(own.samples - theirs.samples, 0)
            duplicated += max(theirs.samples - own.samples, 0)
        altered += one.sent_sha256 != one.journal_sha256
    return SoakVerdict(
        samples,
        inside,
        lost,
        duplicated,
        altered,
        _drift((own, chain) for own, chain, _ in pairs),
        _drift((own, audit) for own, _, audit in pairs),
        _drift((chain, audit) for _, chain, audit in pairs),
    )


def _drift(pairs: Iterable[tuple[SoakAccount, SoakAccount]]) -> Drift:
    """Registers hold whole revolutions, so `mrev` comes in thousands."""
    active_ms = turns = units = 0
    for one, two in pairs:
        active_ms += _apart(one.active_ms, two.active_ms)
        turns += _apart(one.revolutions, two.revolutions)
        units += abs(one.charge - two.charge)
    return Drift(active_ms, turns * 1000, units)


def _apart(one: Sequence[int], two: Sequence[int]) -> int:
    return sum(abs(a - b) for a, b in zip(one, two, strict=True))
