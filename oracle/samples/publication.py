"""What is written next into a rental's published folder: the decision, a pure function of values.

The folder is as `protocol.publication` has it. Bundles come before the reading over them, a bundle
is sealed before its unfinished form goes, and what is sealed is never written again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oracle.errors import PublishedDiffersError
from oracle.samples.extent_journal import LogRow, SignedReading
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    READING_FILE,
    PublishedReading,
    bundle_file,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES

BEYOND = (
    "the journal was restored from a backup, or a reorganisation deeper than chain.finality "
    "moved the end of the rental; the files stay, and `drill-oracle export` writes what is in the "
    "journal"
)
"""How more can be published than the log has."""

_SEALED, _PART = ".bin", ".part.bin"


@dataclass(frozen=True, slots=True)
class Held:
    """What a rental's folder holds.

    `sealed` full bundles, of which `after` is the last sample's sequence (0 without any); then
    `part_samples` in the unfinished bundle. `stale` are files that a sealed bundle has replaced.
    """

    sealed: int = 0
    after: int = 0
    part_samples: int = 0
    stale: tuple[str, ...] = ()
    reading: PublishedReading | None = None

    @property
    def log_size(self) -> int:
        """How many samples of the log are published."""
        return self.sealed * BUNDLE_SAMPLES + self.part_samples


@dataclass(frozen=True, slots=True)
class Write:
    """Put a file in the place of what has its name, and what the folder holds then."""

    name: str
    content: bytes
    held: Held


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a file away, and what the folder holds then."""

    name: str
    held: Held


def next_bundle(held: Held, tail: Sequence[LogRow]) -> Write | Remove | None:
    """The next step towards having all of `tail` published, or None when it is.

    `tail` are the final samples that follow the sealed bundles, oldest first, at most a bundle of
    them. Raises PublishedDiffersError when more is published than that.
    """
    if held.stale:
        return Remove(held.stale[0], replace(held, stale=held.stale[1:]))
    if len(tail) < held.part_samples:
        log_size = held.sealed * BUNDLE_SAMPLES + len(tail)
        raise PublishedDiffersError(
            f"{held.log_size} samples are published, the log has {log_size}: {BEYOND}"
        )
    content = b"".join(row.raw for row in tail)
    if len(tail) == BUNDLE_SAMPLES:
        part = bundle_file(held.sealed, sealed=False)
        after = Held(held.sealed + 1, tail[-1].sequence, 0, (part,), held.reading)
        return Write(bundle_file(held.sealed, sealed=True), content, after)
    if len(tail) == held.part_samples:
        return None
    grown = replace(held, part_samples=len(tail))
    return Write(bundle_file(held.sealed, sealed=False), content, grown)


def next_reading(held: Held, newest: PublishedReading | None) -> Write | None:
    """The newest reading over published samples, if it is not the one that is published.

    The same reading under another signature says nothing new, and an older one nothing at all.
    """
    if newest is None or newest.log_size > held.log_size:
        return None
    if held.reading is not None:
        if held.reading.until > newest.until:
            return None
        if held.reading.reading() == newest.reading():
            return None
    return Write(READING_FILE, newest.to_json(), replace(held, reading=newest))


def published_reading(
    domain: Domain, drill: int, oracle: int, signed: SignedReading | None
) -> PublishedReading | None:
    """A signed reading in its published form."""
    if signed is None:
        return None
    return PublishedReading.of(domain, drill, oracle, signed.reading, signed.signature)


def cut(rows: Sequence[LogRow], before: int, log_size: int) -> Sequence[LogRow]:
    """Of samples with `before` others in front of them those that a log of that size has. What
    comes after the final reading was signed is in the journal and in no bill.

    Raises PublishedDiffersError when the log does not even have those before.
    """
    if log_size < before:
        raise PublishedDiffersError(
            f"{before} samples are sealed, the log has {log_size}: {BEYOND}"
        )
    return rows[: log_size - before]


def sealed_bundles(files: Mapping[str, int]) -> int:
    """How many bundles a folder with these files (bytes by name) has sealed.

    Raises PublishedDiffersError when one is missing among them or has another size.
    """
    names = {name for name in files if name.endswith(_SEALED) and not name.endswith(_PART)}
    for index in range(len(names)):
        name = bundle_file(index, sealed=True)
        if name not in names:
            raise PublishedDiffersError(f"{name} is missing and later bundles are there")
        if files[name] != BUNDLE_BYTES:
            raise PublishedDiffersError(f"{name} has {files[name]} bytes, not {BUNDLE_BYTES}")
    return len(names)


def stale_parts(files: Mapping[str, int], sealed: int) -> tuple[str, ...]:
    """The unfinished bundles that sealed ones have replaced."""
    current = bundle_file(sealed, sealed=False)
    return tuple(sorted(name for name in files if name.endswith(_PART) and name != current))


def is_whole(files: Mapping[str, int], log_size: int) -> bool:
    """Whether files of these sizes can be a whole published log of so many samples."""
    sealed, rest = divmod(log_size, BUNDLE_SAMPLES)
    wanted = {bundle_file(index, sealed=True): BUNDLE_BYTES for index in range(sealed)}
    if rest:
        wanted[bundle_file(sealed, sealed=False)] = rest * SAMPLE_BYTES
    return {name: size for name, size in files.items() if name.endswith(_SEALED)} == wanted


def part_agrees(part: bytes, tail: Sequence[LogRow]) -> bool:
    """Whether an unfinished bundle holds whole samples, the first ones of `tail`."""
    return b"".join(row.raw for row in tail).startswith(part) and not len(part) % SAMPLE_BYTES
