"""What is written next into a published folder, at each boundary."""

from __future__ import annotations

from dataclasses import replace

import pytest
from oracle_builders import logged, make_rental, make_sample

from oracle.errors import PublishedDiffersError
from oracle.samples.extent import LogExtent, follow_extent, identity_of
from oracle.samples.extent_journal import LogRow
from oracle.samples.publication import (
    Held,
    Remove,
    Write,
    cut,
    is_whole,
    next_bundle,
    next_reading,
    part_agrees,
    sealed_bundles,
    stale_parts,
)
from protocol.publication import BUNDLE_BYTES, BUNDLE_SAMPLES, PublishedReading
from protocol.records import Domain, Reading, Registers, RentalState

DOMAIN = Domain(31337, "0x" + "d" * 40)
RENTAL = make_rental()
OPEN = LogExtent(identity_of(RENTAL), RENTAL.opened_ms + 5_000)


def rows(count: int, *, first: int = 1, at_ms: int = RENTAL.opened_ms) -> list[LogRow]:
    made = [make_sample(first + n, at_ms + 100 * n) for n in range(count)]
    return [LogRow(one.sequence, one.time_ms, logged(one).raw) for one in made]


def reading(until: int, size: int, signature: int = 1) -> PublishedReading:
    signed = Reading(7, until, Registers(active_ms_1=until), size, bytes(32))
    return PublishedReading.of(DOMAIN, 1, 1, signed, bytes([signature]) * 65)


# --- how far a log is final -------------------------------------------------------------------


def test_cut__size_of_the_final_reading__nothing_beyond_it() -> None:
    samples = rows(10)

    assert cut(samples, 0, 10) == samples
    assert cut(samples, 4, 7) == samples[:3]
    assert cut(samples, 7, 7) == []
    with pytest.raises(PublishedDiffersError, match="8 samples are sealed, the log has 7"):
        cut(samples, 8, 7)


def test_follow_extent__open__grows_with_the_confirmed_block_and_never_shrinks() -> None:
    later = follow_extent(OPEN, RENTAL, OPEN.final_ms + 1)

    assert follow_extent(None, RENTAL, OPEN.final_ms) == OPEN
    assert later == replace(OPEN, final_ms=OPEN.final_ms + 1)
    assert follow_extent(later, RENTAL, OPEN.final_ms) == later


def test_follow_extent__ended_then_closed__final_up_to_the_end_and_its_size_stays() -> None:
    ended_at = RENTAL.opened_at + 3
    ended = replace(RENTAL, state=RentalState.ENDED, ended_at=ended_at)

    found = follow_extent(OPEN, ended, OPEN.final_ms)
    assert (found.ended_ms, found.final_ms, found.closed) == (ended_at * 1000,) * 2 + (False,)

    closed = replace(ended, state=RentalState.CLOSED)
    assert follow_extent(replace(found, log_size=9), closed, OPEN.final_ms) == replace(
        found, log_size=9, closed=True
    )


@pytest.mark.parametrize("state", [RentalState.OPEN, RentalState.ENDED])
def test_follow_extent__other_end_or_other_rental__size_is_unknown_again(
    state: RentalState,
) -> None:
    ended = replace(OPEN, ended_ms=OPEN.final_ms, log_size=9)
    view = replace(RENTAL, state=state, ended_at=RENTAL.opened_at + 4)
    stranger = replace(view, customer="0x" + "e" * 40)

    assert follow_extent(ended, view, OPEN.final_ms).log_size is None
    assert follow_extent(ended, stranger, OPEN.final_ms).log_size is None
    assert follow_extent(ended, stranger, OPEN.final_ms).identity.customer == "0x" + "e" * 40


# --- bundles ----------------------------------------------------------------------------------


