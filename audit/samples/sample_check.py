"""Published samples held against every reading that settles, while events are replayed.

What is kept for a rental between two of its readings is a `Track`. Anchors are collected until they
cover a bundle, so that each bundle is fetched once, gone through, and forgotten: memory depends on
the rentals that are open, not on what they have drilled.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from audit.books.arithmetic import read_meter
from audit.books.books import Books, Rental
from audit.errors import SourceError
from audit.findings import Findings
from audit.node.decode import Event
from audit.samples.follow import Follower
from audit.samples.later_keys import LaterKeys
from audit.samples.meter import AuditedMeter, worth
from audit.samples.published import Conclusion, Published
from audit.samples.receipt import Claim, ReceiptJudge
from audit.samples.track import LogAnchor, SampleScope, SampleTally, Track
from host.foreign_text import harmless
from protocol.errors import RecordError
from protocol.publication import BUNDLE_SAMPLES, READING_FILE, PublishedReading, RentalIdentity
from protocol.records import Domain

MOST_PENDING = 64
"""Anchors that wait for their bundle to be full; a drill that settles at rest has many."""

ODOMETER_SLACK_MS, ODOMETER_SLACK_SHARE = 1_000, 100
"""Billed active time may exceed the odometer's by a second and a hundredth: samples and the
odometer are not taken at the same instant."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whose samples are looked at: of one rental only, or of all."""

    only: int | None = None


@dataclass(slots=True)
class SampleProgress:
    """What a state file keeps of the check."""

    tracks: dict[int, Track] = field(default_factory=dict)
    tallies: dict[int, SampleTally] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    samples: int = 0
    coverage: Coverage = Coverage()


