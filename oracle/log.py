"""A rental's sample log: meter and Merkle frontier, advanced together.

The log of a rental is its drill's samples dated from `opened_ms` on, up to `ended_ms` once the
rental has ended, in sequence order. Every one of them is a leaf, also one that the meter ignores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from oracle.meter import Gap, MeterState, Triple, advance
from protocol.merkle import Frontier
from protocol.messages import MAX_LOG_SAMPLES
from protocol.records import Reading
from protocol.sample import Sample

KEPT_STATES = 200
"""States of a log that wait for the box's clock to reach them: 20 s of samples, more than a drill's
clock may be ahead before its starts are inhibited."""


@dataclass(frozen=True, slots=True)
class LoggedSample:
    """A sample and the 88 bytes it came in."""

    sample: Sample
    raw: bytes


@dataclass(frozen=True, slots=True)
class LogTail:
    """The newest leaves of a log in runs, oldest first: what was there before, and 88 bytes each.

    Leaves are kept as they came, so that nothing is hashed twice; no more than MAX_LOG_SAMPLES.
    """

    runs: tuple[tuple[Frontier, tuple[bytes, ...]], ...] = ()

    @property
    def before(self) -> Frontier:
        """What the log was before its newest leaves."""
        return self.runs[0][0] if self.runs else Frontier()

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """The newest leaves, oldest first."""
        return tuple(leaf for _, run in self.runs for leaf in run)

    def then(self, before: Frontier, leaves: tuple[bytes, ...]) -> LogTail:
        """The tail after one more run, with the oldest dropped that are too many."""
        runs, count = [(before, leaves)], len(leaves)
        for run in reversed(self.runs):
            count += len(run[1])
            if count > MAX_LOG_SAMPLES:
                break
            runs.append(run)
        return LogTail(tuple(reversed(runs)))


@dataclass(frozen=True, slots=True)
class RentalLog:
    """Everything that a reading of one rental is made of; `sequence` is the last leaf's. The
    controller was `replaced` if the odometer in its samples has fallen since the first one."""

    rental: int
    opened_ms: int
    max_rpm: Triple
    ended_ms: int | None = None
    meter: MeterState = field(default_factory=MeterState)
    frontier: Frontier = field(default_factory=Frontier)
    sequence: int = 0
    replaced: bool = False
    tail: LogTail = field(default=LogTail(), compare=False, repr=False)

    @property
    def until(self) -> int | None:
        """Time of the last counted sample, Unix ms; None while there is none."""
        return None if self.meter.last is None else self.meter.last.time_ms

    def covers(self, time_ms: int) -> bool:
        """Whether a sample of that time belongs to this rental."""
        if time_ms < self.opened_ms:
            return False
        return self.ended_ms is None or time_ms <= self.ended_ms

    def append(self, logged: LoggedSample) -> tuple[RentalLog, Gap | None]:
        """The log after one more sample of the drill; the same log if it does not belong."""
        log, gaps = self.extend((logged,))
        return log, gaps[0] if gaps else None

    def extend(self, samples: Iterable[LoggedSample]) -> tuple[RentalLog, list[Gap]]:
        """The log after samples in sequence order, and the gaps among them."""
        meter, sequence, replaced = self.meter, self.sequence, self.replaced
        leaves: list[bytes] = []
        gaps: list[Gap] = []
        for logged in samples:
            sample = logged.sample
            if sample.sequence <= sequence or not self.covers(sample.time_ms):
                continue
            replaced = replaced or _other_odometer(meter.last, sample)
            meter, gap = advance(meter, sample, self.max_rpm)
            sequence = sample.sequence
            leaves.append(logged.raw)
            if gap is not None:
                gaps.append(gap)
        if not leaves:
            return self, []
        before = self.frontier.extend(leaves[:-MAX_LOG_SAMPLES])
        newest = tuple(leaves[-MAX_LOG_SAMPLES:])
        grown = replace(
            self,
            meter=meter,
            frontier=before.extend(newest),
            sequence=sequence,
            replaced=replaced,
            tail=self.tail.then(before, newest),
        )
        return grown, gaps

    def reading(self, until: int) -> Reading:
        """The reading at `until` (Unix ms), which no sample after this log may precede."""
        return Reading(
            rental=self.rental,
            until=until,
            registers=self.meter.registers,
            log_size=self.frontier.size,
            log_root=self.frontier.root(),
        )


def _other_odometer(last: Sample | None, sample: Sample) -> bool:
    """Whether a later sample is of another board: an odometer counts from manufacture on."""
    if last is None or sample.time_ms < last.time_ms:
        return False
    return not sample.odometer.no_lower_than(last.odometer)


def signable(states: Sequence[RentalLog], newest: RentalLog, now_ms: int) -> tuple[RentalLog, ...]:
    """The states of one log that may be signed now or as time passes, oldest first.

    A controller's clock can run a little ahead of the box's, which never sets it back. What its
    samples say may be signed once the box's own clock has come so far.
    """
    dated = [one for one in (*states, newest) if one.until is not None]
    past = [one for one in dated if one.until is not None and one.until <= now_ms]
    ahead = [one for one in dated if one.until is not None and one.until > now_ms]
    return (*past[-1:], *ahead[:KEPT_STATES])
