"""A spool that was full, or on a full disk, and empties again."""

from __future__ import annotations

from pathlib import Path

import pytest
from device_builders import DRILL, make_sample

from device.errors import SpoolError
from device.spool import Spool


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
