"""Reports of theft, from the folder to a drill that is told: with the world of the core's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.errors import FileError
from host.theft_reports import (
    MOST_ENTRIES,
    report_stolen,
    reported_stolen,
    withdraw_report,
)
from oracle.leasing.theft import TheftReports


def test_reports__left_and_taken_away__are_those_drills(tmp_path: Path) -> None:
    assert reported_stolen(tmp_path) == frozenset()
    for drill in (7, 7, 12):
        report_stolen(tmp_path, drill)
    assert reported_stolen(tmp_path) == {7, 12}
    for _ in range(2):
        withdraw_report(tmp_path, 7)
    assert reported_stolen(tmp_path) == {12}
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""]


def test_reports__names_that_are_no_drills__are_none_of_ours(tmp_path: Path) -> None:
    for name in ("7~", "x", ".7", "-1", "\u0667", "1.5"):
        (tmp_path / name).touch()
    assert reported_stolen(tmp_path) == frozenset()


def test_reports__no_folder__an_error_that_names_it(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for act in (
        lambda: reported_stolen(gone),
        lambda: report_stolen(gone, 1),
        lambda: withdraw_report(gone, 1),
    ):
        with pytest.raises(FileError, match=r"theft report.*gone.*: No such file"):
            act()


def test_reports__more_than_there_can_be__an_error(tmp_path: Path) -> None:
    for number in range(MOST_ENTRIES + 1):
        (tmp_path / f"x{number}").touch()
    with pytest.raises(FileError, match="over 10000 files"):
        reported_stolen(tmp_path)


def test_theft__unreadable_and_back__not_known_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    reports = TheftReports(folder)
    assert reports() is None
    folder.mkdir()
    report_stolen(folder, 3)
    assert reports() == {3}
    folder.rename(tmp_path / "away")
    assert reports() is None
