"""A rental's sample log: meter and Merkle frontier, advanced together.

The log of a rental is the samples that name it, in sequence order: the controller says whose they
are, by the lease that it acted under, and no clock decides about it. Every one of them is a leaf,
also one that the meter ignores. Which of them a closing reading covers is in `closing_log`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from oracle.meter.meter import Gap, MeterState, Triple, advance
from protocol.merkle import Frontier
from protocol.messages import MAX_LOG_SAMPLES
from protocol.records import Reading
from protocol.sample import Sample


@dataclass(frozen=True, slots=True)
class LoggedSample:
    """A sample and the 96 bytes it came in."""

    sample: Sample
    raw: bytes


@dataclass(frozen=True, slots=True)
class LogTail:
    """The newest leaves of a log in runs, oldest first: what was there before, and 96 bytes each.

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
    """Everything that a reading of one rental is made of; `sequence` is the last leaf's, and no
    sample up to it is taken. The controller was `replaced` if the odometer in its samples has
    fallen since the first one."""

    rental: int
    max_rpm: Triple
    meter: MeterState = field(default_factory=MeterState)
    frontier: Frontier = field(default_factory=Frontier)
    sequence: int = 0
    replaced: bool = False
    tail: LogTail = field(default=LogTail(), compare=False, repr=False)

    @property
    def until(self) -> int | None:
        """Time of the last counted sample, Unix ms; None while there is none."""
        return None if self.meter.last is None else self.meter.last.time_ms

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
            if sample.sequence <= sequence or sample.rental != self.rental:
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
        """The reading of this log at `until` (Unix ms, the chain's time)."""
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
