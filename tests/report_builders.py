"""Results of audits made by hand, for the tests of reports."""

from __future__ import annotations

from dataclasses import replace

from bill_builders import scope

from audit.findings import Findings
from audit.result import Bill, Result
from audit.samples.track import SampleScope, SampleTally

LARGEST = 2**96 - 1


def bill(number: int = 1, **changes: object) -> Bill:
    """A closed rental of middling size."""
    made = Bill(
        rental=number,
        customer="0x52908400098527886E0F7030069857D2E4169EE7",
        drill=3,
        tariff=2,
        state="closed",
        opened_at=1_700_000_000,
        until=1_700_000_100_000,
        active_ms=(4_007, 7_000, 3_600_000),
        revolutions=(159, 88, 1_234_567),
        settlements=19,
        funded=32_862_000_000_000_000,
        charge_on_chain=18_884_350_000_000_000,
        charge_recomputed=18_884_350_000_000_000,
        owed=18_884_350_000_000_000,
        refund=13_977_650_000_000_000,
        disputed_back=0,
        samples=SampleTally(checked=362, anchored=362, roots=9, gaps=2, gap_ms=1_300),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def largest() -> Bill:
    """A rental whose numbers are as long as they can be."""
    return bill(
        2**31,
        drill=2**30 - 1,
        tariff=2**30 - 1,
        state="ended",
        active_ms=(2**37 - 1,) * 3,
        revolutions=(2**34 - 1,) * 3,
        charge_on_chain=LARGEST,
        charge_recomputed=1,
        samples=SampleTally(
            checked=1,
            anchored=10**9,
            gaps=10**6,
            gap_ms=10**12,
            missed=(2**37,) * 6,
            missed_worth=LARGEST,
            unbilled_worth=-LARGEST,
            unchecked="1 of 1000000000: https://samples.example/some/where refused the request",
        ),
    )


def result(*bills: Bill, findings: Findings | None = None, samples: bool = True) -> Result:
    """A result with these bills; `samples`: whether any were looked at."""
    looked_at = SampleScope("/srv/samples/[old]", 362, len(bills), 0, None) if samples else None
    return Result(
        scope(samples=looked_at, endpoint="http://[::1]:8545"), bills, findings or Findings()
    )


def everything_found() -> Findings:
    """Findings of each grade, with long words and foreign letters in them."""
    findings = Findings()
    text = f"the charge is {LARGEST}, and should be {LARGEST - 1}"
    findings.add("charge-differs", "rental 1", text, "block 12345678, log 17")
    findings.add(
        "log-unknown", "block 5, log 6", "it says \x1b[2J\x1b[HClean \u202e and [red]so[/]"
    )
    findings.add("log-size-fell", "rental 2", "a log of 5 samples comes after one of 7")
    findings.add("blocks-not-scanned", "the range", "give --every-block to fetch each header")
    findings.add("gap-in-samples", "rental 1", "no sample from then to then")
    findings.add("code-differs", f"contract 0x{'ab' * 20}", f"SHA-256 {'cd' * 32}")
    return findings
