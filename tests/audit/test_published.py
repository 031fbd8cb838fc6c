"""Published files out of a folder: what is there, what is cut short, what must not be followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audit.errors import SourceError
from audit.samples.published import Published
from audit.samples.sources import Folder, open_source
from protocol.errors import RecordError
from protocol.publication import (
    BUNDLE_BYTES,
    BUNDLE_SAMPLES,
    RentalIdentity,
    bundle_file,
    contract_folder,
)
from protocol.records import Domain
from protocol.sample import SAMPLE_BYTES

DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
IDENTITY = RentalIdentity(7, 2, 1, 1_790_000_000, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")


@pytest.fixture
def rental(tmp_path: Path) -> Path:
    folder = tmp_path / contract_folder(DOMAIN) / IDENTITY.folder()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(Folder(tmp_path), DOMAIN)


def test_bundle__sealed__all_of_it(rental: Path, published: Published) -> None:
    content = os.urandom(BUNDLE_BYTES)
    (rental / bundle_file(1, sealed=True)).write_bytes(content)
    bundle = published.bundle(IDENTITY, 1)
    assert (bundle.content, bundle.sealed, bundle.truncated) == (content, True, False)
    assert (bundle.first, bundle.samples) == (BUNDLE_SAMPLES, BUNDLE_SAMPLES)
    assert published.sample(IDENTITY, BUNDLE_SAMPLES + 1) == content[SAMPLE_BYTES:][:SAMPLE_BYTES]
    assert published.sample(IDENTITY, 0) is None


@pytest.mark.parametrize("sealed", [True, False])
def test_bundle__ends_within_a_sample__said(
    rental: Path, published: Published, sealed: bool
) -> None:
    (rental / bundle_file(0, sealed=sealed)).write_bytes(bytes(3 * SAMPLE_BYTES + 5))
    bundle = published.bundle(IDENTITY, 0)
    assert (bundle.samples, bundle.odd_bytes, bundle.truncated) == (3, 5, True)


def test_bundle__short_but_sealed__truncated(rental: Path, published: Published) -> None:
    (rental / bundle_file(0, sealed=True)).write_bytes(bytes(BUNDLE_BYTES - SAMPLE_BYTES))
    assert published.bundle(IDENTITY, 0).truncated


def test_bundle__none__is_empty(published: Published) -> None:
    bundle = published.bundle(IDENTITY, 0)
    assert (bundle.file, bundle.samples, bundle.truncated) == ("", 0, False)


def test_bundle__sealed_while_asked__found(rental: Path, tmp_path: Path) -> None:
    class Sealing(Folder):
        def fetch(self, names: object, most: int) -> bytes | None:
            found = super().fetch(names, most)  # type: ignore[arg-type]
            (rental / bundle_file(0, sealed=True)).write_bytes(bytes(BUNDLE_BYTES))
            return found

    assert Published(Sealing(tmp_path), DOMAIN).bundle(IDENTITY, 0).sealed


def test_bundle__larger_than_any__refused(rental: Path, published: Published) -> None:
    (rental / bundle_file(0, sealed=True)).write_bytes(bytes(BUNDLE_BYTES + 1))
    with pytest.raises(SourceError, match="more than the 393216 bytes"):
        published.bundle(IDENTITY, 0)


def test_reading__none_or_damaged__none_or_said(rental: Path, published: Published) -> None:
    assert published.reading(IDENTITY) is None
    (rental / "reading.json").write_bytes(b"{}")
    with pytest.raises(RecordError, match=r"reading\.json: chain_id"):
        published.reading(IDENTITY)


@pytest.mark.parametrize("name", ["..", "", ".", "a/b", "/etc/passwd", "a\\b", "a\0b", ".hidden"])
def test_fetch__name_that_leads_elsewhere__refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="is not the name of a published file"):
        Folder(tmp_path).fetch((name, "x"), 10)


def test_fetch__link_out_of_the_folder__refused(tmp_path: Path) -> None:
    inner = tmp_path / "published"
    inner.mkdir()
    (tmp_path / "secret").write_text("secret")
    (inner / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="leads out of"):
        Folder(inner).fetch(("link",), 10)


def test_fetch__named_pipe__refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is not a file"):
        Folder(tmp_path).fetch(("pipe",), 10)


def test_fetch__folder_vanishes__is_not_taken_for_nothing_published(tmp_path: Path) -> None:
    inner = tmp_path / "published"
    inner.mkdir()
    source = Folder(inner)
    inner.rmdir()
    with pytest.raises(SourceError, match="no longer there"):
        source.fetch(("x",), 10)


@pytest.mark.parametrize("text", ["ftp://host/x", "file:///etc", "https://", "http://h/x?y=1"])
def test_open_source__neither_folder_nor_web__refused(text: str) -> None:
    with pytest.raises(SourceError):
        open_source(text)
