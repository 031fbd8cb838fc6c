"""The chain's time as this box can know it: by the newest blocks as they arrive.

Three clocks date what happens and none need agree: the chain's blocks, the box, and the drill,
whose samples carry its own time. A bill is dated by the chain alone. So the box measures how far
each drill's clock is ahead of the chain, and takes that off the date of its samples. What is
compared is taken at the moment when it arrives, on a clock of the machine that nobody sets: a block
or a sample is never seen before it was made, so the one that arrived soonest tells most. What stays
is the shortest time that a block took to get here, by which all dates are late alike, openings and
ends included: the time between two of them is true.

    ahead(drill) = the drill's time now - the chain's time now
    date of a sample = its time - ahead(drill)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from protocol.sample import Sample

HEADS_KEPT = 64
"""Blocks of which the one that arrived soonest counts: a minute of a fast chain, thirteen of
Ethereum. A clock of 50 ppm strays by 40 ms meanwhile."""

HEARD_MS = 30_000
"""A drill's clock is told by what arrived soonest in this time and the one before it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by the box's clock (Unix ms) and by one that only runs on (ms)."""

    now_ms: int
    monotonic_ms: int


@dataclass(slots=True)
class _Heard:
    """How far a drill's time was over the monotonic clock at most, in this period and the last;
    and the newest sample's sequence and time."""

    sequence: int
    time_ms: int
    since_ms: int
    most_ms: int
    before_ms: int | None = None

    def take(self, sample: Sample, monotonic_ms: int) -> None:
        over_ms = sample.time_ms - monotonic_ms
        if sample.time_ms < self.time_ms:  # its clock was set back: nothing of before holds
            self.since_ms, self.most_ms, self.before_ms = monotonic_ms, over_ms, None
        elif monotonic_ms - self.since_ms >= HEARD_MS:
            idle = monotonic_ms - self.since_ms >= 2 * HEARD_MS
            self.before_ms = None if idle else self.most_ms
            self.since_ms, self.most_ms = monotonic_ms, over_ms
        self.most_ms = max(self.most_ms, over_ms)
        self.sequence, self.time_ms = sample.sequence, sample.time_ms

    def most(self, monotonic_ms: int) -> int | None:
        """None when nothing was heard for so long that it says nothing any more."""
        if monotonic_ms - self.since_ms >= 2 * HEARD_MS:
            return None
        return self.most_ms if self.before_ms is None else max(self.most_ms, self.before_ms)


@dataclass
class ChainClock:
    """What was seen of blocks and samples as they came. No I/O: the time comes with each call."""

    _heads: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=HEADS_KEPT))
    """Of the newest blocks: time (Unix ms), and how far that was over the monotonic clock at the
    first look."""

    _looks: int = 0
    _heard: dict[int, _Heard] = field(default_factory=dict)

    def look(self, head_ms: int, moment: Moment) -> None:
        """The newest block has this time (Unix ms). One seen before says nothing new."""
        if self._heads and self._heads[-1][0] == head_ms:
            return
        self._heads.append((head_ms, head_ms - moment.monotonic_ms))
        self._looks += 1

    def hear(self, sample: Sample, moment: Moment) -> None:
        """A sample has arrived; one that is no newer than those before says nothing."""
        known = self._heard.get(sample.drill)
        if known is None:
            over_ms = sample.time_ms - moment.monotonic_ms
            self._heard[sample.drill] = _Heard(
                sample.sequence, sample.time_ms, moment.monotonic_ms, over_ms
            )
        elif sample.sequence > known.sequence:
            known.take(sample, moment.monotonic_ms)

    @property
    def has_seen_a_block_arrive(self) -> bool:
        """Whether a block came since the start; the first one seen may be of any age."""
        return self._looks > 1

    def chain_ms(self, moment: Moment) -> int | None:
        """The chain's time, Unix ms; None before the first block."""
        if not self._heads:
            return None
        return moment.monotonic_ms + max(over_ms for _, over_ms in self._heads)

    def box_ahead_ms(self, moment: Moment) -> int | None:
        """How far the box's clock is ahead of the chain, negative behind; None before the first
        block."""
        chain_ms = self.chain_ms(moment)
        return None if chain_ms is None else moment.now_ms - chain_ms

    def drill_over_box_ms(self, drill: int, moment: Moment) -> int:
        """How far the drill's clock is ahead of the box's, which sets it forward and hardly ever
        back; 0 when it is not, or nothing was heard of it."""
        known = self._heard.get(drill)
        most_ms = None if known is None else known.most(moment.monotonic_ms)
        return 0 if most_ms is None else max(0, moment.monotonic_ms + most_ms - moment.now_ms)

    def drill_ahead_ms(self, drill: int, moment: Moment) -> int | None:
        """How far the drill's clock is ahead of the chain; None before the first block."""
        box_ms = self.box_ahead_ms(moment)
        return None if box_ms is None else box_ms + self.drill_over_box_ms(drill, moment)


@dataclass(frozen=True, slots=True)
class Times:
    """What all clocks say at one moment, of a box that has seen a block."""

    clock: ChainClock
    moment: Moment

    @property
    def now_ms(self) -> int:
        """The box's clock, Unix ms."""
        return self.moment.now_ms

    @property
    def chain_ms(self) -> int:
        """The chain's time, Unix ms."""
        return _known(self.clock.chain_ms(self.moment))

    def ahead_ms(self, drill: int) -> int:
        """How far the drill's clock is ahead of the chain's."""
        return _known(self.clock.drill_ahead_ms(drill, self.moment))


def _known(value: int | None) -> int:
    if value is None:
        raise ValueError("no block was seen yet")
    return value
