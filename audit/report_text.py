"""The report for a terminal: a line a rental, what was looked at, and the findings."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from audit.findings import KEPT_OF_A_NAME, Grade
from audit.result import Bill, Result

COLOURS = {
    Grade.WRONG: "red",
    Grade.SUSPICIOUS: "yellow",
    Grade.UNCHECKED: "cyan",
    Grade.NOTE: "dim",
}

SAMPLE_COLUMNS = (
    "rental",
    "samples",
    "roots",
    "gaps",
    "odometer in gaps, worth",
    "odometer beyond the bill, worth",
)


def usage(bill: Bill) -> str:
    """Active time and revolutions of each level, for people."""
    parts = zip(bill.active_ms, bill.revolutions, strict=True)
    return "  ".join(f"{active_ms / 1000:.1f} s / {turns:,}" for active_ms, turns in parts)


def sample_row(bill: Bill) -> tuple[str, ...]:
    """What came of a rental's samples, under `SAMPLE_COLUMNS`."""
    tally = bill.samples
    if tally is None:
        return (str(bill.rental), "not looked at", "", "", "", "")
    more = f", {tally.unsettled:,} not settled" if tally.unsettled else ""
    checked = f"{tally.checked:,} of {max(tally.checked, tally.anchored):,}{more}"
    gaps = f"{tally.gaps}: {tally.gap_ms / 1000:.1f} s" if tally.gaps else "0"
    missed_ms, missed_turns = sum(tally.missed[:3]), sum(tally.missed[3:])
    ahead_ms, ahead_turns = tally.odometer_ahead_ms, tally.odometer_ahead_turns
    return (
        str(bill.rental),
        f"{checked}; not all: {tally.unchecked}" if tally.unchecked else checked,
        str(tally.roots),
        gaps,
        f"{missed_ms / 1000:.1f} s / {missed_turns:,}, {tally.missed_worth}",
        f"{ahead_ms / 1000:.1f} s / {ahead_turns:,}, {tally.unbilled_worth}",
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
    """Print it all."""
    console.print(_bills(result))
    if result.scope.samples is not None:
        console.print(_samples(result))
    for name, value in scope_lines(result):
        console.print(f"  {name:<24}{value}", highlight=False)
    print_findings(result, console)
    console.print(f"Sum of differences: {result.difference}", highlight=False)
    console.print(verdict(result), style="bold")


def _bills(result: Result) -> Table:
    table = Table(title="Rentals (amounts in the asset's smallest unit)")
    for name in ("rental", "customer", "drill", "tariff", "state", "level 1, 2, 3: active / turns"):
        table.add_column(name, overflow="fold")
    for name in ("charge on chain", "recomputed", "difference"):
        table.add_column(name, justify="right", overflow="fold")
    for bill in result.bills:
        table.add_row(
            str(bill.rental),
            f"{bill.customer[:8]}…{bill.customer[-4:]}",
            str(bill.drill),
            str(bill.tariff),
            bill.state,
            usage(bill),
            _amount(bill.charge_on_chain),
            _amount(bill.charge_recomputed),
            _amount(bill.difference),
            style="red" if bill.difference else None,
        )
    return table


def _samples(result: Result) -> Table:
    table = Table(title="Samples (worth in the asset's smallest unit)")
    for place, name in enumerate(SAMPLE_COLUMNS):
        table.add_column(name, justify="right" if place > 1 else "left", overflow="fold")
    for bill in result.bills:
        not_all = bill.samples is None or bill.samples.unchecked
        table.add_row(*sample_row(bill), style="red" if not_all else None)
    return table


def _amount(amount: int | None) -> str:
    return "not known" if amount is None else str(amount)


def print_findings(result: Result, console: Console) -> None:
    """Print what was found, the worst first."""
    for finding in result.findings:
        colour = COLOURS[finding.grade]
        place = f" ({finding.place})" if finding.place else ""
        console.print(f"[{colour}]{finding.grade}[/] {finding.name}: ", end="")
        text = f"{finding.subject}{place}: {finding.text}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    for name, count in result.findings.counts.items():
        if count > KEPT_OF_A_NAME:
            console.print(f"{count - KEPT_OF_A_NAME} more of {name}")
