"""The book takes every sample of the journal once, whatever happens between two steps."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from condition_builders import SHEET
from condition_journal import JournalWriter
from oracle_builders import NOW_MS

from condition.book import Book
from condition.errors import BookError
from condition.journal import JournalFile


@pytest.fixture
def writer(tmp_path: Path) -> JournalWriter:
    return JournalWriter(tmp_path / "journal.sqlite")


def test_step__a_journal_that_an_oracle_wrote__each_sample_once(
    writer: JournalWriter, tmp_path: Path
) -> None:
    writer.drill(1, random.Random(1), 12)  # noqa: S311
    writer.drill(7, random.Random(2), 3)  # noqa: S311
    source, book = JournalFile(writer.path), Book(tmp_path / "book.sqlite", SHEET)

    assert source.drills() == [1, 7]
    for drill in source.drills():
        while book.step(source, drill):
            book = Book(tmp_path / "book.sqlite", SHEET)

    entry = book.read(1)
    assert entry.condition.samples == entry.after == writer.written[1]
    assert entry.condition.holes == 12
    assert entry.condition.newest_ms > NOW_MS
    assert book.read(7).condition.holes == 3


def test_step__a_damaged_row__is_counted_and_passed(writer: JournalWriter, tmp_path: Path) -> None:
    writer.drill(1, random.Random(1), 2)  # noqa: S311
    writer.close()
    with closing(sqlite3.connect(writer.path)) as connection:
        connection.execute("UPDATE sample SET raw = zeroblob(100) WHERE sequence = 40")
        connection.commit()
    source, book = JournalFile(writer.path), Book(tmp_path / "book.sqlite", SHEET)

    while book.step(source, 1):
        pass

    entry = book.read(1)
    assert entry.condition.finder.troubles["damaged in the journal"] == 1
    assert entry.after == writer.written[1]


def test_step__an_error_in_the_middle__nothing_of_the_step_is_kept(
    writer: JournalWriter, tmp_path: Path
) -> None:
    writer.drill(1, random.Random(1), 1)  # noqa: S311
    source, book = JournalFile(writer.path), Book(tmp_path / "book.sqlite", SHEET)

    def power_fails() -> None:
        with book.change(1) as entry:
            entry.after = 99
            raise RuntimeError("the power fails")

    with pytest.raises(RuntimeError):
        power_fails()

    assert book.read(1).after == 0
    assert book.step(source, 1) == writer.written[1]


def test_journal__not_there__one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BookError, match=r"journal .*none.sqlite cannot be read: .* SQLite"):
        JournalFile(tmp_path / "none.sqlite").drills()
    assert not (tmp_path / "none.sqlite").exists()


def test_book__not_a_database__one_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    path.write_text("not a database, but long enough to be taken for one" * 20)
    with pytest.raises(BookError, match=r"condition book .*book.sqlite: file is not a database"):
        Book(path, SHEET)


def test_book__a_damaged_state__says_what_to_do(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite", SHEET)
    with closing(sqlite3.connect(tmp_path / "book.sqlite")) as connection:
        connection.execute("INSERT INTO drill VALUES (1, 5, '{')")
        connection.commit()
    with pytest.raises(BookError, match=r"drill 1 is damaged .*move the book away"):
        book.read(1)