class SampleCheck:
    """The check of one audit. `now` is the time of its last block, Unix s; `only` the one rental to
    look at, or None for all."""

    def __init__(
        self,
        published: Published,
        books: Books,
        findings: Findings,
        domain: Domain,
        *,
        now: int,
        later: LaterKeys,
        only: int | None = None,
    ) -> None:
        """`later` asks for the keys that came into force after the last audited block."""
        self._later = later
        self._published, self._only = published, only
        self._books, self._findings = books, findings
        self._follower = Follower(published, books, findings, now)
        self._receipts = ReceiptJudge(books, findings, domain, now)
        self._tracks: dict[int, Track] = {}
        self._tallies: dict[int, SampleTally] = {}
        self.results: dict[int, SampleTally] = {}

    @property
    def samples(self) -> int:
        """How many samples were looked at."""
        return self._follower.samples

    def scope(self, tallies: Mapping[int, SampleTally]) -> SampleScope:
        """What was looked at."""
        return SampleScope(
            place=self._published.source.place,
            samples=self.samples,
            rentals=len(tallies),
            rentals_not_all=sum(bool(tally.unchecked) for tally in tallies.values()),
            rental=self._only,
        )

    def progress(self) -> SampleProgress:
        """For the state file."""
        claims = self._receipts.claims
        covered = Coverage(self._only)
        return SampleProgress(self._tracks, self._tallies, claims, self.samples, covered)

    def resume(self, progress: SampleProgress) -> None:
        """Go on where a state file stands."""
        self._tracks, self._tallies = progress.tracks, progress.tallies
        self._receipts.claims, self._follower.samples = progress.claims, progress.samples

    def settled(self, event: Event) -> None:
        """Take a UsageSettled that is in the books."""
        args, rental = event.args, self._rental(event.args["rental"])
        if rental is None:
            return
        track = self._track(args["rental"], rental)
        track.tally.anchored = args["log_size"]
        if track.stopped:
            return
        newest = track.pending[-1].size if track.pending else track.size
        if args["log_size"] < newest:
            text = f"a log of {args['log_size']} samples comes after one of {newest}"
            self._findings.add("samples-unchecked", track.subject, text, event.place)
            return
        registers = read_meter(args["meter"]).registers
        track.pending.append(
            LogAnchor(args["until"], args["log_size"], args["log_root"], registers, event.place)
        )
        full = args["log_size"] // BUNDLE_SAMPLES * BUNDLE_SAMPLES
        if full > track.size or len(track.pending) >= MOST_PENDING:
            crowded = len(track.pending) >= MOST_PENDING
            self._follower.follow(track, args["log_size"] if crowded else full)

    def closed(self, number: int) -> None:
        """A rental has closed: nothing of it can settle any more."""
        rental = self._rental(number)
        if rental is None or number in self._tallies:
            return
        track = self._tracks.pop(number, None) or self._track(number, rental)
        self._tracks.pop(number, None)
        self._conclude(track, rental)
        self._tallies[number] = track.tally

    def catch_up(self) -> Iterator[None]:
        """Follow what has settled of the rentals that are not closed, one at a step."""
        for track in self._tracks.values():
            if track.pending and not track.stopped:
                self._follower.follow(track, track.pending[-1].size)
            yield

    def conclude(self) -> Iterator[None]:
        """Look at what is published and not settled of the rentals that are not closed, one at a
        step; `results` has then what came of each rental.

        It leaves the tracks as they are: when the audit goes on later, they do.
        """
        self.results = dict(self._tallies)
        claims = list(self._receipts.claims)
        for number in self._books.rentals:
            rental = self._rental(number)
            if rental is not None and number not in self.results:
                track = copy.deepcopy(self._tracks.get(number)) or self._new_track(number, rental)
                self._conclude(track, rental)
                self.results[number] = track.tally
                yield
        self._receipts.judge_claims(self._later)
        self._receipts.claims = claims

    def _rental(self, number: int) -> Rental | None:
        return self._books.rentals.get(number) if self._only in (None, number) else None

    def _track(self, number: int, rental: Rental) -> Track:
        if number not in self._tracks:
            self._tracks[number] = self._new_track(number, rental)
        return self._tracks[number]

    def _new_track(self, number: int, rental: Rental) -> Track:
        tariff = self._books.tariff_of(rental)
        identity = RentalIdentity(
            number, rental.drill, rental.tariff, rental.opened_at, rental.customer
        )
        highest = () if tariff is None else tuple(rpm for _, _, rpm in tariff.levels)
        return Track(identity, AuditedMeter(highest))

    def _conclude(self, track: Track, rental: Rental) -> None:
        """Follow to the end of what was signed, published readings included, and add up."""
        published = self._reading(track, rental)
        if track.pending and not track.stopped:
            self._follower.follow(track, track.pending[-1].size)
        before = self._receipts.objections
        anchor = None if published is None else self._receipts.examine(track, published)
        reported = self._receipts.objections > before
        if anchor is not None and not track.stopped and not track.waiting:
            track.pending.append(anchor)
            self._follower.follow(track, anchor.size)
        self._follower.judge_unmatched(track)
        self._follower.report_waiting(track)
        self._published_beyond(track, rental)
        self._add_up(track, rental)
        good = published if published is not None and not reported else None
        found = Conclusion(track.agreed, self._follower.held(track), good)
        self._published.done(track.identity, found)

    def _reading(self, track: Track, rental: Rental) -> PublishedReading | None:
        """The published reading, fetched before the samples that it says are published."""
        if self._follower.given_up:
            return None
        try:
            published = self._published.reading(track.identity)
        except SourceError as error:
            self._follower.reached(error)
            if not track.stopped:
                self._follower.stop(track, "samples-unreachable", str(error))
            return None
        except RecordError as error:
            self._findings.add("published-reading-malformed", track.subject, str(error))
            return None
        self._follower.reached(None)
        if published is None and rental.settlements:
            text = "what was signed and has not settled could not be looked at"
            self._findings.add("published-reading-missing", track.subject, text, READING_FILE)
        return published

    def _published_beyond(self, track: Track, rental: Rental) -> None:
        """After a rental's final reading there is nothing left to sign."""
        final = rental.closed and rental.now().until == rental.ended_at * 1000
        if not final or track.stopped or track.waiting or track.size != rental.log_size:
            return
        more = self._follower.beyond(track)
        if more:
            text = f"{more} more samples are published than the final reading signs for"
            self._findings.add("samples-unsigned", track.subject, text)

    def _add_up(self, track: Track, rental: Rental) -> None:
        tally, tariff = track.tally, self._books.tariff_of(rental)
        tally.checked = track.agreed
        tally.unsettled = max(0, track.agreed - tally.anchored)
        tally.odometer, tally.registers = track.meter.odometer, track.meter.registers
        if tariff is not None:
            unbilled = [a - b for a, b in zip(tally.odometer, tally.registers, strict=True)]
            tally.unbilled_worth = worth(unbilled, tariff.levels)
        if tally.checked < tally.anchored:
            reason = track.stopped or track.waiting or "the samples are not those that were signed"
            tally.unchecked = harmless(f"{tally.checked} of {tally.anchored}: {reason}")
        billed_ms, counted_ms = sum(tally.registers[:3]), sum(tally.odometer[:3])
        slack_ms = ODOMETER_SLACK_MS + billed_ms // ODOMETER_SLACK_SHARE
        if billed_ms > counted_ms + slack_ms:
            text = f"billed are {billed_ms} active ms, the odometer grew by {counted_ms} ms"
            self._findings.add("billed-beyond-odometer", track.subject, text)
