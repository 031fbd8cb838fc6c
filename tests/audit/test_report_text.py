"""The report on a terminal of any width, and elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from report_builders import LARGEST, bill, everything_found, largest, result
from rich.console import Console

from audit.report.report_lines import TextTable, named, wrapped
from audit.report.report_text import print_report
from audit.result import Bill, Result

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 100, 120, 200)


def printed(shown: Result, width: int | None) -> list[str]:
    """The lines as they arrive: on a terminal of that width, or in a file."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=width is not None)
    print_report(shown, console)
    return ESCAPES.sub("", file.getvalue()).splitlines()


RESULTS = {
    "one": result(bill()),
    "fifty": result(*map(bill, range(1, 51))),
    "largest": result(bill(), largest()),
    "found": result(bill(), findings=everything_found()),
    "none": result(),
    "no samples": result(bill(samples=None), samples=False),
    "not known": result(bill(charge_recomputed=None)),
}


def words_of(shown: Result) -> list[str]:
    return [word for line in printed(shown, None) for word in line.split() if set(word) != {"-"}]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
def test_print_report__any_width__lines_fit_and_no_word_or_amount_is_broken(
    name: str, width: int
) -> None:
    shown = RESULTS[name]
    lines = printed(shown, width)
    assert not any("\x1b" in line or "\r" in line for line in lines)
    for line in lines:
        # A hash in brackets is longer than the narrowest terminal, which is left to break it.
        assert len(line) <= width or max(map(len, line.split())) > width - 4, line
    here = {word for line in lines for word in line.split()}
    missing = {word for word in words_of(shown) if word not in here}
    assert not missing


def test_print_report__no_terminal__a_line_a_rental_and_a_finding() -> None:
    lines = printed(result(bill(), bill(2), findings=everything_found()), None)
    assert sum("0x529084…9EE7" in line for line in lines) == 2
    assert sum(line.startswith("wrong ") for line in lines) == 3
    assert f"the charge is {LARGEST}, and should be {LARGEST - 1}" in "\n".join(lines)


def test_print_report__eighty_columns__each_number_with_its_name_and_unit() -> None:
    lines = printed(RESULTS["one"], 80)
    assert re.search(r"^level 1: active +4\.007 s$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^state +closed$", "\n".join(lines), re.MULTILINE)
    numbers = [line for line in lines if re.match("level|charge|recomputed|difference", line)]
    assert len(numbers) == 9
    assert len({len(line) for line in numbers}) == 1
    assert "18884350000000000" in lines[[line[:6] for line in lines].index("charge")]


@pytest.mark.parametrize("width", [*WIDTHS, None])
def test_print_report__foreign_text__shown_as_it_is(width: int | None) -> None:
    text = " ".join(" ".join(printed(RESULTS["found"], width)).split())
    assert r"\x1b[2J\x1b[HClean \u202e and [red]so[/]" in text
    assert "http://[::1]:8545" in text
    assert "/srv/samples/[old]" in text


def test_print_report__milliseconds__not_rounded_away() -> None:
    one: Bill = bill(active_ms=(1, 49, 950))
    line = next(line for line in printed(result(one), None) if "closed" in line)
    assert re.search(r"0\.001 s .*0\.049 s .*0\.950 s", line)


def test_grid__numbers__end_in_one_column() -> None:
    rows = [("a", "1"), ("bb", "1000")]
    lines = [line for _, line in TextTable(("name", "much"), rows, frozenset({1})).lines(None)]
    assert lines == ["name  much", "----  ----", "a        1", "bb    1000"]


def test_named__value_too_long_for_the_line__goes_on_below_itself() -> None:
    assert list(named("name", "one two three", 6, 14)) == [
        "name    one",
        "        two",
        "        three",
    ]
    assert list(named("name", "x" * 20, 6, 14)) == ["name", f"  {'x' * 20}"]
    assert list(named("name", "", 6, 14)) == ["name"]


def test_wrapped__no_width__one_line() -> None:
    assert wrapped("one two " * 30, None) == ["one two " * 30]
    assert wrapped("", 20) == [""]
