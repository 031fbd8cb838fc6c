"""A journal that a disk has changed, and a drill whose controller is another one than before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from oracle_box import Box, build, view_of
from oracle_builders import NOW_MS, FakeBroker, FakeClock, make_rental, make_sample

from oracle.errors import JournalError
from oracle.journal.journal import Journal
from oracle.journal.store import Store
from oracle.leasing.lease_policy import Inhibit
from protocol.records import Registers, RentalState


@dataclass
class BoxInFile(Box):
    """A box whose journal can be switched off and changed."""

    path: Path = Path()

    def off(self) -> None:
        self.store.close()
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def on(self) -> None:
        self.store = Store(f"sqlite:///{self.path}")
        self.restart()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as database, database:
            return database.execute(statement, values).fetchall()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[BoxInFile]:
    path = tmp_path / "j.sqlite"
    store, clock, broker = Store(f"sqlite:///{path}"), FakeClock(), FakeBroker()
    box = BoxInFile(store, clock, broker, build(store, clock, broker), path=path)
    yield box
    box.store.close()


def flip_bit(box: BoxInFile, sequence: int, byte: int) -> None:
    """As a disk does it: one bit of one stored sample, in the file."""
    ((raw,),) = box.sql("SELECT raw FROM sample WHERE sequence = ?", sequence)
    content = bytearray(box.path.read_bytes())
    assert content.count(raw) == 1
    content[content.index(raw) + byte] ^= 1
    box.path.write_bytes(content)


def drilled(box: BoxInFile) -> None:
    box.rest()
    box.run(30, view_of(), motor_on=True, rpm=600)
    assert box.broker.of("lease")[-1]["kind"] == "lease"


def require_held(box: BoxInFile, reason: str) -> None:
    """The rental gets no lease and no signature, and the log says why, once."""
    signed = box.sql("SELECT count(*) FROM signed_reading")
    said = len(box.broker.of("reading"))
    box.on()
    with structlog.testing.capture_logs() as logs:
        box.run(40, view_of(), motor_on=True, rpm=600)
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.DAMAGED
    assert len(box.broker.of("reading")) == said
    assert box.sql("SELECT count(*) FROM signed_reading") == signed
    (entry,) = [one for one in logs if one["event"] == "rental held"]
    assert reason in entry["reason"]
    assert entry["rental"] == 7


@pytest.mark.parametrize("byte", [7, 15, 20, 26, 40, 87, 89])
@pytest.mark.parametrize("sequence", [3, 31])
def test_start__one_bit_of_a_sample_flipped__rental_held_and_nothing_signed(
    box: BoxInFile, sequence: int, byte: int
) -> None:
    drilled(box)
    box.off()
    flip_bit(box, sequence, byte)
    require_held(box, f"sample {sequence} of drill 1 was changed in the journal")


def test_start__row_rewritten_with_its_checksum__is_not_what_was_signed(box: BoxInFile) -> None:
    drilled(box)
    box.off()
    ((raw,),) = box.sql("SELECT raw FROM sample WHERE sequence = 3")
    slower = bytes(raw[:-4]).replace(b"\x02\x58", b"\x02\x57")
    assert slower != raw[:-4]
    box.sql("UPDATE sample SET raw = ? WHERE sequence = 3", slower)  # as of an older version
    require_held(box, "are not those that the reading until")


def test_start__signed_samples_gone__rental_held(box: BoxInFile) -> None:
    drilled(box)
    box.off()
    box.sql("DELETE FROM sample WHERE sequence > 5")
    require_held(box, "samples are signed, the journal has 5")


@pytest.mark.parametrize("column", ["rpm_ms_1", "active_ms_1", "log_size", "peaks"])
def test_start__checkpoint_changed__rental_held(box: BoxInFile, column: str) -> None:
    drilled(box)
    box.core.stop()
    box.off()
    ((value,),) = box.sql(f"SELECT {column} FROM checkpoint")  # noqa: S608
    other = value[:-1] + b"x" if isinstance(value, bytes) else int(value) + 1
    box.sql(f"UPDATE checkpoint SET {column} = ?", other)  # noqa: S608
    require_held(box, "a checkpoint of rental 7 was changed")


def test_start__rows_without_checksums__goes_on(box: BoxInFile) -> None:
    drilled(box)
    box.core.stop()
    box.off()
    box.sql("UPDATE sample SET raw = substr(raw, 1, 96)")
    box.sql("UPDATE checkpoint SET peaks = substr(peaks, 1, length(peaks) - 4)")
    box.on()
    box.run(20, view_of(), motor_on=True, rpm=600)
    assert box.broker.of("lease")[-1]["kind"] == "lease"
    assert int(box.broker.of("reading")[-1]["active_ms_1"]) > 3_500


def test_held__rental_closes__the_next_one_is_served(box: BoxInFile) -> None:
    drilled(box)
    box.off()
    flip_bit(box, 3, 40)
    box.on()
    box.run(5, view_of())
    closed = make_rental(state=RentalState.CLOSED, ended_at=NOW_MS // 1000 + 2)
    box.run(5, view_of(deep={7: closed}, latest={7: closed}))
    assert box.core.metering.held == {}


def of_board(box: BoxInFile, odometer_ms: int, count: int, **changes: Any) -> None:
    for _ in range(count):
        box.run(1, view_of(), odometer=Registers(odometer_ms, 0, 0, 0, 0, 0), **changes)


def test_step__odometer_falls__no_lease_until_the_rental_has_ended(box: BoxInFile) -> None:
    box.rest()
    of_board(box, 5_000, 10, motor_on=True, rpm=600)
    of_board(box, 6_000, 2)
    before = int(box.broker.of("reading")[-1]["active_ms_1"])
    with structlog.testing.capture_logs() as logs:
        of_board(box, 0, 30)
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.REPLACED
    assert [one["event"] for one in logs].count("controller replaced") == 1
    assert int(box.broker.of("reading")[-1]["active_ms_1"]) <= before + 200


@pytest.mark.parametrize("clean", [True, False])
def test_step__odometer_fell_before_a_restart__is_still_known(box: BoxInFile, clean: bool) -> None:
    box.rest()
    of_board(box, 5_000, 10)
    of_board(box, 0, 10)
    if clean:
        box.core.stop()
    box.restart()
    of_board(box, 0, 10)
    assert box.broker.of("lease")[-1]["reason"] == Inhibit.REPLACED
    box.core.metering.journal.forget_closed(make_rental())
    assert box.sql("SELECT count(*) FROM controller_replaced") == [(0,)]


def test_step__odometer_falls_and_the_journal_fails__is_noted_later(
    box: BoxInFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.rest()
    of_board(box, 5_000, 10)

    def fail(*_: object) -> None:
        raise JournalError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "note_replaced", fail)
        of_board(box, 0, 2)
    of_board(box, 0, 2)
    assert len(box.sql("SELECT rental FROM controller_replaced")) == 1


def test_step__sample_of_before_comes_late__is_no_other_board(box: BoxInFile) -> None:
    box.rest()
    of_board(box, 5_000, 10)
    box.sent += 1
    box.broker.give(make_sample(box.sent, NOW_MS + 200, odometer=Registers(4_000, 0, 0, 0, 0, 0)))
    of_board(box, 5_000, 10)
    assert box.broker.of("lease")[-1]["kind"] == "lease"
