"""The report for a terminal: a line a rental, what was looked at, and the findings."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from audit.findings import KEPT_OF_A_NAME, Grade
from audit.result import Bill, Result

COLOURS = {Grade.WRONG: "red", Grade.SUSPICIOUS: "yellow", Grade.UNCHECKED: "cyan"}


def usage(bill: Bill) -> str:
    """Active time and revolutions of each level, for people."""
    parts = zip(bill.active_ms, bill.revolutions, strict=True)
    return "  ".join(f"{active_ms / 1000:.1f} s / {turns:,}" for active_ms, turns in parts)


def verdict(result: Result) -> str:
    """The audit in one sentence."""
    status = result.findings.exit_status()
    if status == 0:
        return "Clean: everything in this range was checked, and nothing was found."
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
        ("time", f"{scope.seconds:.1f} s"),
    ]


def print_report(result: Result, console: Console) -> None:
    """Print it all."""
    console.print(_bills(result))
    for name, value in scope_lines(result):
        console.print(f"  {name:<24}{value}", highlight=False)
    _print_findings(result, console)
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


def _amount(amount: int | None) -> str:
    return "not known" if amount is None else str(amount)


def _print_findings(result: Result, console: Console) -> None:
    for finding in result.findings:
        colour = COLOURS[finding.grade]
        place = f" ({finding.place})" if finding.place else ""
        console.print(f"[{colour}]{finding.grade}[/] {finding.name}: ", end="")
        text = f"{finding.subject}{place}: {finding.text}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    for name, count in result.findings.counts.items():
        if count > KEPT_OF_A_NAME:
            console.print(f"{count - KEPT_OF_A_NAME} more of {name}")
