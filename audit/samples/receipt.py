"""The newest published reading of a rental: whose it is, who signed it, and what has settled since.

A published reading need not be on the chain yet. It must be of this rental, signed with a key of
the rental's oracle, and fit to what has settled: the later of the two cannot have a lower register,
and none that grew faster than it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.books.arithmetic import MeterWord, implausible
from audit.books.books import Books, Rental
from audit.books.signatures import recovered_of, verifies_p256
from audit.findings import Findings
from audit.samples.later_keys import LaterKeys, Point
from audit.samples.track import LogAnchor, Track
from protocol.publication import READING_FILE, PublishedReading
from protocol.records import Domain
from protocol.typed_data import batch_digest

AHEAD_SECONDS = 600
"""By how much a published reading may be dated after the last audited block and still be of a key
that is known by then. Blocks are seconds apart, clocks at most a minute."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature whose key is not known yet; it is judged when all keys are."""

    rental: int
    until: int
    digest: str
    signature: str


def _signed(claim: Claim, address: str, point: Point | None) -> bool:
    """Whether the key at that address, of P-256 where it has a point, made the signature."""
    digest, signature = bytes.fromhex(claim.digest), bytes.fromhex(claim.signature)
    r, s = (int.from_bytes(signature[place : place + 32], "big") for place in (0, 32))
    if recovered_of(digest, signature) == address:
        return True
    return point is not None and verifies_p256(digest, r, s, point)


class ReceiptJudge:
    """Judges published readings; `objections` counts, `claims` wait for the end.

    `now` is the time of the last audited block, Unix s.
    """

    def __init__(self, books: Books, findings: Findings, domain: Domain, now: int) -> None:
        self.objections = 0
        self._now = now
        self.claims: list[Claim] = []
        self._books, self._findings, self._domain = books, findings, domain

    def examine(self, track: Track, published: PublishedReading) -> LogAnchor | None:
        """Report what is wrong; the anchor that it makes beyond what has settled, if it does."""
        rental = self._books.rentals[track.identity.rental]
        strange = self._strange(published, track, rental)
        if strange:
            self._object("published-reading-of-another", track, strange)
            return None
        digest = batch_digest(self._domain, [published.reading()])
        claim = Claim(published.rental, published.until, digest.hex(), published.signature[2:])
        if not self._is_known(claim, rental):
            self.objections += 1
            self.claims.append(claim)
        return self._against_settled(track, rental, published)

    def judge_claims(self, later: LaterKeys) -> None:
        """Judge the signatures that are left, now that every key of the range is known."""
        keys: dict[str, Point | None] | None = None
        for claim in self.claims:
            rental = self._books.rentals[claim.rental]
            if self._is_known(claim, rental):
                continue
            subject = f"rental {claim.rental}"
            signer = recovered_of(bytes.fromhex(claim.digest), bytes.fromhex(claim.signature))
            who = f"signed with {signer}" if signer else "the signature is malformed"
            if keys is None:
                keys = later()
            unchecked = self._outside_range(claim, keys)
            if unchecked:
                text = f"{who}, dated {claim.until}, {unchecked}"
                self._findings.add("published-reading-unchecked", subject, text, READING_FILE)
                continue
            name = "published-reading-signed-by-another-key"
            self._findings.add(name, subject, f"{who}, dated {claim.until}", READING_FILE)

    def _outside_range(self, claim: Claim, later: Mapping[str, Point | None]) -> str:
        """Why the key may be one that the range does not show; "" where it must."""
        if claim.until > (self._now + AHEAD_SECONDS) * 1000:
            return "long after the last block"
        if not self._books.from_deployment:
            return "by a key that may be older than the range"
        for address, point in later.items():
            record = self._books.keys.get(address)
            if _signed(claim, address, point or (record.point if record else None)):
                return "by a key that came into force after the last block"
        return ""

    def _strange(self, published: PublishedReading, track: Track, rental: Rental) -> str:
        found = {
            "chain_id": (published.chain_id, self._domain.chain_id),
            "contract": (published.contract.lower(), self._domain.contract.lower()),
            "rental": (published.rental, track.identity.rental),
            "drill": (published.drill, rental.drill),
            "oracle": (published.oracle, rental.oracle),
        }
        return ", ".join(f"{name} {a}, not {b}" for name, (a, b) in found.items() if a != b)

    def _is_known(self, claim: Claim, rental: Rental) -> bool:
        """Whether a key of the rental's oracle signed it that was not retired by its time."""
        return any(
            _signed(claim, address, key.point)
            for address, key in self._books.keys.items()
            if key.oracle == rental.oracle and not (key.until and claim.until > key.until * 1000)
        )

    def _against_settled(
        self, track: Track, rental: Rental, published: PublishedReading
    ) -> LogAnchor | None:
        """Hold it against the settled reading; older ones make no anchor."""
        tariff, settled = self._books.tariff_of(rental), rental.now()
        registers = published.reading().registers.as_tuple()
        claimed = MeterWord(published.until, registers[:3], registers[3:])
        log = (published.log_size, published.log_root)
        if claimed.until == settled.until and rental.settlements:
            due = (*settled.registers, rental.log_size, rental.log_root)
            if (*registers, *log) != due:
                self._contradict(track, f"it has {(*registers, *log)}, settled was {due}")
            return None
        newer = claimed.until > settled.until
        late, early = (claimed, settled) if newer else (settled, claimed)
        reason = implausible(late, early, tariff.levels) if tariff else None
        grown = log[0] - rental.log_size if newer else rental.log_size - log[0]
        if reason is None and rental.settlements and grown < 0:
            reason = "log-size-fell"
        if reason is None and rental.settlements and not grown and log[1] != rental.log_root:
            reason = "another root"
        if reason is not None:
            text = f"{reason}: {registers} of {log[0]} samples at {claimed.until}"
            settled_text = f"settled {settled.registers} of {rental.log_size} at {settled.until}"
            self._contradict(track, f"{text}, {settled_text}")
            return None
        if not newer or (rental.ended_at and claimed.until > rental.ended_at * 1000):
            # What the box signed before it knew of the end can settle no more.
            return None
        return LogAnchor(published.until, log[0], log[1], registers, READING_FILE)

    def _contradict(self, track: Track, text: str) -> None:
        self._object("published-reading-contradicts", track, text)

    def _object(self, name: str, track: Track, text: str) -> None:
        self.objections += 1
        self._findings.add(name, track.subject, text, READING_FILE)
