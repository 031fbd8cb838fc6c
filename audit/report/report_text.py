"""The report for a terminal: each rental, what was looked at, and the findings.

A rental is a line where the terminal is wide enough, and a few lines where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from audit.amounts import SPACE, Style
from audit.findings import KEPT_OF_A_NAME, Grade
from audit.report.report_lines import TextTable, named, wrapped
from audit.result import Bill, Result

COLOURS = {
    Grade.WRONG: "red",
    Grade.SUSPICIOUS: "yellow",
    Grade.UNCHECKED: "cyan",
    Grade.NOTE: "dim",
}

RENTAL_COLUMNS = (
    "rental",
    "customer",
    "drill",
    "tariff",
    "state",
    *(f"level {level}: {what}" for level in (1, 2, 3) for what in ("active", "turns")),
    "charge on chain",
    "recomputed",
    "difference",
)
SAMPLE_COLUMNS = (
    "rental",
    "samples",
    "roots",
    "gaps",
    "gaps: silent for",
    "gaps: active by odometer",
    "gaps: turns by odometer",
    "gaps: worth",
    "odometer beyond bill: active",
    "odometer beyond bill: turns",
    "odometer beyond bill: worth",
)
SAMPLE_NUMBERS = frozenset(range(2, len(SAMPLE_COLUMNS)))
SCOPE_NAME = 24
PLAIN = Style(".")


def seconds(milliseconds: int) -> str:
    """To the ms, as it was counted."""
    return f"{PLAIN.scaled(milliseconds, 3, 3)} s".replace(SPACE, "")


def usage(bill: Bill) -> Iterator[str]:
    """Active time and revolutions of each level."""
    for active_ms, turns in zip(bill.active_ms, bill.revolutions, strict=True):
        yield seconds(active_ms)
        yield str(turns)


def sample_row(bill: Bill) -> tuple[str, ...]:
    """What came of a rental's samples, under `SAMPLE_COLUMNS`."""
    tally = bill.samples
    if tally is None:
        return (str(bill.rental), "not looked at", *[""] * len(SAMPLE_NUMBERS))
    more = f", {tally.unsettled:,} not settled" if tally.unsettled else ""
    checked = f"{tally.checked:,} of {max(tally.checked, tally.anchored):,}{more}"
    return (
        str(bill.rental),
        f"{checked}; not all: {tally.unchecked}" if tally.unchecked else checked,
        str(tally.roots),
        str(tally.gaps),
        seconds(tally.gap_ms),
        seconds(sum(tally.missed[:3])),
        str(sum(tally.missed[3:])),
        str(tally.missed_worth),
        seconds(tally.odometer_ahead_ms),
        str(tally.odometer_ahead_turns),
        str(tally.unbilled_worth),
    )


def samples_line(result: Result) -> str:
    """Whether samples were looked at, and how far."""
    scope = result.scope.samples
    if scope is None:
        return "not looked at: give --samples"
    whose = f"rental {scope.rental} only" if scope.rental else f"{scope.rentals:,} rentals"
    missing = f", not all of {scope.rentals_not_all:,}" if scope.rentals_not_all else ""
    return f"{scope.samples:,} of {whose}{missing}, from {scope.place}"


def verdict(result: Result) -> str:
    """The audit in one sentence."""
    status = result.findings.exit_status()
    if status == 0:
        if result.scope.samples is None:
            return "Clean: the chain of this range was checked, and nothing was found."
        return "Clean: chain and samples of this range were checked, and nothing was found."
    if status == 2:
        return "Something could not be checked; nothing wrong was found in the rest."
    grades = result.findings.by_grade()
    return f"{grades[Grade.WRONG]} wrong, {grades[Grade.SUSPICIOUS]} suspicious."


