"""Writes the published form of rentals anew from the journal, and verifies it while writing.

The log's root is recomputed at the size of every signed reading that the journal still holds. What
is in the target already is compared: a sealed bundle that is the same stays as it is, one that
differs is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from host.errors import PublicationError
from host.static_files import StaticFiles
from oracle.errors import DamagedError, OracleError, PublishedDiffersError
from oracle.samples.extent import LogExtent
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.publication import (
    Held,
    cut,
    next_reading,
    published_reading,
    stale_parts,
)
from protocol.merkle import Frontier
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    bundle_file,
    contract_folder,
)
from protocol.records import Domain, Reading


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one rental: its folder, samples, and how many signed readings have the root
    of these samples; `beyond` are signed over samples that are not final yet."""

    rental: int
    folder: str
    log_size: int
    agreeing: int
    beyond: int


@dataclass
class _Anchors:
    """Signed readings in order of size, and how far they were found to agree."""

    readings: Iterator[Reading]
    agreeing: int = 0
    _next: Reading | None = field(init=False)

    def __post_init__(self) -> None:
        self._next = next(self.readings, None)

    def check(self, frontier: Frontier) -> None:
        """Hold the log at its present size against the readings of that size; raises
        PublishedDiffersError."""
        while self._next is not None and self._next.log_size == frontier.size:
            if self._next.log_root != frontier.root():
                raise PublishedDiffersError(
                    f"the journal's first {frontier.size} samples have the root "
                    f"0x{frontier.root().hex()}, the reading signed until {self._next.until} has "
                    f"0x{self._next.log_root.hex()}"
                )
            self.agreeing += 1
            self._next = next(self.readings, None)

    def rest(self) -> list[Reading]:
        """Those that are over more samples."""
        return [] if self._next is None else [self._next, *self.readings]


@dataclass
class Exporter:
    """Exports one rental after the other, a bundle at a time."""

    journal: ExtentJournal
    files: StaticFiles
    domain: Domain
    oracle: int

    def export(self, extent: LogExtent) -> Exported:
        """Write and verify one rental.

        Raises PublishedDiffersError for samples that are not those that were signed, or not those
        in the target; PublicationError and JournalError.
        """
        folder = f"{contract_folder(self.domain)}/{extent.identity.folder()}"
        anchors = _Anchors(self.journal.signed_readings(extent))
        log_size = self.journal.certain_size(extent)
        frontier, after, sealed = Frontier(), 0, 0
        anchors.check(frontier)
        while True:
            rows = self.journal.samples(extent, after, BUNDLE_SAMPLES)
            tail = cut(rows, sealed * BUNDLE_SAMPLES, log_size)
            for row in tail:
                frontier = frontier.append(row.raw)
                anchors.check(frontier)
            self._write(folder, sealed, b"".join(row.raw for row in tail))
            if len(tail) < BUNDLE_SAMPLES:
                break
            after, sealed = tail[-1].sequence, sealed + 1
        beyond = anchors.rest()
        if beyond and extent.ended_ms is not None:
            raise PublishedDiffersError(
                f"the journal has {frontier.size} samples, the reading signed until "
                f"{beyond[0].until} is over {beyond[0].log_size}"
            )
        for name in stale_parts(self.files.files(folder), sealed):
            self.files.remove(folder, name)
        self._write_reading(extent, folder, Held(sealed, part_samples=len(tail)))
        return Exported(extent.rental, folder, frontier.size, anchors.agreeing, len(beyond))

    def _write(self, folder: str, index: int, content: bytes) -> None:
        """Put a bundle in its place, unless it is there; raises PublishedDiffersError for one that
        is sealed with other samples, or holds more of them."""
        if not content:
            return
        name = bundle_file(index, sealed=len(content) == BUNDLE_BYTES)
        there = self.files.read(folder, name, BUNDLE_BYTES + 1)
        if there == content:
            return
        if there and (len(content) == BUNDLE_BYTES or len(there) > len(content)):
            raise PublishedDiffersError(f"{self.files.root / folder / name} has other samples")
        self.files.write(folder, name, content)

    def _write_reading(self, extent: LogExtent, folder: str, held: Held) -> None:
        newest = self.journal.newest_reading(extent, held.log_size)
        drill = extent.identity.drill
        due = next_reading(held, published_reading(self.domain, drill, self.oracle, newest))
        if due is not None and due.content != self.files.read(folder, due.name, BUNDLE_BYTES):
            self.files.write(folder, due.name, due.content)


def export_all(
    exporter: Exporter, to: Path, rental: int | None, say: Callable[[str], None]
) -> list[str]:
    """Export one rental, or every one, and say what was found; returns the complaints.

    Raises OracleError when there is nothing to export, PublicationError when the target cannot be
    written.
    """
    extents = exporter.journal.extents()
    if rental is not None:
        extents = [one for one in extents if one.rental == rental]
    if not extents:
        what = "no rental" if rental is None else f"no rental {rental}"
        raise OracleError(f"the journal knows {what}; a rental is noted once it is confirmed")
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublicationError(f"{to}: {error.strerror}") from error
    complaints = []
    for extent in extents:
        try:
            done = exporter.export(extent)
        except (PublishedDiffersError, DamagedError) as error:
            complaints.append(f"rental {extent.rental}: {error}")
            continue
        more = f", {done.beyond} over samples not final yet" if done.beyond else ""
        say(
            f"rental {done.rental}: {done.log_size} samples, {done.agreeing} signed readings "
            f"agree{more}: {done.folder}"
        )
    return complaints
