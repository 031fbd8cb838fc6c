"""The published form written anew from the journal, and held against what was signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oracle_box import DOMAIN
from oracle_builders import make_sample
from oracle_press import RENTAL, Press
from sqlalchemy import delete, update

from host.errors import PublicationError
from host.static_files import StaticFiles
from oracle.errors import OracleError, PublishedDiffersError
from oracle.journal import tables
from oracle.samples.export import Exporter, export_all
from oracle.samples.extent import LogExtent
from protocol.publication import contract_folder
from protocol.records import RentalState
from protocol.sample import encode_sample

SMALL = 4
OPENED_MS = RENTAL.opened_ms


@pytest.fixture
def press(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    for module in ("publication", "publisher", "export"):
        monkeypatch.setattr(f"oracle.samples.{module}.BUNDLE_SAMPLES", SMALL)
        monkeypatch.setattr(f"oracle.samples.{module}.BUNDLE_BYTES", SMALL * 96)
    made = Press(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def exporter(press: Press, to: Path) -> Exporter:
    return Exporter(press.extents, StaticFiles(to), DOMAIN, 1)


def extent(press: Press) -> LogExtent:
    found = press.extents.extent(7)
    assert found is not None
    return found


def content(folder: Path) -> dict[str, bytes]:
    files = [one for one in folder.rglob("*") if one.is_file()]
    return {str(one.relative_to(folder)): one.read_bytes() for one in files}


def drill(press: Press) -> None:
    """Three receipts, an end before the last of them, and the final reading; all published."""
    for second in (1, 2):
        press.add(9)
        press.sign()
        press.confirm(second)
        press.publish()
    press.add(9)
    press.sign()
    ended = press.end(2)
    press.sign(ended.ended_ms, closing=True)
    press.publish()


def test_export__ended_rental__byte_for_byte_what_is_published(press: Press, mirror: Path) -> None:
    drill(press)

    done = exporter(press, mirror).export(extent(press))

    assert content(mirror) == press.content()
    assert (done.log_size, done.agreeing, done.beyond) == (20, 3, 0)


def test_export__open_rental__up_to_what_is_confirmed(press: Press, mirror: Path) -> None:
    press.add(9)
    press.sign()
    press.confirm(1)
    press.add(9)
    press.sign()
    press.publish()

    done = exporter(press, mirror).export(extent(press))

    assert content(mirror) == press.content()
    assert (done.log_size, done.agreeing, done.beyond) == (9, 1, 1)


def test_export__again_after_more__only_what_is_new_is_written(press: Press, mirror: Path) -> None:
    press.add(9)
    press.sign()
    press.confirm(1)
    exporter(press, mirror).export(extent(press))
    folder = mirror / contract_folder(DOMAIN) / extent(press).identity.folder()
    sealed = (folder / "samples-00000000.bin").stat()
    press.add(9)
    press.sign()
    press.confirm(2)
    exporter(press, mirror).export(extent(press))

    assert (folder / "samples-00000000.bin").stat().st_ino == sealed.st_ino
    assert sorted(one.name for one in folder.iterdir()) == [
        "reading.json",
        *(f"samples-{n:08d}.bin" for n in range(4)),
        "samples-00000004.part.bin",
    ]


def test_export__sample_changed_in_the_journal__names_the_reading(
    press: Press, mirror: Path
) -> None:
    drill(press)
    table, other = tables.sample, make_sample(5, OPENED_MS + 500, motor_on=True, rpm=601)
    with press.store.write() as connection:
        change = update(table).where(table.c.sequence == 5)
        connection.execute(change.values(raw=encode_sample(other)))

    with pytest.raises(PublishedDiffersError, match="first 9 samples have the root 0x"):
        exporter(press, mirror).export(extent(press))


def test_export__sample_damaged_in_the_journal__is_a_complaint_that_names_it(
    press: Press, mirror: Path
) -> None:
    drill(press)
    table, other = tables.sample, press.expected(OPENED_MS + 100)
    with press.store.write() as connection:
        connection.execute(update(table).where(table.c.sequence == 5).values(raw=other))

    (complaint,) = export_all(exporter(press, mirror), mirror, None, lambda _: None)
    assert "sample 5 of drill 1 was changed in the journal" in complaint


def test_export__samples_lost_from_the_journal__says_how_many(press: Press, mirror: Path) -> None:
    drill(press)
    table = tables.sample
    with press.store.write() as connection:
        connection.execute(delete(table).where(table.c.sequence > 18))

    with pytest.raises(PublishedDiffersError, match=r"has 18 samples, .* is over 20"):
        exporter(press, mirror).export(extent(press))


@pytest.mark.parametrize("name", ["samples-00000001.bin", "samples-00000004.bin"])
def test_export__sealed_bundle_in_the_target_differs__left_alone_and_named(
    press: Press, mirror: Path, name: str
) -> None:
    drill(press)
    exporter(press, mirror).export(extent(press))
    file = mirror / contract_folder(DOMAIN) / extent(press).identity.folder() / name
    file.write_bytes(b"x" * SMALL * 96)

    with pytest.raises(PublishedDiffersError, match=f"{name} has other samples"):
        exporter(press, mirror).export(extent(press))
    assert file.read_bytes() == b"x" * SMALL * 96


def test_export_all__one_of_two_differs__the_other_is_written_and_one_is_complained_of(
    press: Press, mirror: Path
) -> None:
    drill(press)
    wrong = press.beside(8)
    folder = mirror / contract_folder(DOMAIN) / wrong.identity.folder()
    folder.mkdir(parents=True)
    (folder / "samples-00000000.bin").write_bytes(b"x")
    said: list[str] = []

    complaints = export_all(exporter(press, mirror), mirror, None, said.append)

    assert [one.split(":")[0] for one in complaints] == ["rental 8"]
    assert said == [
        f"rental 7: 20 samples, 3 signed readings agree: "
        f"{contract_folder(DOMAIN)}/{extent(press).identity.folder()}"
    ]


def test_export_all__rental_that_nobody_knows__refused(press: Press, mirror: Path) -> None:
    with pytest.raises(OracleError, match="knows no rental 9"):
        export_all(exporter(press, mirror), mirror, 9, print)


def test_export_all__target_that_cannot_be__named(press: Press, mirror: Path) -> None:
    press.end(1, RentalState.CLOSED)
    (mirror / "file").write_bytes(b"")
    with pytest.raises(PublicationError, match="mirror/file/x: Not a directory"):
        export_all(exporter(press, mirror), mirror / "file/x", None, print)
