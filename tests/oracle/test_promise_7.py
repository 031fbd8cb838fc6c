"""Promise 7, between bridge and oracle: a sample that was acknowledged is never lost, whatever the
broker drops, delays, repeats or swaps, and all come through once it behaves.

The real spool and publisher of the bridge against the real order of the oracle.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from device_builders import DRILL, NONCE, make_sample
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bridge.publisher import SpoolPublisher
from device.bridge.spool import Spool
from oracle.meter.order import RESEND_PAUSE_MS, Arrived, SampleOrder, overdue, take
from oracle.meter.sample_log import LoggedSample
from protocol.messages import decode_samples
from protocol.sample import encode_sample

STEP_MS = 700


class Line:
    """A controller, its bridge, a broker with two queues, and the oracle's journal."""

    def __init__(self, spool: Spool) -> None:
        self.spool, self.publisher = spool, SpoolPublisher(spool)
        self.order, self.journal = SampleOrder(DRILL), set[int]()
        self.ring: list[int] = []
        self.held: set[int] = set()
        self.up: list[bytes] = []
        self.down: list[tuple[int, bool]] = []
        self.next, self.now_ms = 1, 0

    def drill(self, count: int) -> None:
        """The controller takes samples."""
        self.ring += range(self.next, self.next + count)
        self.next += count

    def power_loss(self, count: int) -> None:
        """It loses what is in its ring and the rest of the numbers that it had reserved."""
        self.ring = []
        self.next += count

    def serial(self, skipped: int) -> None:
        """A frame crosses the serial line; those before it are sent again later."""
        crossing = self.ring[skipped : skipped + 4]
        oldest = self.ring[0] if self.ring else self.next
        self.spool.put([make_sample(one) for one in crossing], oldest)
        self.held |= {*crossing}
        self.ring = [one for one in self.ring if one not in crossing]

    def publish(self, _count: int) -> None:
        while (payload := self.publisher.next(self.now_ms, NONCE)) is not None:
            self.up.append(payload)

    def work(self, count: int) -> None:
        """All goes well up to the broker."""
        self.drill(count)
        while self.ring:
            self.serial(0)
        self.publish(0)

    def restart_bridge(self, _count: int) -> None:
        self.publisher = SpoolPublisher(self.spool)

    def drop_oldest(self, count: int) -> None:
        del self.up[:count], self.down[:count]

    def drop_newest(self, count: int) -> None:
        del self.up[len(self.up) - count :], self.down[len(self.down) - count :]

    def repeat(self, count: int) -> None:
        self.up += self.up[:count]
        self.down += self.down[:count]

    def swap(self, _count: int) -> None:
        self.up.reverse()
        self.down.reverse()

    def deliver(self, count: int) -> None:
        """So many messages reach each end."""
        arriving, self.up = self.up[:count], self.up[count:]
        for payload in arriving:
            self._take(payload)
        self.order, again = overdue(self.order, self.now_ms)
        if again:
            self.down.append((self.order.sequence, True))
        words, self.down = self.down[:count], self.down[count:]
        for sequence, resend in words:
            assert self.publisher.journalled(sequence, self.now_ms, resend=resend)
        self.check()

    def _take(self, payload: bytes) -> None:
        message = decode_samples(DRILL, payload)
        samples = tuple(LoggedSample(one, encode_sample(one)) for one in message.samples)
        intake = take(
            self.order, Arrived(DRILL, message.oldest, message.nonce, samples), self.now_ms
        )
        self.order = intake.order
        self.journal |= {one.sample.sequence for one in intake.accepted}
        self.down.append((self.order.sequence, intake.resend))

    def check(self) -> None:
        acknowledged = {one for one in self.held if one <= self.spool.journalled}
        assert acknowledged <= self.journal


DEEDS = (
    *(Line.drill, Line.power_loss, Line.serial, Line.publish, Line.work, Line.restart_bridge),
    *(Line.drop_oldest, Line.drop_newest, Line.repeat, Line.swap, Line.deliver),
)


def lines() -> Iterator[Line]:
    """Two samples to a message, so that a handful of them makes a long resend."""
    with (
        patch("device.bridge.publisher.MAX_SAMPLES_PER_MESSAGE", 2),
        tempfile.TemporaryDirectory() as folder,
        closing(Spool(Path(folder) / "spool", DRILL, 100_000)) as spool,
    ):
        spool._db.execute("PRAGMA synchronous=OFF")  # no power is lost here
        yield Line(spool)


def behave(line: Line) -> None:
    """Everything works for a while."""
    for _ in range(12):
        line.now_ms += RESEND_PAUSE_MS
        line.work(1)
        line.deliver(len(line.up))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 3)), max_size=60))
def test_take__unlucky_broker__nothing_is_acknowledged_that_is_not_journalled(
    story: list[tuple[Callable[[Line, int], None], int]],
) -> None:
    for line in lines():
        for deed, count in story:
            line.now_ms += STEP_MS
            deed(line, count)
            line.check()
        line.up.clear()
        line.down.clear()
        behave(line)
        assert line.held == line.journal


def test_take__broker_keeps_only_the_newest_message__nothing_is_lost() -> None:
    """A full queue that drops its oldest: live samples come through, no resend does."""
    for line in lines():
        for _ in range(30):
            line.now_ms += STEP_MS
            line.work(5)
            del line.up[:-1]
            line.deliver(1)
        behave(line)
        assert line.held == line.journal == {*range(1, line.next)}
