"""How a rental's usage and balance went: from its samples where they are all there, and otherwise
from the readings that settled.

Samples tell when there was drilling, to the tenth of a second; readings only how much there had
been by a time. What is between two readings, in a gap of the samples and after the last reading is
not known, and a course says so. Amounts are integers in the asset's smallest unit, times Unix ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise

from audit.bill.rental_story import MOST_POINTS, Point, SettledReading
from audit.books.arithmetic import MeterWord, Rate, charge, limit
from audit.samples.leaves import extended
from audit.samples.meter import AuditedMeter
from audit.samples.published import Published
from audit.samples.samples import Fields, cut, decodable
from protocol.merkle import Frontier
from protocol.publication import BUNDLE_SAMPLES, RentalIdentity
from protocol.sample import SAMPLE_BYTES

Span = tuple[int, int]

MOST_APART_MS = 3_600_000
"""How far a drill's clock may be ahead of what was settled. Leases end long before that."""


class CourseSource(Enum):
    """What a course is drawn from; of readings, why not from samples."""

    SAMPLES = "samples"
    NOT_GIVEN = "not given"
    NOT_ALL = "not all"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Course:
    """The course of a rental: `count` samples or readings it is drawn from, `unknown` the times of
    which nothing is known or settled."""

    source: CourseSource
    count: int
    points: tuple[Point, ...]
    unknown: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class BalanceTerms:
    """What makes a balance out of registers. `funding` is when funds rose, and to what."""

    opened_at: int
    rates: tuple[Rate, ...]
    standing: int
    per_rental: int
    per_hour: int
    funding: tuple[Span, ...]

    def balance(self, time_ms: int, active_ms: Sequence[int], turns: Sequence[int]) -> int:
        """What is left of the funds at a time."""
        at = max(time_ms, self.opened_at * 1000)
        funded = max((amount for time, amount in self.funding if time <= at), default=0)
        registers = MeterWord(at, tuple(active_ms), tuple(turns))
        due = charge(registers, self.opened_at, self.rates, self.standing)
        return funded - min(
            due, limit(funded, self.per_rental, self.per_hour, at - self.opened_at * 1000)
        )


@dataclass(slots=True)
class Metered:
    """The registers over time, out of samples; bounded, and with the newest always in it.

    `set_back`: the drill's clock was, so that there is no telling when was what.
    """

    times: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)
    set_back: bool = False
    _apart_ms: int = 0
    _sampled_ms: int = 0

    def see(self, time_ms: int, registers: tuple[int, ...]) -> None:
        """Take the next; where nothing moves only the first and the last are kept."""
        times = self.times
        if times:
            time_ms = max(time_ms, times[-1][0])
        still = len(times) > 1 and times[-2][1] == times[-1][1] == registers
        close = len(times) > 1 and times[-1][0] - times[-2][0] < self._apart_ms
        if still or close:
            times.pop()
        times.append((time_ms, registers))
        if len(times) > 2 * MOST_POINTS:
            self._thin()

    def take(self, meter: AuditedMeter, sample: Fields) -> None:
        """Put the next sample into the meter, and take note of what came of it."""
        before, gaps = meter.last, meter.take((sample,))
        self.set_back = self.set_back or sample[1] < self._sampled_ms
        self._sampled_ms = sample[1]
        if meter.last is before:
            return
        if gaps:
            self.gaps.append((gaps[0].last[1], gaps[0].next[1]))
            self.gaps = _joined(self.gaps)
        self.see(sample[1], meter.registers)

    def _thin(self) -> None:
        """Keep points at least so far apart that half of them go."""
        span = self.times[-1][0] - self.times[0][0]
        self._apart_ms = max(2 * self._apart_ms, span // MOST_POINTS, 1)
        kept = self.times[:1]
        for one in self.times[1:-1]:
            if one[0] - kept[-1][0] >= self._apart_ms:
                kept.append(one)
        self.times = [*kept, self.times[-1]]


def meter_samples(
    published: Published, identity: RentalIdentity, reading: SettledReading, rates: Sequence[Rate]
) -> Metered | None:
    """The course that a reading's samples make, or None where they are not those it signs for.

    Raises SourceError.
    """
    meter, found = AuditedMeter(tuple(rpm for _, _, rpm in rates)), Metered()
    found.see(identity.opened_at * 1000, meter.registers)
    size, frontier = reading.settled.args["log_size"], Frontier()
    while frontier.size < size:
        bundle = published.bundle(identity, frontier.size // BUNDLE_SAMPLES)
        content = bundle.content[: (size - bundle.first) * SAMPLE_BYTES]
        if bundle.first != frontier.size or not content:
            return None
        samples, _, _ = decodable(cut(content))
        for sample in samples:
            found.take(meter, sample)
        frontier = extended(frontier, content)
    same_root = "0x" + frontier.root().hex() == reading.settled.args["log_root"]
    return found if same_root and meter.registers == reading.meter.registers else None


def _joined(gaps: list[Span]) -> list[Span]:
    """Those that lie nearest to one another made one, where there are more than can be told apart
    in a drawing."""
    if len(gaps) <= 2 * MOST_POINTS:
        return gaps
    between = sorted(b[0] - a[1] for a, b in pairwise(gaps))
    near, found = between[-MOST_POINTS], gaps[:1]
    for first, last in gaps[1:]:
        if first - found[-1][1] <= near:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def of_samples(
    metered: Metered, terms: BalanceTerms, count: int, settled: Sequence[Point]
) -> Course | None:
    """The course out of samples, up to the last of the settled points.

    Samples have the drill's clock and payments the chain's, which may be a little apart. None where
    the drill's was set back, or was so far ahead that the two do not go into one drawing.
    """
    last = settled[-1].time_ms
    end, registers = metered.times[-1]
    if metered.set_back or end > last + MOST_APART_MS:
        return None
    times = [*metered.times, (max(last, end), registers)]
    return Course(
        CourseSource.SAMPLES, count, tuple(_points(times, terms, last)), tuple(metered.gaps)
    )


def _points(
    times: Sequence[tuple[int, tuple[int, ...]]], terms: BalanceTerms, last: int
) -> Iterator[Point]:
    """The points with their balances, and one more before and at each payment."""
    paid = [time for time, _ in terms.funding[1:]]
    before: tuple[int, ...] = (0,) * 6
    for time, registers in times:
        while paid and paid[0] <= time:
            at = paid.pop(0)
            # In between, usage is as it was at the point before: it cannot be told more closely.
            for moment in (at - 1, at):
                if moment >= times[0][0]:
                    yield _point(moment, before, terms, last)
        yield _point(time, registers, terms, last)
        before = registers


def _point(time_ms: int, registers: tuple[int, ...], terms: BalanceTerms, last: int) -> Point:
    """`last` is the time that is settled: the standing price goes no further."""
    balance = terms.balance(min(time_ms, last), registers[:3], registers[3:])
    return Point(time_ms, registers[:3], balance)


def of_readings(source: CourseSource, settlements: int, settled: Sequence[Point]) -> Course:
    """The course out of settled readings."""
    return Course(source, settlements, tuple(settled), ())


def unsettled(course: Course, end_ms: int) -> Course:
    """The same where readings up to `end_ms` may still settle: after the last nothing is known."""
    last = course.points[-1].time_ms
    if last >= end_ms:
        return course
    return replace(course, unknown=(*course.unknown, (last, end_ms)))
