"""Follows a rental's published samples from one anchored root to the next.

Each stretch of samples goes once through the meter and into the log's tree, and at every anchor
root and registers must be the signed ones. A root that does not agree is judged later: if the same
samples hash to a later root, the oracle has signed two logs; if not, they are not what it signed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from audit.books.books import AuditedTariff, Books, Rental
from audit.errors import SourceError
from audit.findings import Findings
from audit.samples.leaves import extended
from audit.samples.meter import AuditedGap, worth
from audit.samples.published import Bundle, Published
from audit.samples.samples import LAST_TIME_MS, cut, decodable, jumps, misplaced
from audit.samples.track import LogAnchor, Track
from protocol.publication import BUNDLE_SAMPLES
from protocol.sample import SAMPLE_BYTES

PUBLISHING_SECONDS = 3_600
"""How much later than a reading its samples may come, before somebody should be asked. An oracle
waits for confirmations and writes every minute; this leaves room for a box that was offline."""

GIVE_UP_AFTER = 3
"""Rentals in a row whose samples could not be fetched; then the source is asked no more."""


class Follower:
    """Follows one track at a time; `samples` counts what was looked at.

    `now` is the time of the last audited block, Unix s.
    """

    def __init__(self, published: Published, books: Books, findings: Findings, now: int) -> None:
        self.samples = 0
        self._now = now
        self._published, self._books, self._findings = published, books, findings
        self._failures = 0
        self._held: tuple[int, Bundle] | None = None

    def follow(self, track: Track, target: int) -> None:
        """Follow the log up to `target` samples, or as far as it can be followed."""
        rental = self._books.rentals[track.identity.rental]
        tariff = self._books.tariff_of(rental)
        if tariff is None:
            self.stop(track, "samples-unchecked", f"tariff {rental.tariff} is not known")
            return
        track.waiting = ""
        self._meet(track)
        while track.size < target and not track.stopped and not track.waiting:
            bundle = self._bundle(track, target)
            if bundle is None:
                return
            end = min(target, bundle.first + bundle.samples)
            while track.size < end:
                until = min(end, track.pending[0].size) if track.pending else end
                part = slice(*((n - bundle.first) * SAMPLE_BYTES for n in (track.size, until)))
                self._take(track, bundle.content[part], rental, tariff)
                self._meet(track)
            if end < min(target, bundle.first + BUNDLE_SAMPLES):
                self._miss(track, bundle, target)

    def beyond(self, track: Track) -> int:
        """How many more samples are published after those followed, as far as one bundle shows."""
        bundle = self._bundle(track, track.size + 1)
        return 0 if bundle is None else bundle.first + bundle.samples - track.size

    def report_waiting(self, track: Track) -> None:
        """Say what is too new to be expected already."""
        if track.waiting:
            text = f"from sample {track.size} on: {track.waiting}"
            self._findings.add("samples-not-yet-published", track.subject, text)

    def held(self, track: Track) -> Bundle | None:
        """The last bundle fetched for a track."""
        rental, bundle = self._held or (0, None)
        return bundle if rental == track.identity.rental else None

    def stop(self, track: Track, name: str, text: str) -> None:
        """Follow a track no further, and say why."""
        track.stopped = text
        self._findings.add(name, track.subject, f"from sample {track.size} on: {text}")

    def reached(self, error: SourceError | None) -> None:
        """Count rentals for which the source failed, one after the other."""
        self._failures = 0 if error is None else self._failures + 1

    @property
    def given_up(self) -> bool:
        """Whether the source has been given up."""
        return self._failures >= GIVE_UP_AFTER

    def _bundle(self, track: Track, target: int) -> Bundle | None:
        """The bundle that the next sample is in, kept while it holds what is needed of it."""
        index = track.size // BUNDLE_SAMPLES
        needed = min(target, (index + 1) * BUNDLE_SAMPLES)
        held = self.held(track)
        if held and held.index == index and held.first + held.samples >= needed:
            return held
        if self.given_up:
            self.stop(track, "samples-unreachable", "the source failed for others before")
            return None
        try:
            bundle = self._published.bundle(track.identity, index)
        except SourceError as error:
            self.reached(error)
            self.stop(track, "samples-unreachable", str(error))
            return None
        self.reached(None)
        self._held = (track.identity.rental, bundle)
        if bundle.truncated and track.truncated != bundle.index:
            track.truncated = bundle.index
            text = f"{bundle.file} has {bundle.samples} samples and {bundle.odd_bytes} bytes more"
            self._findings.add("bundle-truncated", track.subject, text)
        return bundle

    def _miss(self, track: Track, bundle: Bundle, target: int) -> None:
        """The bundle ends before what was signed."""
        if bundle.truncated:
            track.stopped = f"{bundle.file} is truncated"
            return
        where = bundle.file or f"nothing is published of bundle {bundle.index}, which"
        first = track.pending[0] if track.pending else None
        text = f"{where} ends there, {target} were signed for"
        if first is not None and first.until > (self._now - PUBLISHING_SECONDS) * 1000:
            track.waiting = text
        else:
            self.stop(track, "samples-missing", f"{text}{f' ({first.place})' if first else ''}")

    def _take(self, track: Track, content: bytes, rental: Rental, tariff: AuditedTariff) -> None:
        """The next samples, into meter and tree; what cannot be is reported."""
        samples, places, faults = decodable(cut(content))
        faults += [
            (places[place], name, text)
            for place, name, text in misplaced(
                samples, track.sequence, rental.drill, track.identity.rental
            )
        ]
        for place, name, text in faults:
            self._findings.add(name, track.subject, f"sample {track.size + place}: {text}")
        for place, text in jumps(samples, track.sequence):
            track.hint(f"at sample {track.size + places[place]} {text}")
        for gap in track.meter.take(samples):
            self._gap(track, gap, tariff)
        if samples:
            track.sequence = samples[-1][0]
        frontier = extended(track.frontier, content)
        track.size, track.peaks = frontier.size, tuple(peak.hex() for peak in frontier.peaks)
        self.samples += len(content) // SAMPLE_BYTES

    def _gap(self, track: Track, gap: AuditedGap, tariff: AuditedTariff) -> None:
        """Name a silence and what it cost the provider."""
        tally, missed = track.tally, gap.missed
        cost = worth(missed, tariff.levels)
        length_ms = gap.next[1] - gap.last[1]
        tally.gaps += 1
        tally.gap_ms += max(0, length_ms)
        tally.missed = tuple(a + b for a, b in zip(tally.missed, missed, strict=True))
        tally.missed_worth += cost
        text = (
            f"no sample from {_time(gap.last[1])} to {_time(gap.next[1])}, sequences {gap.last[0]} "
            f"to {gap.next[0]}: "
            f"{f'in {length_ms} ms' if length_ms >= 0 else 'while the clock was set back'} "
            f"the odometer grew by {sum(missed[:3])} ms and "
            f"{sum(missed[3:])} turns, worth {cost}; the provider did not bill it"
        )
        self._findings.add("gap-in-samples", track.subject, text)

    def _meet(self, track: Track) -> None:
        """Hold the log against the anchors of its present size."""
        root = "0x" + track.frontier.root().hex()
        while track.pending and track.pending[0].size == track.size:
            anchor = track.pending.pop(0)
            if anchor.root == root:
                self._agree(track, anchor)
            else:
                track.unmatched.append(anchor)

    def _agree(self, track: Track, anchor: LogAnchor) -> None:
        """The samples are those that were signed: now the registers must follow from them."""
        for other in track.unmatched:
            text = (
                f"its first {other.size} samples are not those of {other.root}, yet its first "
                f"{anchor.size} are those of {anchor.root} ({anchor.place})"
            )
            self._findings.add("log-forked", track.subject, text, other.place)
        track.unmatched.clear()
        track.hints.clear()
        track.agreed = track.size
        track.tally.roots += 1
        meter = track.meter
        more = tuple(a - b for a, b in zip(anchor.registers, meter.registers, strict=True))
        if more != track.surplus:
            track.surplus = more
            text = f"signed {anchor.registers}, the samples make {meter.registers}"
            self._findings.add("registers-not-from-samples", track.subject, text, anchor.place)

    def judge_unmatched(self, track: Track) -> None:
        """At the end of what can be followed: roots that nothing has explained since."""
        if not track.unmatched:
            return
        first, count = track.unmatched[0], len(track.unmatched)
        hints = "; ".join(track.hints)
        text = (
            f"samples {track.agreed} to {first.size - 1} do not hash to {first.root}"
            f"{f', nor do later ones to {count - 1} further roots' if count > 1 else ''}"
            f"{f': {hints}' if hints else ''}"
        )
        self._findings.add("samples-differ", track.subject, text, first.place)
        track.unmatched.clear()


def _time(time_ms: int) -> str:
    """A time for people, exact to the ms."""
    if not 0 <= time_ms <= LAST_TIME_MS:
        return str(time_ms)
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