def scope_lines(result: Result) -> list[tuple[str, str]]:
    """What was looked at, as name and value."""
    scope = result.scope
    compared = (
        f"{scope.slots_proven:,} storage slots by proof"
        if scope.slots_proven
        else f"{scope.views_compared:,} views, as the node answers them"
    )
    return [
        ("contract", f"{scope.contract} on chain {scope.chain_id}"),
        ("endpoint", f"{scope.endpoint}, {scope.requests:,} requests"),
        ("blocks", f"{scope.first_block:,} to {scope.last_block:,} ({scope.last_hash})"),
        ("from the deployment on", "yes" if scope.from_deployment else "no"),
        ("headers", f"{scope.headers:,} ({scope.depth} blocks of the range)"),
        ("receipts", f"of {scope.receipts_blocks:,} blocks"),
        ("events replayed", f"{scope.events:,}"),
        ("signatures", f"{scope.signatures_verified:,} of {scope.readings:,} settled readings"),
        ("state compared", compared),
        ("samples", samples_line(result)),
        ("time", f"{scope.seconds:.1f} s"),
    ]


def print_report(result: Result, console: Console) -> None:
    """Print it all: in lines of a terminal's width, and elsewhere as wide as it takes."""
    width = console.width if console.is_terminal else None
    _print(console, "Rentals (amounts in the asset's smallest unit)", style="bold")
    bills = result.bills
    _print_grid(console, rental_grid(bills), width, [bool(bill.difference) for bill in bills])
    if result.scope.samples is not None:
        _print(console, "\nSamples (worth in the asset's smallest unit)", style="bold")
        not_all = [bill.samples is None or bool(bill.samples.unchecked) for bill in bills]
        _print_grid(console, sample_grid(bills), width, not_all)
    _print(console, "\nLooked at", style="bold")
    for name, value in scope_lines(result):
        for line in named(name, value, SCOPE_NAME, width):
            _print(console, line)
    _print(console, "")
    print_findings(result, console)
    _print(console, f"Sum of differences: {result.difference}")
    for line in wrapped(verdict(result), width):
        _print(console, line, style="bold")


def rental_grid(bills: Sequence[Bill]) -> TextTable:
    """The rentals' bills."""
    rows = [
        (
            str(bill.rental),
            f"{bill.customer[:8]}…{bill.customer[-4:]}",
            str(bill.drill),
            str(bill.tariff),
            bill.state,
            *usage(bill),
            amount(bill.charge_on_chain),
            amount(bill.charge_recomputed),
            amount(bill.difference),
        )
        for bill in bills
    ]
    return TextTable(RENTAL_COLUMNS, rows, frozenset(range(5, len(RENTAL_COLUMNS))))


def sample_grid(bills: Sequence[Bill]) -> TextTable:
    """What came of the samples."""
    return TextTable(SAMPLE_COLUMNS, [sample_row(bill) for bill in bills], SAMPLE_NUMBERS)


def _print_grid(console: Console, grid: TextTable, width: int | None, red: Sequence[bool]) -> None:
    if not grid.rows:
        _print(console, "none")
    for place, line in grid.lines(width) if grid.rows else ():
        _print(console, line, style="red" if place is not None and red[place] else None)


def _print(console: Console, line: str, style: str | None = None) -> None:
    """A line as it is: what it says is not markup, and its end is ours to choose."""
    console.print(Text(line), style=style, soft_wrap=True)


def amount(number: int | None) -> str:
    """An amount that may not be known."""
    return "not known" if number is None else str(number)


def print_findings(result: Result, console: Console) -> None:
    """Print what was found, the worst first."""
    width = console.width if console.is_terminal else None
    for finding in result.findings:
        place = f" ({finding.place})" if finding.place else ""
        begin = f"{finding.grade} {finding.name}:"
        first, *others = wrapped(
            f"{begin} {finding.subject}{place}: {finding.text}", width, later="  "
        )
        line = Text(first)
        line.stylize(COLOURS[finding.grade], 0, len(str(finding.grade)))
        console.print(line, soft_wrap=True)
        for other in others:
            _print(console, other)
    for name, count in result.findings.counts.items():
        if count > KEPT_OF_A_NAME:
            _print(console, f"{count - KEPT_OF_A_NAME} more of {name}")
