"""From messages to rental logs: what is durable of each drill, and what it means for its rentals.

State here follows from the journal and can be rebuilt from it at any time; nothing enters a log
that is not durable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from chain.views import Identity, RentalView
from oracle.errors import DamagedError, JournalError
from oracle.intake.rebuild import rebuild, rebuild_closing
from oracle.journal.journal import Journal, Received, SignedMark
from oracle.journal.signed import Bounds
from oracle.meter.live_log import LastSigned, live_log
from oracle.meter.meter import Gap, Triple, highest_rpm
from oracle.meter.order import Arrived, Intake, SampleOrder, overdue, take
from oracle.meter.sample_log import LoggedSample, LogTail, RentalLog
from protocol.records import Reading, RentalState, Tariff

CHECKPOINT_SAMPLES = 6_000
"""Ten minutes of drilling: replaying them at a restart takes a fraction of a second."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """What one intake changed: drills to acknowledge, drills to ask for a resend, gaps."""

    moved: frozenset[int] = frozenset()
    resend: frozenset[int] = frozenset()
    gaps: tuple[tuple[int, Gap], ...] = ()


@dataclass
class Metering:
    """The logs of the rentals that run on this box's drills."""

    journal: Journal
    drills: tuple[int, ...]
    oracle: int
    orders: dict[int, SampleOrder] = field(default_factory=dict)
    logs: dict[int, RentalLog] = field(default_factory=dict)
    marks: dict[int, SignedMark] = field(default_factory=dict)
    rentals: dict[int, RentalView] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    held: dict[int, Identity] = field(default_factory=dict)
    """Rentals of which nothing is signed any more, for the journal is damaged."""
    writable: bool = True
    _doubtful: bool = False
    _waiting: dict[int, tuple[RentalLog, ...]] = field(default_factory=dict)
    """Logs that may be signed while the newest may not; see `live_log`."""

    _closing: dict[int, tuple[tuple[int, int, int], RentalLog]] = field(default_factory=dict)
    _damaged: dict[int, DamagedError] = field(default_factory=dict)
    _max_rpm: dict[int, Triple] = field(default_factory=dict)
    _checkpoint_size: dict[int, int] = field(default_factory=dict)
    _of_drill: dict[int, list[int]] = field(default_factory=dict)
    _overspeed: set[int] = field(default_factory=set)
    _noted: set[int] = field(default_factory=set)
    _asked: set[int] = field(default_factory=set)
    """Drills of which something is missing that was asked for."""

    def start(self) -> None:
        """Read how far each drill's samples are durable; raises JournalError."""
        self.orders = {drill: self.journal.order(drill) for drill in self.drills}

    def intake(self, messages: Sequence[Arrived], now_ms: int) -> Taken:
        """Make new samples durable in one commit, then meter them.

        A journal that cannot be written changes nothing: the samples stay with the bridges.
        """
        self._hold_damaged()
        found = self._reread() if self._doubtful else []
        changed: dict[int, SampleOrder] = {}
        taken: dict[int, list[LoggedSample]] = {}
        late: list[LoggedSample] = []
        moved, resend = set(), set()
        for message in messages:
            drill = message.drill
            intake = take(changed.get(drill, self.orders[drill]), message, now_ms)
            changed[drill] = intake.order
            moved.add(drill)
            if intake.resend:
                resend.add(drill)
            taken.setdefault(drill, []).extend(intake.accepted)
            late.extend(intake.late)
            self._report(drill, intake)
        for drill in self._asked | changed.keys():
            changed[drill], again = overdue(changed.get(drill, self.orders[drill]), now_ms)
            if again:
                resend.add(drill)
        if not self._write(Received([one for some in taken.values() for one in some], late)):
            return Taken()
        self.orders |= changed
        self._asked -= changed.keys()
        self._asked |= {drill for drill, one in changed.items() if one.asked_ms is not None}
        gaps = found + [
            gap for drill, samples in taken.items() for gap in self._append(drill, samples)
        ]
        return Taken(frozenset(moved), frozenset(resend), tuple(gaps))

    def _write(self, received: Received) -> bool:
        if received.accepted or received.late:
            try:
                self.journal.add_samples(received)
            except JournalError as error:
                self.fail(error)
                self._doubtful = True
                return False
            self.writable = True
        return True

    def _reread(self) -> list[tuple[int, Gap]]:
        """After a failed write: a commit may be durable although its answer was lost, as with a
        server whose connection breaks. What the journal holds by now is metered, and not taken
        again."""
        gaps = []
        try:
            for drill, known in self.orders.items():
                order = self.journal.order(drill)
                if order.sequence > known.sequence:
                    samples = [*self.journal.samples_after(drill, known.sequence)]
                    latest_ms = max(order.time_ms, known.time_ms, known.latest_ms)
                    self.orders[drill] = replace(
                        order, latest_ms=latest_ms, asked_ms=known.asked_ms
                    )
                    gaps += self._append(drill, samples)
        except JournalError as error:
            self.fail(error)
        else:
            self._doubtful = False
        return gaps

    def fail(self, error: JournalError) -> None:
        """Note that the journal could not be written; said once until it works again."""
        if self.writable:
            log.error("journal not writable", reason=str(error))
        self.writable = False

    def _report(self, drill: int, intake: Intake) -> None:
        if intake.hole_accepted is not None:
            first, last = intake.hole_accepted
            log.warning("samples missing for good", drill=drill, first=first, last=last)
        if intake.reused:
            if drill not in self.reused:
                log.error("sample sequence reused", drill=drill, sequence=intake.order.sequence)
            self.reused.add(drill)
        elif intake.accepted:
            self.reused.discard(drill)

    def _append(self, drill: int, samples: Sequence[LoggedSample]) -> list[tuple[int, Gap]]:
        found = []
        for rental in self._of_drill.get(drill, ()) if samples else ():
            if self.rentals[rental].ended_ms is not None:
                continue
            self._report_overspeed(rental, samples)
            self.logs[rental], gaps = self.logs[rental].extend(samples)
            found += [(rental, gap) for gap in gaps]
            self._note_replaced(rental)
            self._checkpoint(rental)
        return found

    def _note_replaced(self, rental: int) -> None:
        """Remember, before anything of it is forgotten by a checkpoint, that the rental goes on
        with another board: nothing starts in it any more."""
        known = self.logs[rental]
        if not known.replaced or rental in self._noted:
            return
        try:
            self.journal.note_replaced(rental, known.sequence)
        except JournalError as error:
            self.fail(error)
            return
        self._noted.add(rental)
        log.error(
            "controller replaced",
            rental=rental,
            drill=self.rentals[rental].drill,
            sequence=known.sequence,
            reason="the odometer has fallen: end the rental, it is billed up to its last sample",
        )

    def _report_overspeed(self, rental: int, samples: Sequence[LoggedSample]) -> None:
        """Said once a rental: a tariff for another machine, or a sensor that is wrong."""
        if rental in self._overspeed:
            return
        limits = self.logs[rental].max_rpm
        for sample in (one.sample for one in samples):
            ours = sample.rental == rental and sample.motor_on
            if ours and sample.rpm > limits[sample.level - 1]:
                self._overspeed.add(rental)
                log.warning(
                    "speed above the tariff's highest",
                    drill=sample.drill,
                    rental=rental,
                    level=sample.level,
                    rpm=sample.rpm,
                    billed_rpm=limits[sample.level - 1],
                )
                return

    def _checkpoint(self, rental: int) -> None:
        size = self.logs[rental].frontier.size
        if size - self._checkpoint_size.get(rental, 0) >= CHECKPOINT_SAMPLES:
            self.checkpoint(rental)

    def checkpoint(self, rental: int) -> None:
        """Remember where a rental's log is, to replay from there."""
        try:
            self.journal.add_checkpoint(self.logs[rental])
            self.journal.signed.forget_settled(self.rentals[rental])
        except JournalError as error:
            self.fail(error)
            return
        self._checkpoint_size[rental] = self.logs[rental].frontier.size

    def follow(self, deep: Mapping[int, RentalView], tariffs: Mapping[int, Tariff]) -> None:
        """Take up new rentals, cut ended ones, drop those that closed or vanished.

        A rental whose tariff has not been read yet waits for the next time.

        Raises JournalError when a log cannot be rebuilt.
        """
        mine = {
            rental: view
            for rental, view in deep.items()
            if view.drill in self.drills
            and view.oracle == self.oracle
            and view.state is not RentalState.CLOSED
            and view.tariff in tariffs
        }
        try:
            self._drop_all_but(mine, deep)
            self._take_up(mine, tariffs)
        finally:
            # Also when the journal failed half-way: what was dropped has no log any more.
            self._of_drill = {}
            for rental, view in self.rentals.items():
                self._of_drill.setdefault(view.drill, []).append(rental)

    def _drop_all_but(self, mine: Mapping[int, RentalView], deep: Mapping[int, RentalView]) -> None:
        for rental in [*self.rentals]:
            if rental not in mine:
                known = deep.get(rental)
                if known is not None and known.state is RentalState.CLOSED:
                    self.journal.forget_closed(known)
                self._drop(rental)

    def _take_up(self, mine: Mapping[int, RentalView], tariffs: Mapping[int, Tariff]) -> None:
        """The logs of new rentals, and of those that have ended or not ended after all."""
        self.held = {
            rental: known
            for rental, known in self.held.items()
            if rental in mine and mine[rental].identity == known
        }
        mine = {rental: view for rental, view in mine.items() if rental not in self.held}
        new = [
            view
            for rental, view in mine.items()
            if rental not in self.rentals or self.rentals[rental].identity != view.identity
        ]
        marks = self.journal.know_rentals(new)
        for rental, view in mine.items():
            self._max_rpm[rental] = highest_rpm(tariffs[view.tariff])
            try:
                if rental in marks:
                    self.logs[rental] = self._rebuild(view)
                    self.marks[rental] = marks[rental]
                    self._waiting.pop(rental, None)
                    log.info("rental taken up", rental=rental, drill=view.drill)
                elif self.rentals[rental].ended_ms != view.ended_ms:
                    self.logs[rental] = self._rebuild(view)
                    self._closing.pop(rental, None)
                    self._waiting.pop(rental, None)
            except DamagedError as error:
                self._hold(view, error)
                continue
            self.rentals[rental] = view
            self._note_replaced(rental)

    def _hold_damaged(self) -> None:
        damaged, self._damaged = self._damaged, {}
        for rental, error in damaged.items():
            if rental in self.rentals:
                self._hold(self.rentals[rental], error)
                for rentals in self._of_drill.values():
                    if rental in rentals:
                        rentals.remove(rental)

    def _hold(self, view: RentalView, error: DamagedError) -> None:
        """Sign nothing more for a rental: what it could be made of is not what came."""
        log.error("rental held", rental=view.rental, drill=view.drill, reason=str(error))
        self._drop(view.rental)
        self.held[view.rental] = view.identity

    def _drop(self, rental: int) -> None:
        kept: tuple[dict[int, Any], ...] = (
            *(self.rentals, self.logs, self.marks, self._waiting, self._closing),
            *(self._max_rpm, self._checkpoint_size),
        )
        for known in kept:
            known.pop(rental, None)
        self._overspeed.discard(rental)
        self._noted.discard(rental)

    def _rebuild(self, view: RentalView) -> RentalLog:
        """The log of all that names the rental, by the newest checkpoint."""
        rebuilt, size = rebuild(self.journal, view, self._max_rpm[view.rental])
        self._checkpoint_size[view.rental] = size
        return rebuilt

    def final_reading(
        self, rental: int, chain_ms: int, wait_ms: int, ahead_ms: int
    ) -> Reading | None:
        """The reading that closes an ended rental, once its last samples are surely here.

        They are when one has come that is later than the end or of a later rental, or when
        `wait_ms` passed since the end. `ahead_ms` is how far the drill's clock is ahead of the
        chain's, which says `chain_ms` (Unix ms). Raises JournalError.
        """
        view = self.rentals[rental]
        if view.ended_ms is None:
            return None
        signed = self.journal.signed.find(rental, view.ended_ms)
        if signed is not None:
            return signed
        order, last_ms = self.orders[view.drill], view.ended_ms + ahead_ms
        complete = order.rental > rental or order.time_ms > last_ms
        if not complete and chain_ms - view.ended_ms < wait_ms:
            return None
        try:
            return self.closing(rental, ahead_ms).reading(view.ended_ms)
        except DamagedError as error:
            self._damaged[rental] = error
            return None

    def closing(self, rental: int, ahead_ms: int) -> RentalLog:
        """The log of an ended rental as its closing reading covers it, by what is here now; raises
        JournalError."""
        view = self.rentals[rental]
        if view.ended_ms is None:
            raise ValueError(f"rental {rental} has not ended")
        last_ms = view.ended_ms + ahead_ms
        key = self.orders[view.drill].sequence, view.ended_ms, last_ms
        known = self._closing.get(rental)
        if known is not None and known[0] == key:
            return known[1]
        found = rebuild_closing(self.journal, view, self._max_rpm[rental], view.ended_ms, last_ms)
        self._closing[rental] = key, found
        self.logs[rental] = found
        return found

    def live_reading(self, rental: int, latest_ms: int, ahead_ms: int) -> Reading | None:
        """The newest reading that can be dated by the chain up to `latest_ms` (Unix ms), or None
        when there is nothing new to sign; `ahead_ms` as in `final_reading`."""
        mark, opened_ms = self.marks[rental], self.rentals[rental].opened_ms
        found = live_log(
            self.logs[rental],
            self._waiting.get(rental, ()),
            LastSigned(max(mark.until, opened_ms), mark.log_size, mark.registers),
            latest_ms=latest_ms,
            ahead_ms=ahead_ms,
        )
        self._waiting[rental] = found.waiting
        return found.reading

    def covers(self, latest: RentalView) -> bool:
        """Whether the journal knows of all that has settled for one of `rentals`, as `latest` shows
        it: what is signed without that could be held against the box."""
        rental, opened_ms = latest.rental, self.rentals[latest.rental].opened_ms
        metered = self.logs[rental].meter.registers
        return latest.until <= max(self.marks[rental].until, opened_ms) and metered.no_lower_than(
            latest.registers
        )

    def newest_signed(self, rental: int) -> Reading | None:
        """The newest reading that was signed for the rental; None while there is none."""
        return self.journal.signed.find(rental, self.marks[rental].until)

    def tail(self, reading: Reading) -> LogTail | None:
        """The newest samples under a reading's root; None when the log has moved on since, or has
        none after a restart."""
        for known in (self.logs[reading.rental], *self._waiting.get(reading.rental, ())):
            fits = known.frontier.size == reading.log_size and known.tail.runs
            if fits and known.frontier.root() == reading.log_root:
                return known.tail
        return None

    def bounds(self, readings: Sequence[Reading]) -> dict[int, Bounds]:
        """What each of these readings must keep to, by rental."""
        return {
            one.rental: Bounds(
                self.logs[one.rental].max_rpm,
                closing=self.rentals[one.rental].ended_ms == one.until,
            )
            for one in readings
        }

    def signed(self, readings: Sequence[Reading]) -> None:
        """Move the marks of what was signed; they are durable already."""
        for reading in readings:
            if reading.until >= self.marks[reading.rental].until:
                self.marks[reading.rental] = SignedMark(
                    reading.until, reading.log_size, reading.registers
                )

    def stop(self) -> None:
        """Leave a checkpoint of every log for a quick start."""
        for rental in self.logs:
            self.checkpoint(rental)
