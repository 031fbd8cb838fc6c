"""A rental's published samples and its newest published reading, out of any source.

Names follow from what the chain says of the rental (`protocol.publication`). Nothing here is
checked against the chain yet but lengths: that is for whoever knows the roots.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.samples.sources import SampleSource
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    MAX_READING_BYTES,
    READING_FILE,
    PublishedReading,
    RentalIdentity,
    bundle_file,
    contract_folder,
    parse_published_reading,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is published of one bundle: whole samples in `content`, oldest first.

    `file` is the name it has, "" if there is none. `odd_bytes` at the end make no sample.
    """

    index: int
    file: str
    sealed: bool
    content: bytes
    odd_bytes: int

    @property
    def first(self) -> int:
        """The place of its first sample in the log, from 0."""
        return self.index * BUNDLE_SAMPLES

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return len(self.content) // SAMPLE_BYTES

    @property
    def truncated(self) -> bool:
        """Whether it is a full bundle with samples missing, or ends within a sample."""
        return bool(self.odd_bytes) or (self.sealed and self.samples < BUNDLE_SAMPLES)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What following a rental to its end has shown.

    Its first `agreed` samples hash to a signed root; `newest` is the last bundle that was fetched,
    `reading` the published reading if nothing is wrong with it.
    """

    agreed: int
    newest: Bundle | None
    reading: PublishedReading | None


class Published:
    """The files of one contract's rentals. Every method raises SourceError as the source does."""

    def __init__(self, source: SampleSource, domain: Domain) -> None:
        self.source, self.domain = source, domain

    def bundle(self, identity: RentalIdentity, index: int) -> Bundle:
        """One bundle, sealed or still growing; an empty one where nothing is published."""
        folder = (contract_folder(self.domain), identity.folder())
        # It may be sealed between the first and the second question.
        for sealed in (True, False, True):
            file = bundle_file(index, sealed=sealed)
            content = self.source.fetch((*folder, file), BUNDLE_BYTES)
            if content is not None:
                odd = len(content) % SAMPLE_BYTES
                return Bundle(index, file, sealed, content[: len(content) - odd], odd)
        return Bundle(index, "", False, b"", 0)

    def done(self, identity: RentalIdentity, found: Conclusion) -> None:
        """A rental was followed to its end."""

    def sample(self, identity: RentalIdentity, place: int) -> bytes | None:
        """The 96 bytes at a place of the log, counted from 0, or None if not published."""
        index, within = divmod(place, BUNDLE_SAMPLES)
        found = self.bundle(identity, index).content
        one = found[within * SAMPLE_BYTES : (within + 1) * SAMPLE_BYTES]
        return one or None

    def reading(self, identity: RentalIdentity) -> PublishedReading | None:
        """The newest published reading, or None; raises RecordError for what is none."""
        content = self.reading_bytes(identity)
        return None if content is None else parse_published_reading(content, READING_FILE)

    def reading_bytes(self, identity: RentalIdentity) -> bytes | None:
        """The content of reading.json, or None."""
        names = (contract_folder(self.domain), identity.folder(), READING_FILE)
        return self.source.fetch(names, MAX_READING_BYTES)
