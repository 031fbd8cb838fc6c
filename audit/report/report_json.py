"""The report for programs. Amounts are decimal text: they exceed what many readers of JSON hold."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from audit.report.report_text import verdict
from audit.result import Bill, Result

SAMPLE_AMOUNTS = ("missed_worth", "unbilled_worth")
AMOUNTS = ("funded", "charge_on_chain", "charge_recomputed", "owed", "refund", "disputed_back")


def as_json(result: Result) -> str:
    """The whole result."""
    content = {
        "verdict": verdict(result),
        "exit_status": result.findings.exit_status(),
        "difference": str(result.difference),
        "scope": asdict(result.scope),
        "rentals": [_bill(bill) for bill in result.bills],
        "findings": [
            {
                "name": finding.name,
                "grade": finding.grade.value,
                "meaning": finding.meaning,
                **{name: getattr(finding, name) for name in ("subject", "place", "text")},
            }
            for finding in result.findings
        ],
        "finding_counts": result.findings.counts,
    }
    return json.dumps(content, indent=2) + "\n"


def _bill(bill: Bill) -> dict[str, Any]:
    fields: dict[str, Any] = {**asdict(bill), "difference": bill.difference}
    for name in (*AMOUNTS, "difference"):
        if fields[name] is not None:
            fields[name] = str(fields[name])
    if bill.samples is not None:
        for name in SAMPLE_AMOUNTS:
            fields["samples"][name] = str(fields["samples"][name])
    return fields
