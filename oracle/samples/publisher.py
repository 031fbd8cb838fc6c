"""Publishes sample logs and receipts as static files, in a thread of its own.

What is left to do follows from the journal and the folder; what is remembered between two steps
only spares reading them again. A folder that cannot be written holds up nothing but itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from host.errors import PublicationError
from host.static_files import StaticFiles
from oracle.errors import DamagedError, JournalError, PublishedDiffersError
from oracle.samples.extent import LogExtent
from oracle.samples.extent_journal import ExtentJournal, LogRow
from oracle.samples.publication import (
    Held,
    Remove,
    Write,
    cut,
    is_whole,
    next_bundle,
    next_reading,
    part_agrees,
    published_reading,
    sealed_bundles,
    stale_parts,
)
from protocol.errors import RecordError
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    MAX_READING_BYTES,
    READING_FILE,
    PublishedReading,
    bundle_file,
    contract_folder,
    parse_published_reading,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES

WRITES_PER_STEP = 8
"""Three megabytes at most: between two steps a stop is noticed."""

log = structlog.get_logger()


@dataclass
class SamplePublisher:
    """Brings the folder up to the journal; `step` does a bounded part of it."""

    journal: ExtentJournal
    files: StaticFiles
    domain: Domain
    oracle: int
    _due: list[LogExtent] = field(default_factory=list)
    _looked: bool = False
    _held: dict[int, tuple[LogExtent, Held]] = field(default_factory=dict)
    _failing: str | None = None
    _differs: dict[int, str] = field(default_factory=dict)

    def step(self) -> bool:
        """Write a little; returns whether there is more to do before the next period."""
        try:
            if not self._due:
                self._due = self._list()
            if self._due and not self._advance(self._due[0]):
                del self._due[0]
        except (PublicationError, JournalError) as error:
            self._fail(error)
            return False
        self._recover()
        return bool(self._due)

    def folder(self, extent: LogExtent) -> str:
        """A rental's folder under the root."""
        return f"{contract_folder(self.domain)}/{extent.identity.folder()}"

    def _list(self) -> list[LogExtent]:
        """The rentals whose log can still grow; at first also those that the folder lacks."""
        if self._looked:
            unfinished = self.journal.extents(unfinished=True)
        else:
            unfinished = [
                one
                for one in self.journal.extents()
                if one.log_size is None or not is_whole(self._files(one), one.log_size)
            ]
            self._looked = True
        numbers = {one.rental for one in unfinished}
        for gone in self._held.keys() - numbers:
            del self._held[gone]
        return unfinished

    def _files(self, extent: LogExtent) -> dict[str, int]:
        return self.files.files(self.folder(extent))

    def _advance(self, extent: LogExtent) -> bool:
        """Write what is due for one rental; returns whether there is more."""
        try:
            more = self._publish(extent)
        except (PublishedDiffersError, DamagedError) as error:
            self._held.pop(extent.rental, None)
            self._say_differs(extent.rental, str(error))
            return False
        except (PublicationError, JournalError):
            self._held.pop(extent.rental, None)
            raise
        self._differs.pop(extent.rental, None)
        return more

    def _publish(self, extent: LogExtent) -> bool:
        held = self._remembered(extent) or self._look(extent)
        for _ in range(WRITES_PER_STEP):
            held, tail = self._tail(extent, held)
            due = next_bundle(held, tail) or next_reading(held, self._newest(extent, held))
            if due is None:
                self._finish(extent, held)
                break
            self._apply(self.folder(extent), due)
            held = due.held
        self._held[extent.rental] = (extent, held)
        return due is not None

    def _remembered(self, extent: LogExtent) -> Held | None:
        """What the last step left, unless the rental or its end is another one by now."""
        known, held = self._held.get(extent.rental, (None, None))
        if known is None or known.identity != extent.identity:
            return None
        return held if known.ended_ms == extent.ended_ms else None

    def _apply(self, folder: str, due: Write | Remove) -> None:
        if isinstance(due, Write):
            self.files.write(folder, due.name, due.content)
        else:
            self.files.remove(folder, due.name)

    def _tail(self, extent: LogExtent, held: Held) -> tuple[Held, Sequence[LogRow]]:
        """The final samples after the sealed bundles, and from where to look for them next time:
        before a log's first sample there may be years of others."""
        newest = self.journal.newest_sequence(extent.identity.drill)
        rows = self.journal.samples(extent, held.after, BUNDLE_SAMPLES)
        if held.sealed == 0:
            before = rows[0].sequence - 1 if rows else newest
            held = replace(held, after=max(held.after, before))
        # Asked after the samples: what came later than the final reading is not among its own.
        log_size = self.journal.certain_size(extent)
        tail = cut(rows, held.sealed * BUNDLE_SAMPLES, log_size)
        return held, tail

    def _newest(self, extent: LogExtent, held: Held) -> PublishedReading | None:
        signed = self.journal.newest_reading(extent, held.log_size)
        return published_reading(self.domain, extent.identity.drill, self.oracle, signed)

    def _finish(self, extent: LogExtent, held: Held) -> None:
        """Note that nothing can follow: the final reading is out, or none can be signed."""
        if extent.log_size is not None or extent.ended_ms is None:
            return
        is_final = held.reading is not None and held.reading.until == extent.ended_ms
        if is_final or extent.closed:
            self.journal.finish(extent, held.log_size)
            log.info("rental published", rental=extent.rental, samples=held.log_size)

    def _look(self, extent: LogExtent) -> Held:
        """What the folder holds, held against the journal where the two meet."""
        folder, files = self.folder(extent), self._files(extent)
        sealed, after = sealed_bundles(files), 0
        if sealed:
            after = self._last_sequence(extent, sealed)
        held = Held(sealed, after, 0, stale_parts(files, sealed), self._reading(extent, files))
        name = bundle_file(sealed, sealed=False)
        if name in files:
            part = self.files.read(folder, name, BUNDLE_BYTES)
            _, tail = self._tail(extent, held)
            if part_agrees(part, tail):
                held = replace(held, part_samples=len(part) // SAMPLE_BYTES)
            elif len(part) > len(tail) * SAMPLE_BYTES:
                raise PublishedDiffersError(f"{folder}/{name} has more than the journal's log")
            else:
                log.warning("published part replaced", rental=extent.rental, file=name)
        return held

    def _last_sequence(self, extent: LogExtent, sealed: int) -> int:
        """The sequence of the last sealed sample; raises PublishedDiffersError if it is none of
        this rental's in the journal."""
        folder, name = self.folder(extent), bundle_file(sealed - 1, sealed=True)
        raw = self.files.read(folder, name, SAMPLE_BYTES, BUNDLE_BYTES - SAMPLE_BYTES)
        last = self.journal.sample_of(extent.identity.drill, raw)
        if last is None:
            raise PublishedDiffersError(f"{folder}/{name} ends with no sample of the journal")
        return last.sequence

    def _reading(self, extent: LogExtent, files: dict[str, int]) -> PublishedReading | None:
        """The published reading; one that cannot be read is as good as none."""
        if READING_FILE not in files:
            return None
        folder = self.folder(extent)
        content = self.files.read(folder, READING_FILE, MAX_READING_BYTES + 1)
        try:
            return parse_published_reading(content, f"{folder}/{READING_FILE}")
        except RecordError as error:
            log.warning("published reading replaced", rental=extent.rental, reason=str(error))
            return None

    def _say_differs(self, rental: int, reason: str) -> None:
        if self._differs.get(rental) != reason:
            log.error("rental not published", rental=rental, reason=reason)
        self._differs[rental] = reason

    def _fail(self, error: Exception) -> None:
        self._due, self._looked = [], False
        if self._failing is None:
            log.warning("publication fails", reason=str(error))
        self._failing = str(error)

    def _recover(self) -> None:
        if self._failing is not None:
            log.info("publication recovered")
        self._failing = None
