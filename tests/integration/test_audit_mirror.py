"""A verified copy of what is published: complete, resumable, and only of what the roots cover."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from audit_rig import Told, audit, names
from click.testing import Result
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3

from audit import cli_mirror
from audit.cli import app
from audit.errors import SourceError
from audit.samples.sources import Folder, SampleSource
from lab.rig.history import furnish
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard
from protocol.publication import BUNDLE_BYTES, BUNDLE_SAMPLES, bundle_file

pytestmark = pytest.mark.integration

LONG, SHORT, ENDED = 1, 2, 3


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Two open rentals, of which one has sealed bundles, and a closed one."""
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        furnish(yard, boxes=1, drills=3)
        for customer in yard.customers[:3]:
            yard.open(customer, COIN)
        yard.use([SHORT, ENDED], 3_600)
        yard.end(ENDED, yard.customers[2])
        yard.strokes = (2_500, 2_500, 2_500)
        for _ in range(3):
            yard.use([LONG], 7_200)
        assert 2 < yard.meters[LONG].log.frontier.size / BUNDLE_SAMPLES < 3
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples)


@pytest.fixture
def published(told: Told, tmp_path: Path) -> Path:
    assert told.samples is not None
    return Path(shutil.copytree(told.samples, tmp_path / "published"))


def mirror(told: Told, source: Path, to: Path, *options: str) -> Result:
    arguments = ["mirror", "--rpc", told.url, "--contract", told.contract]
    return CliRunner().invoke(
        app, [*arguments, "--samples", str(source), "--to", str(to), *options]
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def file_of(told: Told, folder: Path, rental: int, name: str) -> Path:
    original = told.yard.publisher.folder(told.yard.meters[rental].identity) / name
    return folder / original.relative_to(str(told.samples))


def test_mirror__everything_published__the_same_files_and_an_audit_of_them(
    told: Told, published: Path, tmp_path: Path
) -> None:
    to = tmp_path / "copy"
    done = mirror(told, published, to)
    assert done.exit_code == 0, done.output
    assert "2 fetched, 0 were there" in done.output
    assert files(to) == files(published)
    assert names(audit(told.url, told.contract, samples=to)) == set()


def test_mirror__again__sealed_bundles_are_verified_and_not_fetched(
    told: Told, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, asked = tmp_path / "copy", []

    class Listening(Folder):
        def fetch(self, names: Sequence[str], most: int) -> bytes | None:
            asked.append(names[-1])
            return super().fetch(names, most)

    def listening(text: str) -> SampleSource:
        return Listening(Path(text))

    assert mirror(told, published, to, "--rental", str(LONG)).exit_code == 0
    monkeypatch.setattr(cli_mirror, "open_source", listening)
    done = mirror(told, published, to, "--rental", str(LONG))
    assert done.exit_code == 0, done.output
    assert "0 fetched, 2 were there" in done.output
    assert bundle_file(0, sealed=True) not in asked
    assert bundle_file(2, sealed=False) in asked


def test_mirror__one_rental__the_others_are_not_copied(
    told: Told, published: Path, tmp_path: Path
) -> None:
    done = mirror(told, published, tmp_path / "copy", "--rental", str(SHORT))
    assert done.exit_code == 0, done.output
    assert {Path(name).name for name in files(tmp_path / "copy")} == {
        bundle_file(0, sealed=False),
        "reading.json",
    }


def test_mirror__interrupted_by_the_source__whole_verified_files_and_goes_on(
    told: Told, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "copy"

    class Breaking(Folder):
        def fetch(self, names: Sequence[str], most: int) -> bytes | None:
            if names[-1] == bundle_file(2, sealed=True):
                raise SourceError("the line is cut")
            return super().fetch(names, most)

    with monkeypatch.context() as patched:
        patched.setattr(cli_mirror, "open_source", lambda text: Breaking(Path(text)))
        done = mirror(told, published, to)
    assert done.exit_code == 2
    assert "samples-unreachable" in done.output
    whole = files(published)
    for name, content in files(to).items():
        # Of a bundle that is full by now, the part that a root covers is a growing one.
        assert (whole.get(name) or whole[name.replace(".part", "")]).startswith(content)
    assert mirror(told, published, to).exit_code == 0
    assert files(to) == files(published)


def test_mirror__a_sample_changed__nothing_from_there_on_is_put_in_place(
    told: Told, published: Path, tmp_path: Path
) -> None:
    file = file_of(told, published, LONG, bundle_file(1, sealed=True))
    content = bytearray(file.read_bytes())
    content[3_000] ^= 1
    file.write_bytes(content)
    done = mirror(told, published, tmp_path / "copy")
    assert done.exit_code == 1
    assert "samples-differ" in done.output
    copied = {Path(name).name for name in files(tmp_path / "copy") if f"rental-{LONG}-" in name}
    assert bundle_file(1, sealed=True) not in copied
    assert not any(name.endswith(".draft") for name in copied)


def test_mirror__reading_of_another_key__not_copied(
    told: Told, published: Path, tmp_path: Path
) -> None:
    file = file_of(told, published, SHORT, "reading.json")
    text = file.read_text()
    at = text.index('"signature": "0x') + 20
    file.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
    assert mirror(told, published, tmp_path / "copy").exit_code == 1
    assert not file_of(told, tmp_path / "copy", SHORT, "reading.json").exists()
    assert file_of(told, tmp_path / "copy", SHORT, bundle_file(0, sealed=False)).exists()


def test_mirror__damaged_bundle_in_the_copy__named(
    told: Told, published: Path, tmp_path: Path
) -> None:
    to = tmp_path / "copy"
    assert mirror(told, published, to).exit_code == 0
    own = file_of(told, to, LONG, bundle_file(0, sealed=True))
    own.write_bytes(bytes(BUNDLE_BYTES))
    done = mirror(told, published, to)
    assert done.exit_code == 1
    assert f"not covered by a signed root: {own}" in done.output
    own.unlink()
    assert mirror(told, published, to).exit_code == 0
    assert files(to) == files(published)


def test_mirror__more_published_than_signed_for__only_what_is_signed_for_is_copied(
    told: Told, published: Path, tmp_path: Path
) -> None:
    file = file_of(told, published, SHORT, bundle_file(0, sealed=False))
    signed_for = file.read_bytes()
    file.write_bytes(signed_for + signed_for[-96:])
    assert mirror(told, published, tmp_path / "copy").exit_code == 0
    assert file_of(told, tmp_path / "copy", SHORT, file.name).read_bytes() == signed_for


def test_mirror__copy_where_it_cannot_be__refused(
    told: Told, published: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = mirror(told, published, tmp_path / "file" / "copy")
    assert done.exit_code == 2
    assert "cannot be made" in done.output
