"""The running program: waits for receivers, opens those that have gone, lets drills be followed."""

from __future__ import annotations

import select
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import structlog

from host.clock import Clock, SystemClock
from host.clock_sync import clock_is_synchronised
from host.process_lock import ProcessLock
from host.stopping import stop_signals
from host.text_files import read_text
from position.errors import ReceiverError
from position.follower import FenceFollower
from position.places import PlaceFile
from position.receivers import Receiver, open_receiver
from position.records import Records
from position.settings import PositionSettings, WatchedDrill

STEP_MS = 500
"""The longest pause between two steps."""

MANY_LINES = 10
"""A receiver that says so many lines which make no sense is reported, and at ten times as many."""

RETRY_MS = 5_000
"""A receiver that is away is tried again so often, for as long as the program runs."""

EXPIRE_MS = 600_000
DAY_MS = 86_400_000

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

log = structlog.get_logger()


def boot_of_machine() -> str:
    """What names this start of the machine; raises FileError."""
    return read_text(BOOT_ID, "boot id").strip()


@dataclass
class Watched:
    """A drill with its receiver, while that is open."""

    settings: WatchedDrill
    follower: FenceFollower
    receiver: Receiver | None = None
    tried_ms: int | None = None
    said: str = ""
    told_from: int = MANY_LINES

    def open(self, monotonic_ms: int) -> None:
        """Open the receiver, if it is time to try."""
        if self.receiver is not None:
            return
        if self.tried_ms is not None and monotonic_ms - self.tried_ms < RETRY_MS:
            return
        self.tried_ms = monotonic_ms
        try:
            self.receiver = open_receiver(self.settings.receiver)
        except ReceiverError as error:
            self._away(error)
            return
        self.said, self.told_from = "", MANY_LINES
        log.info("receiver open", drill=self.settings.number)

    def read(self) -> None:
        """Take what the receiver has said."""
        if self.receiver is None:
            return
        try:
            reports = self.receiver.read()
        except ReceiverError as error:
            self.close()
            self._away(error)
            return
        for report in reports:
            self.follower.hear(report)
        if self.receiver.dropped >= self.told_from:
            log.warning("lines dropped", drill=self.settings.number, count=self.receiver.dropped)
            self.told_from = self.receiver.dropped * 10

    def close(self) -> None:
        """Close the receiver."""
        if self.receiver is not None:
            self.receiver.close()
            self.receiver = None

    def _away(self, error: ReceiverError) -> None:
        self.follower.silent()
        if str(error) != self.said:
            self.said = str(error)
            log.warning("receiver away", drill=self.settings.number, reason=self.said)


@dataclass
class Keeper:
    """Deletes what has been kept for long enough."""

    settings: PositionSettings
    records: Records
    places: PlaceFile
    clock: Clock
    _done_ms: int | None = None

    def step(self) -> None:
        """Delete, if it is time. With a clock that nothing keeps in step nothing is deleted: it may
        have jumped by years."""
        monotonic_ms = self.clock.monotonic_ms()
        if self._done_ms is not None and monotonic_ms - self._done_ms < EXPIRE_MS:
            return
        self._done_ms = monotonic_ms
        if clock_is_synchronised() is False:
            log.warning("nothing deleted", reason="nothing keeps this machine's clock in step")
            return
        now_ms, privacy = self.clock.now_ms(), self.settings.privacy
        places = self.places.expire(now_ms - privacy.place_days * DAY_MS)
        entries = self.records.expire(now_ms - privacy.record_days * DAY_MS)
        if places or entries:
            log.info("retention is over", places=places, entries=entries)


def run(settings: PositionSettings) -> None:
    """Watch until SIGTERM; raises a HostError when it cannot start, or can no longer write."""
    lock = ProcessLock(settings.folder / "lock")
    clock = SystemClock()
    records, places = Records(settings.folder), PlaceFile(settings.folder)
    try:
        watched = _watched(settings, records, places, clock)
        with stop_signals() as stop:
            log.info("watching", drills=[one.number for one in settings.drills])
            _loop(watched, Keeper(settings, records, places, clock), stop)
    finally:
        records.close()
        places.close()
        lock.close()
    log.info("no longer watching")


def _watched(
    settings: PositionSettings, records: Records, places: PlaceFile, clock: Clock
) -> list[Watched]:
    boot, limits = boot_of_machine(), settings.fence.limits()
    found = []
    for drill in settings.drills:
        follower = FenceFollower(drill.number, records, places, clock, boot, limits)
        follower.start()
        found.append(Watched(drill, follower))
    return found


def _loop(watched: list[Watched], keeper: Keeper, stop: Event) -> None:
    seen: tuple[int, int] | None = None
    try:
        while not stop.is_set():
            changed = keeper.records.version(), keeper.places.version()
            for one in watched:
                if changed != seen:
                    one.follower.look_again()
                one.open(keeper.clock.monotonic_ms())
            seen = changed
            for one in _ready(watched, stop):
                one.read()
            for one in watched:
                one.follower.stand()
            keeper.step()
    finally:
        for one in watched:
            one.close()


def _ready(watched: list[Watched], stop: Event) -> list[Watched]:
    """Wait for receivers that have said something; all of the time where there is none."""
    poll = select.poll()
    found = {one.receiver.fileno(): one for one in watched if one.receiver is not None}
    if not found:
        stop.wait(STEP_MS / 1000)
        return []
    for descriptor in found:
        poll.register(descriptor, select.POLLIN)
    return [found[descriptor] for descriptor, _ in poll.poll(STEP_MS)]