def test_next_bundle__a_sample_short_of_full__the_part_grows() -> None:
    tail = rows(BUNDLE_SAMPLES - 1)

    due = next_bundle(Held(part_samples=1), tail)

    assert isinstance(due, Write)
    assert due.name == "samples-00000000.part.bin"
    assert due.content == b"".join(row.raw for row in tail)
    assert due.held == Held(part_samples=BUNDLE_SAMPLES - 1)
    assert next_bundle(due.held, tail) is None


def test_next_bundle__full_exactly__sealed_and_then_the_part_goes() -> None:
    due = next_bundle(Held(2, 9_000, 17), rows(BUNDLE_SAMPLES, first=9_001))

    assert isinstance(due, Write)
    assert due.name == "samples-00000002.bin"
    assert len(due.content) == BUNDLE_BYTES
    gone = next_bundle(due.held, [])
    assert isinstance(gone, Remove)
    assert gone.name == "samples-00000002.part.bin"
    assert gone.held == Held(3, 9_000 + BUNDLE_SAMPLES)
    assert next_bundle(gone.held, []) is None


def test_next_bundle__nothing_at_all__nothing() -> None:
    assert next_bundle(Held(), []) is None


def test_next_bundle__more_published_than_the_log_has__refused() -> None:
    with pytest.raises(PublishedDiffersError, match="4101 samples are published, the log has 4100"):
        next_bundle(Held(1, 4_096, 5), rows(4))


def test_sealed_bundles__whole_folder__counted() -> None:
    files = {"samples-00000000.bin": BUNDLE_BYTES, "samples-00000001.bin": BUNDLE_BYTES}

    assert sealed_bundles({}) == 0
    assert sealed_bundles(files | {"samples-00000002.part.bin": 96, "reading.json": 900}) == 2


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"samples-00000001.bin": BUNDLE_BYTES}, "samples-00000000.bin is missing"),
        ({"samples-00000000.bin": 96}, "samples-00000000.bin has 96 bytes, not 393216"),
    ],
)
def test_sealed_bundles__damaged_folder__names_the_file(
    files: dict[str, int], complaint: str
) -> None:
    with pytest.raises(PublishedDiffersError, match=complaint):
        sealed_bundles(files)


def test_stale_parts__part_of_a_sealed_bundle__only_that() -> None:
    files = {"samples-00000000.part.bin": 96, "samples-00000001.part.bin": 96}

    assert stale_parts(files, 1) == ("samples-00000000.part.bin",)


def test_is_whole__sizes_of_the_log__no_other() -> None:
    files = {"samples-00000000.bin": BUNDLE_BYTES, "samples-00000001.part.bin": 2 * 96}

    assert is_whole(files | {"reading.json": 1}, BUNDLE_SAMPLES + 2)
    assert not is_whole(files, BUNDLE_SAMPLES + 1)
    assert not is_whole({}, 1)
    assert is_whole({}, 0)


def test_part_agrees__torn_or_other_samples__does_not() -> None:
    tail = rows(3)
    content = b"".join(row.raw for row in tail)

    assert part_agrees(content[:192], tail)
    assert not part_agrees(content[:191], tail)
    assert not part_agrees(content[96:], tail)
    assert not part_agrees(content + content[:96], tail)


# --- the reading ------------------------------------------------------------------------------


def test_next_reading__over_published_samples__written() -> None:
    due = next_reading(Held(part_samples=5), reading(10, 5))

    assert due is not None
    assert (due.name, due.content) == ("reading.json", reading(10, 5).to_json())
    assert due.held.reading == reading(10, 5)


@pytest.mark.parametrize(
    ("newest", "why"),
    [
        (None, "nothing signed"),
        (reading(30, 6), "its samples are not published"),
        (reading(20, 5, signature=2), "the same under another signature"),
        (reading(10, 5), "older"),
    ],
)
def test_next_reading__nothing_new__nothing(newest: PublishedReading | None, why: str) -> None:
    held = Held(part_samples=5, reading=reading(20, 5))

    assert next_reading(held, newest) is None, why
