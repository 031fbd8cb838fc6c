"""A spool that was full, on a full disk, damaged by it, or of another controller than before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from device_builders import DRILL, NONCE, NOW_MS, make_sample

from device.bridge.publisher import SpoolPublisher
from device.bridge.spool import Spool
from device.errors import ControllerReplacedError, SpoolError
from protocol.messages import decode_samples
from protocol.sample import decode_sample, encode_sample


def put(spool: Spool, *numbers: int) -> None:
    spool.put([make_sample(number) for number in numbers], 1)


def test_put__full_and_then_journalled__works_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 2)
    put(spool, 1, 2)
    with pytest.raises(SpoolError, match="full, 2 samples"):
        put(spool, 3)
    spool.forget(1)
    with pytest.raises(SpoolError, match="full, 1 samples"):
        put(spool, 3, 4)
    put(spool, 3)
    assert [sequence for sequence, _ in spool.pending(0, 10)] == [2, 3]
    spool.close()


def test_put__full_restarted_and_then_journalled__works_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 2)
    put(spool, 1, 2)
    spool.forget(1)
    with pytest.raises(SpoolError, match="full"):
        put(spool, 3, 4)
    spool.close()
    after = Spool(tmp_path / "spool", DRILL, 2)
    assert after.journalled == 1
    after.forget(2)
    put(after, 3, 4)
    assert [sequence for sequence, _ in after.pending(0, 10)] == [3, 4]
    after.close()


def test_put__disk_full_and_then_journalled__works_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 10_000)
    put(spool, *range(1, 501))
    (pages,) = spool._db.execute("PRAGMA page_count").fetchone()
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolError, match="disk is full"):
        put(spool, *range(501, 1_001))
    spool.forget(100)
    with pytest.raises(SpoolError, match="disk is full"):
        put(spool, *range(501, 1_001))
    assert spool._db.execute("SELECT min(sequence) FROM sample").fetchone() == (101,)
    spool.forget(500)
    put(spool, *range(501, 1_001))
    assert [sequence for sequence, _ in spool.pending(0, 1_000)] == list(range(501, 1_001))
    spool.close()


def held(spool: Spool) -> list[int]:
    return [decode_sample(data).sequence for _, data in spool.pending(0, 10_000)]


def of_new_board(spool: Spool, *numbers: int) -> None:
    samples = [make_sample(number, NOW_MS + 60_000 + number * 100) for number in numbers]
    spool.put(samples, numbers[0])


def test_replace_controller__board_counts_again__goes_on_above_the_former_ones(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    put(spool, 1, 2, 3)
    with pytest.raises(ControllerReplacedError):
        of_new_board(spool, 1)
    spool.close()
    spool = Spool(tmp_path / "spool", DRILL, 100)
    assert spool.replace_controller() == 4
    of_new_board(spool, 1, 2)
    spool.close()
    spool = Spool(tmp_path / "spool", DRILL, 100)
    of_new_board(spool, 2, 3)
    assert held(spool) == [1, 2, 3, 4, 5, 6]
    assert [decode_samples(DRILL, SpoolPublisher(spool).next(0, NONCE) or b"").oldest] == [1]
    with pytest.raises(ControllerReplacedError, match="from 1 again, sample 3 was here"):
        spool.put([make_sample(1, NOW_MS + 90_000)], 1)  # and another one
    assert spool.replace_controller() == 7
    spool.put([make_sample(1, NOW_MS + 90_000)], 1)
    assert held(spool) == [1, 2, 3, 4, 5, 6, 7]
    spool.close()


def test_replace_controller__it_goes_on_counting__is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    put(spool, 1, 2, 3)
    with pytest.raises(SpoolError, match="nothing to do"):
        spool.replace_controller()
    with pytest.raises(ControllerReplacedError):
        of_new_board(spool, 1)
    of_new_board(spool, 4)  # the former memory is back
    with pytest.raises(SpoolError, match="nothing to do"):
        spool.replace_controller()
    spool.close()


def test_replace_controller__spool_is_new_as_well__goes_on_above_what_the_oracle_has(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    of_new_board(spool, 1, 2)
    spool.note_oracle(300)
    spool.close()
    spool = Spool(tmp_path / "spool", DRILL, 100)
    assert spool.replace_controller() == 303
    of_new_board(spool, 2, 3)
    assert held(spool) == [301, 302, 303]
    message = decode_samples(DRILL, SpoolPublisher(spool).next(0, NONCE) or b"")
    assert (message.oldest, len(message.samples)) == (301, 3)
    spool.close()


def flip(path: Path, sequence: int) -> None:
    """One bit of a stored sample, as a disk may do while the box is off."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        select = "SELECT data FROM sample WHERE sequence = ?"
        (data,) = database.execute(select, (sequence,)).fetchone()
    database.close()
    content = bytearray(path.read_bytes())
    assert content.count(data) == 1
    content[content.index(data) + 50] ^= 4
    path.write_bytes(content)


def test_pending__one_bit_flipped__nothing_from_there_on_until_it_is_dropped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "spool"
    spool = Spool(path, DRILL, 100)
    put(spool, 1, 2, 3, 4)
    spool.close()
    flip(path, 3)
    spool = Spool(path, DRILL, 100)
    publisher = SpoolPublisher(spool)
    first = decode_samples(DRILL, publisher.next(0, NONCE) or b"")
    assert [one.sequence for one in first.samples] == [1, 2]
    assert publisher.next(0, NONCE) is None
    assert "stored sample 3 is damaged" in spool.trouble
    spool.put([make_sample(5)], 5)
    assert publisher.next(0, NONCE) is None
    assert spool.drop_damaged() == [3]
    assert spool.trouble == ""
    assert held(spool) == [1, 2, 4, 5]
    rest = decode_samples(DRILL, publisher.next(0, NONCE) or b"")
    assert [one.sequence for one in rest.samples] == [4, 5]
    assert spool.drop_damaged() == []
    spool.close()


def test_pending__row_of_an_older_version__is_taken_as_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", DRILL, 100)
    row = (1, encode_sample(make_sample(1)))
    spool._db.execute("INSERT INTO sample VALUES (?, ?)", row)
    assert spool.pending(0, 10) == [row]
    spool.close()


FORMER_SAMPLE_BYTES = 88


@pytest.mark.parametrize("check", [b"", bytes(4)], ids=["without a checksum", "with one"])
def test_open__samples_of_the_former_layout__refused_until_the_oracle_has_them(
    tmp_path: Path, check: bytes
) -> None:
    path = tmp_path / "spool"
    spool = Spool(path, DRILL, 100)
    put(spool, 1, 2)
    spool.forget(2)
    rows = [(number, bytes(FORMER_SAMPLE_BYTES) + check) for number in (3, 4)]
    spool._db.executemany("INSERT INTO sample VALUES (?, ?)", rows)
    spool.close()
    with pytest.raises(SpoolError) as refused:
        Spool(path, DRILL, 100)
    assert str(refused.value) == (
        f"{path}: holds 2 samples of another layout, which this release cannot send; let the "
        "release that wrote them run until the oracle has them"
    )
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM sample ORDER BY sequence").fetchall()[-2:] == rows
        database.execute("DELETE FROM sample")  # as that release does with what is journalled
        database.commit()
    spool = Spool(path, DRILL, 100)
    put(spool, 5)
    assert held(spool) == [5]
    spool.close()
