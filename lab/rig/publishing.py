"""Publishes the samples of a story as an oracle does, with the names of `protocol.publication`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    READING_FILE,
    PublishedReading,
    RentalIdentity,
    bundle_file,
    contract_folder,
)
from protocol.records import Domain


class GrowingFolder:
    """A folder that grows."""

    def __init__(self, root: Path, domain: Domain) -> None:
        self._root = root / contract_folder(domain)
        self._sizes: dict[RentalIdentity, int] = {}

    def folder(self, identity: RentalIdentity) -> Path:
        """Where a rental's files are."""
        return self._root / identity.folder()

    def append(self, identity: RentalIdentity, samples: Iterable[bytes]) -> None:
        """Publish the samples that come next."""
        folder = self.folder(identity)
        folder.mkdir(parents=True, exist_ok=True)
        size, rest = self._sizes.get(identity, 0), b"".join(samples)
        while rest:
            index, within = divmod(size, BUNDLE_SAMPLES)
            room = BUNDLE_BYTES - within * BUNDLE_BYTES // BUNDLE_SAMPLES
            growing = folder / bundle_file(index, sealed=False)
            with growing.open("ab") as file:
                file.write(rest[:room])
            size += len(rest[:room]) * BUNDLE_SAMPLES // BUNDLE_BYTES
            rest = rest[room:]
            if size % BUNDLE_SAMPLES == 0:
                growing.rename(folder / bundle_file(index, sealed=True))
        self._sizes[identity] = size

    def sign(self, identity: RentalIdentity, reading: PublishedReading) -> None:
        """Publish the newest reading."""
        (self.folder(identity) / READING_FILE).write_bytes(reading.to_json())
