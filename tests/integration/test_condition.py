"""`drill-condition` as a process, beside somebody who writes the journal all the time."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from condition_journal import JournalWriter

from lab.bench.condition.worlds import Bit

pytestmark = pytest.mark.integration

SECONDS = 300
"""More than any step takes on a busy machine; one that hangs would take for ever."""


class Program:
    """`drill-condition` on a journal and a book in a folder."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.book = folder / "journal.sqlite", folder / "book.sqlite"

    def command(self, name: str, *arguments: object) -> list[str]:
        places = ["--book", str(self.book)]
        if name in {"run", "step", "changed"}:
            places += ["--journal", str(self.journal)]
        return [sys.executable, "-m", "condition", name, *places, *map(str, arguments)]

    def do(self, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(name, *arguments),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def told(self, name: str, *arguments: object) -> str:
        done = self.do(name, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tickets(self, *arguments: object) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.told("tickets", *arguments))
        return found


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def writer(program: Program) -> Iterator[JournalWriter]:
    found = JournalWriter(program.journal)
    yield found
    found.close()


def test_condition__a_bit_wears_out__a_ticket_comes_before_it_fails(
    program: Program, writer: JournalWriter
) -> None:
    bit = Bit(life=120, fails_at=9.0)
    writer.drill(1, random.Random(4), 125, bit)  # noqa: S311
    writer.drill(2, random.Random(5), 20)  # noqa: S311

    assert program.told("step").endswith("samples of 2 drills\n")
    (ticket,) = program.tickets()
    assert (ticket["drill"], ticket["part"], ticket["cause"]) == (1, "bit", "wear")
    text = program.told("status")
    assert "TICKET 1" in text
    assert max(map(len, text.splitlines())) <= 80
    refused = program.do("close", 1, 1, "done")
    assert refused.returncode == 2
    assert refused.stderr.startswith("drill-condition: no change of the bit is recorded")

    assert "bit changed after sample" in program.told("changed", 1, "bit")

    assert program.tickets() == []
    (closed,) = program.tickets("--closed")
    assert closed["closed_as"] == "done"
    one, other = json.loads(program.told("status", "--json"))
    assert one["holes"] == 125
    assert one["bit"]["enough"] is False
    assert other["tickets"] == []


def test_run__while_the_journal_is_written__takes_all_and_ends_at_sigterm(
    program: Program, writer: JournalWriter
) -> None:
    dice = random.Random(6)  # noqa: S311
    writer.drill(1, dice, 1)
    running = subprocess.Popen(program.command("run"), stderr=subprocess.PIPE, text=True)
    try:
        writer.drill(1, dice, 10)
        _until(lambda: program.book.exists() and "drill 1: " in program.told("status"))
    finally:
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=SECONDS)
    assert running.returncode == 0, errors
    program.told("step")
    (entry,) = json.loads(program.told("status", "--json"))
    assert entry["after_sequence"] == writer.written[1]


def test_status__nothing_yet__says_so(program: Program) -> None:
    assert program.told("status") == "no samples yet\n"


def test_step__no_journal__one_line(program: Program) -> None:
    done = program.do("step")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "journal.sqlite cannot be read" in done.stderr


def _until(there: Any) -> None:
    end = time.monotonic() + SECONDS
    while not there():
        assert time.monotonic() < end
        time.sleep(0.5)
