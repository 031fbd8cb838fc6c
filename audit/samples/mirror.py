"""A copy of published samples of which every file was held against the chain before it counts.

The audit reads through it: a sealed bundle that the copy has is taken from there and not fetched,
any other is fetched and set aside until a signed root covers it. Files are put in place at once, so
that a copy that was interrupted holds whole and verified files only, and goes on from them.
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import SourceError
from audit.samples.published import Bundle, Conclusion, Published
from audit.samples.sources import Folder, SampleSource
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    READING_FILE,
    RentalIdentity,
    bundle_file,
    contract_folder,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES

DRAFT = ".draft"
"""At the end of the name of what is not verified yet, or not written whole."""


class Mirror(Published):
    """Published files with a verified copy below `root`; `fetched` and `kept` count bundles."""

    def __init__(self, source: SampleSource, root: Path, domain: Domain) -> None:
        super().__init__(source, domain)
        self.fetched, self.kept = 0, 0
        self.doubtful: list[Path] = []
        """Bundles of the copy that the roots did not cover: damaged, or what came before them."""
        self._copy = Folder(root)
        self._root = root / contract_folder(domain)
        self._drafts: dict[int, set[int]] = {}
        self._taken: dict[int, set[int]] = {}
        self._reading = b""

    def bundle(self, identity: RentalIdentity, index: int) -> Bundle:
        """The copy's sealed bundle if it has one, else the source's."""
        file = bundle_file(index, sealed=True)
        names = (contract_folder(self.domain), identity.folder(), file)
        own = self._copy.fetch(names, BUNDLE_BYTES)
        if own is not None and len(own) == BUNDLE_BYTES:
            self._taken.setdefault(identity.rental, set()).add(index)
            return Bundle(index, file, True, own, 0)
        bundle = super().bundle(identity, index)
        if bundle.sealed and not bundle.truncated:
            self._write(identity, file + DRAFT, bundle.content)
            self._drafts.setdefault(identity.rental, set()).add(index)
        return bundle

    def reading_bytes(self, identity: RentalIdentity) -> bytes | None:
        """The source's, remembered as it is."""
        content = super().reading_bytes(identity)
        self._reading = content or b""
        return content

    def done(self, identity: RentalIdentity, found: Conclusion) -> None:
        """Put in place what the roots cover, and drop the rest."""
        folder = self._root / identity.folder()
        full = found.agreed // BUNDLE_SAMPLES
        for index in sorted(self._drafts.pop(identity.rental, ())):
            if index < full:
                file = bundle_file(index, sealed=True)
                _put(folder / (file + DRAFT), folder / file)
                (folder / bundle_file(index, sealed=False)).unlink(missing_ok=True)
                self.fetched += 1
        for index in sorted(self._taken.pop(identity.rental, ())):
            self.kept += index < full
            if index >= full:
                self.doubtful.append(folder / bundle_file(index, sealed=True))
        for left in folder.glob(f"*{DRAFT}"):
            left.unlink()
        self._put_newest(identity, found)
        if found.reading is not None and found.reading.log_size <= found.agreed:
            self._write(identity, READING_FILE + DRAFT, self._reading)
            _put(folder / (READING_FILE + DRAFT), folder / READING_FILE)

    def _put_newest(self, identity: RentalIdentity, found: Conclusion) -> None:
        """The bundle that is not full yet, as far as a root covers it."""
        newest = found.newest
        if newest is None or not newest.first < found.agreed < newest.first + BUNDLE_SAMPLES:
            return
        file = bundle_file(newest.index, sealed=False)
        covered = newest.content[: (found.agreed - newest.first) * SAMPLE_BYTES]
        self._write(identity, file + DRAFT, covered)
        folder = self._root / identity.folder()
        _put(folder / (file + DRAFT), folder / file)

    def _write(self, identity: RentalIdentity, name: str, content: bytes) -> None:
        path = self._root / identity.folder() / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise SourceError(f"{path} cannot be written: {error}") from error


def _put(draft: Path, path: Path) -> None:
    try:
        draft.replace(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error}") from error
