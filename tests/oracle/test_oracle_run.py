"""What the daemon's threads do with their failures."""

from __future__ import annotations

from threading import Event
from typing import Any, cast

from structlog.testing import capture_logs

from oracle.run import _publishing_loop
from oracle.samples.publisher import SamplePublisher


class Steps:
    """A publisher that does so many steps and then something else."""

    def __init__(self, stop: Event, last: Any) -> None:
        self.stop, self.last, self.done = stop, last, 0

    def step(self) -> bool:
        self.done += 1
        if self.done < 4:
            return True
        return bool(self.last())


def test_publishing_loop__more_to_do__does_not_wait_for_the_period() -> None:
    stop = Event()
    steps = Steps(stop, lambda: stop.set() or False)
    _publishing_loop(cast(SamplePublisher, steps), 3600, stop)

    assert steps.done == 4


def test_publishing_loop__defect__said_and_the_daemon_goes_on() -> None:
    stop = Event()
    with capture_logs() as logs:
        _publishing_loop(cast(SamplePublisher, Steps(stop, lambda: {}["nothing"])), 1, stop)

    assert [one["event"] for one in logs] == ["publication stopped by a defect"]
    assert not stop.is_set()
