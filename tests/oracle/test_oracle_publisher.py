"""Publication by a journal and a folder: nothing else is remembered, whatever fails in between."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from oracle_press import RENTAL, Press
from sqlalchemy import select
from structlog.testing import capture_logs

from oracle.journal import tables
from protocol.publication import parse_published_reading
from protocol.records import Reading, RentalState

SMALL = 4
OPENED_MS = RENTAL.opened_ms


@pytest.fixture
def press(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    """Bundles of four samples, so that a test needs few."""
    for module in ("oracle.samples.publication", "oracle.samples.publisher"):
        monkeypatch.setattr(f"{module}.BUNDLE_SAMPLES", SMALL)
        monkeypatch.setattr(f"{module}.BUNDLE_BYTES", SMALL * 96)
    made = Press(tmp_path)
    yield made
    made.store.close()


def reading(press: Press) -> Reading:
    content = (press.of() / "reading.json").read_bytes()
    return parse_published_reading(content, "reading.json").reading()


def names(press: Press) -> list[str]:
    return sorted(one.name for one in press.of().iterdir())


def test_step__open__what_is_confirmed_and_the_newest_reading_over_it(press: Press) -> None:
    press.add(5)
    first = press.sign()
    press.add(15)
    press.sign()
    press.confirm(1)
    press.publish()

    assert press.published() == press.expected(first.until)
    assert names(press) == ["reading.json", "samples-00000000.bin", "samples-00000001.part.bin"]
    assert reading(press) == first


def test_step__no_sample_yet__no_folder_and_nothing_forgotten_later(press: Press) -> None:
    press.publish()
    assert press.content() == {}

    press.add(2)
    press.sign()
    press.publish()
    assert press.content() == {}

    press.confirm(1)
    press.publish()
    assert press.published() == press.expected(OPENED_MS + 1_000)


def test_step__samples_of_the_rental_before__not_among_these(press: Press) -> None:
    press.add(10)
    later = replace(RENTAL, opened_at=RENTAL.opened_at + 1, customer="0x" + "e" * 40)
    press.take_up(later)
    press.add(3, rest=True)
    press.sign()
    press.confirm(2)
    press.publish()

    # They name the same number, which was another rental's on a vanished chain.
    assert len(press.published()) == 3 * 96
    assert press.published() == press.expected(2**43)


def test_step__end_before_metered_samples__log_up_to_the_end_with_its_final_reading(
    press: Press,
) -> None:
    press.add(20)
    press.sign(OPENED_MS + 900)
    press.sign()
    press.confirm(1)
    press.publish()
    extent = press.end(1)
    final = press.sign(extent.ended_ms, closing=True)
    press.publish()

    assert press.published() == press.expected(OPENED_MS + 1_000)
    assert reading(press) == final
    assert final.log_size == 10
    found = press.extents.extent(7)
    assert found is not None
    assert found.log_size == 10
    assert press.extents.extents(unfinished=True) == []


def test_step__samples_after_the_final_reading__not_published(press: Press) -> None:
    press.add(3)
    extent = press.end(1)
    final = press.sign(extent.ended_ms, closing=True)
    press.add(4)
    press.publish()

    assert len(press.published()) == 3 * 96
    assert reading(press) == final


def test_step__closed_without_a_final_reading__whole_log_and_done(press: Press) -> None:
    press.add(3)
    kept = press.sign()
    press.end(1)
    press.publish()
    assert len(press.extents.extents(unfinished=True)) == 1

    press.end(1, RentalState.CLOSED)
    press.publish()
    assert press.published() == press.expected(OPENED_MS + 1_000)
    assert reading(press) == kept
    assert press.extents.extents(unfinished=True) == []


def test_step__another_rental_of_the_number__another_folder_and_the_old_one_stays(
    press: Press,
) -> None:
    press.add(5)
    press.sign()
    press.confirm(1)
    press.publish()
    before = press.content()
    stranger = replace(RENTAL, customer="0x" + "e" * 40)
    press.take_up(stranger)
    press.add(5, rest=True)
    press.confirm(1)
    press.publish()

    # What was signed was signed for the other one.
    assert press.content() == before
    press.sign()
    press.publish()
    assert {name: content for name, content in press.content().items() if name in before} == before
    assert names(press) == ["reading.json", "samples-00000000.bin", "samples-00000001.part.bin"]


def test_step__many_periods__each_bundle_sealed_once_and_files_replaced_only_when_they_grow(
    press: Press,
) -> None:
    for second in range(1, 4):
        press.add(10)
        press.sign()
        press.confirm(second)
        press.publish()
        press.publish()

    sealed = [name for name in press.files.written if "part" not in name and name.endswith(".bin")]
    assert sealed == [f"samples-{n:08d}.bin" for n in range(7)]
    assert len(press.files.written) == len(sealed) + 2 + 3


def test_step__key_rotated_in_between__reading_keeps_the_signature_it_was_given(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.add(5)
    press.sign()
    monkeypatch.setattr("oracle_press.SIGNER", None)  # nobody signs any more
    press.confirm(1)
    press.publish()

    assert reading(press).log_size == 5


# --- whatever fails ---------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


def story(press: Press, publish: Callable[[], None]) -> None:
    """Two periods of an open rental, its end, and the final reading."""
    press.add(6)
    press.sign()
    press.confirm(1)
    publish()
    press.add(5)
    press.sign()
    press.confirm(2)
    publish()
    press.add(5)
    extent = press.end(2)
    press.sign(extent.ended_ms, closing=True)
    publish()


def fail_at(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> list[str]:
    """Raise just before the call of that number to the operating system; what was called."""
    calls: list[str] = []

    def stand_in(name: str, real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == number:
                raise error
            if name == "fsync":
                return None  # a killed process is not a power failure, and disks take their time
            if name == "write" and len(arguments[1]) > 96:
                # A disk takes what it likes, so that a file is torn at many places.
                return real(arguments[0], arguments[1][:100])
            return real(*arguments, **options)

        return call

    for name in ("open", "write", "fsync"):
        monkeypatch.setattr(os, name, stand_in(name, getattr(os, name)))
    for name in ("mkdir", "replace", "unlink"):
        monkeypatch.setattr(Path, name, stand_in(name, getattr(Path, name)))
    return calls


@pytest.mark.campaign
def test_step__killed_at_any_instruction__the_same_files_in_the_end(
    press: Press, tmp_path: Path
) -> None:
    """One folder is killed before each call in turn, the other one never; both see the same."""
    with pytest.MonkeyPatch.context() as patch:
        calls = fail_at(patch, 0, Killed())
        story(press, press.publish)
        steps = len(calls)
    assert steps > 60
    expected = press.content()

    for number in range(1, steps + 1):
        folder = tmp_path / f"killed-{number}"
        folder.mkdir()
        other = Press(folder, store=press.store)
        with pytest.MonkeyPatch.context() as patch:
            fail_at(patch, number, Killed())

            def publish(other: Press = other) -> None:
                try:
                    other.publish()
                except Killed:
                    require_whole(other)
                    other.restart()
                    other.publish()

            story(other, publish)
        assert other.content() == expected, f"killed before call {number}, {calls[number - 1]}"


def require_whole(press: Press) -> None:
    """What readers see between two instructions is a whole prefix of the log."""
    if not press.of().exists():
        return
    whole = press.expected(2**43)
    held = 0
    for index in range(10):
        sealed = press.of() / f"samples-{index:08d}.bin"
        part = press.of() / f"samples-{index:08d}.part.bin"
        content = next((one.read_bytes() for one in (sealed, part) if one.exists()), b"")
        assert whole[held : held + len(content)] == content
        assert len(content) % 96 == 0
        held += len(content)
    if (press.of() / "reading.json").exists():
        assert reading(press).log_size * 96 <= held


@pytest.mark.parametrize("call", range(1, 8))
def test_step__disk_full__said_once_and_made_up_for_later(press: Press, call: int) -> None:
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        full = OSError(errno.ENOSPC, "No space left on device")
        for _ in range(3):
            fail_at(patch, call, full)
            story_once(press)
    assert [one["event"] for one in logs] == ["publication fails"]
    assert "No space left on device" in logs[0]["reason"]

    with capture_logs() as logs:
        press.publish()
    assert [one["event"] for one in logs] == ["publication recovered"]
    assert press.published() == press.expected(OPENED_MS + 1_000)


def story_once(press: Press) -> None:
    if not press.sent:
        press.add(6)
        press.sign()
        press.confirm(1)
    press.publish()


def test_step__little_room_left__leaves_it_to_the_journal(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.static_files.KEPT_FREE_BYTES", 1 << 60)
    with capture_logs() as logs:
        story_once(press)

    assert "would be left on the disk" in logs[0]["reason"]
    assert press.content() == {}


def test_step__folder_is_not_there__made_by_nobody_and_filled_when_it_is(press: Press) -> None:
    press.samples.rmdir()
    with capture_logs() as logs:
        story_once(press)
    assert [one["event"] for one in logs] == ["publication fails"]
    assert not press.samples.exists()

    press.samples.mkdir()
    press.publish()
    assert press.published() == press.expected(OPENED_MS + 1_000)


def test_step__folder_emptied_after_the_end__filled_again_at_the_next_start(press: Press) -> None:
    story(press, press.publish)
    expected = press.content()
    shutil.rmtree(press.of())
    press.publish()
    assert press.content() == {}

    press.restart()
    press.publish()
    assert press.content() == expected


def test_step__folder_emptied_and_disk_full_at_the_start__filled_when_there_is_room(
    press: Press,
) -> None:
    story(press, press.publish)
    expected = press.content()
    shutil.rmtree(press.of())
    press.restart()
    with pytest.MonkeyPatch.context() as patch:
        fail_at(patch, 2, OSError(errno.ENOSPC, "No space left on device"))
        press.publish()
    press.publish()

    assert press.content() == expected


def test_step__closed_and_forgotten_while_the_folder_was_away__final_reading_is_still_there(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.journal.signed.KEPT_MS", 0)
    press.samples.rename(press.samples.with_name("away"))
    press.add(9)
    press.sign()
    press.add(9)
    extent = press.end(1)
    final = press.sign(extent.ended_ms, closing=True)
    press.publish()
    press.end(1, RentalState.CLOSED)
    press.journal.forget_closed(replace(press.rental, until=final.until))
    press.samples.with_name("away").rename(press.samples)
    press.publish()

    assert reading(press) == final
    table = tables.receipt_signature
    with press.store.read() as connection:
        kept = connection.execute(select(table.c.until).order_by(table.c.until)).scalars().all()
    assert kept == [final.until]


def test_step__finished_and_restarted__nothing_is_written(press: Press) -> None:
    story(press, press.publish)
    press.restart()
    press.publish()

    assert press.files.written == []


def test_step__part_damaged__replaced_and_said(press: Press) -> None:
    press.add(6)
    press.sign()
    press.confirm(1)
    press.publish()
    (press.of() / "samples-00000001.part.bin").write_bytes(b"x" * 100)
    press.restart()
    with capture_logs() as logs:
        press.publish()

    assert [one["event"] for one in logs] == ["published part replaced"]
    assert press.published() == press.expected(OPENED_MS + 1_000)


def test_step__reading_damaged__replaced_and_said(press: Press) -> None:
    press.add(6)
    press.sign()
    press.confirm(1)
    press.publish()
    expected = press.content()
    (press.of() / "reading.json").write_bytes(b"{")
    press.restart()
    with capture_logs() as logs:
        press.publish()

    assert [one["event"] for one in logs] == ["published reading replaced"]
    assert press.content() == expected


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda file: file.unlink(), "samples-00000000.bin is missing"),
        (lambda file: file.write_bytes(b""), "has 0 bytes"),
    ],
)
def test_step__sealed_bundle_damaged__left_alone_said_once_and_the_others_go_on(
    press: Press, damage: Callable[[Path], object], complaint: str
) -> None:
    press.add(9)
    press.sign()
    press.confirm(1)
    press.publish()
    damage(press.of() / "samples-00000000.bin")
    damaged = press.content()
    press.restart()
    press.beside(8)
    press.confirm(2)
    with capture_logs() as logs:
        press.publish()
        press.publish()

    assert [one["event"] for one in logs] == ["rental not published"]
    assert complaint in logs[0]["reason"]
    assert {name: press.content()[name] for name in damaged} == damaged
    assert len(press.content()) > len(damaged)


def test_step__last_sealed_sample_is_not_the_journals__refused(press: Press) -> None:
    press.add(9)
    press.sign()
    press.confirm(1)
    press.publish()
    (press.of() / "samples-00000001.bin").write_bytes(b"x" * SMALL * 96)
    press.restart()
    with capture_logs() as logs:
        press.publish()

    assert "samples-00000001.bin ends with no sample of the journal" in logs[0]["reason"]


def test_step__end_moved_before_published_samples__files_stay_and_it_is_said(press: Press) -> None:
    """A reorganisation deeper than the confirmations that are waited for."""
    press.add(20)
    press.sign()
    press.confirm(2)
    press.publish()
    before = press.content()
    press.end(1)
    with capture_logs() as logs:
        press.publish()

    assert [one["event"] for one in logs] == ["rental not published"]
    assert press.content() == before
