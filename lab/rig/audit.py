"""The demo's last act: somebody who trusts nobody audits it, as anybody could."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import to_checksum_address

from audit.errors import AuditError
from audit.samples.published import Published
from audit.samples.sources import Folder
from lab.rig.drill import OUR_PACKAGES
from lab.rig.errors import RigError
from lab.rig.ledger import ContractLedger
from lab.rig.process import wait_until
from lab.rig.services import ROOT
from protocol.errors import RecordError
from protocol.publication import RentalIdentity
from protocol.records import Domain

PUBLISHED_SECONDS = 120.0
AUDIT_SECONDS = 300.0
ORDERED = "drill-audit run --rpc URL --contract ADDRESS --samples FOLDER"


@dataclass(frozen=True, slots=True)
class Audited:
    """What `drill-audit run` said: its status, its report for programs, and where its page is."""

    status: int
    verdict: str
    events: int
    readings: int
    signatures: int
    views: int
    samples: int
    roots: int
    not_all: int
    gaps: int
    difference: int
    findings: tuple[str, ...]
    """All but notes."""

    @property
    def clean(self) -> bool:
        """Whether everything was checked and nothing found, to the smallest unit."""
        return self.status == 0 and self.difference == 0 and self.not_all == 0 < self.samples

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"the audit: {ORDERED}",
            f"  {self.events} events replayed, {self.views} views of the contract recomputed,"
            f" {self.signatures} of {self.readings} settled readings rightly signed",
            f"  {self.samples} published samples under {self.roots} signed roots, metered anew;"
            f" {self.gaps} gaps that nobody was billed for",
            f"  sum of differences between the chain's bills and these: {self.difference}",
            f"  {self.verdict}",
        ]


def identity_of(ledger: ContractLedger, rental: int) -> RentalIdentity:
    """A rental as the chain tells of it."""
    opened = ledger.events("RentalOpened", rental=rental)[0]
    terms = opened["args"]
    return RentalIdentity(
        rental,
        terms["drill"],
        terms["tariff"],
        ledger.block_time(opened["blockNumber"]),
        to_checksum_address(terms["customer"]),
    )


def wait_for_publication(
    ledger: ContractLedger,
    domain: Domain,
    folder: Path,
    rentals: Sequence[int],
    seconds: float = PUBLISHED_SECONDS,
) -> None:
    """Return when the final reading of each closed rental is published; samples come before it."""
    published = Published(Folder(folder), domain)
    for rental in rentals:
        identity = identity_of(ledger, rental)
        settled = ledger.events("UsageSettled", rental=rental)[-1]["args"]["until"]

        def is_final(identity: RentalIdentity = identity, settled: int = settled) -> bool:
            try:
                reading = published.reading(identity)
            except (AuditError, RecordError):
                return False
            return reading is not None and reading.until >= settled

        wait_until(f"all of rental {rental} is published", is_final, seconds)


def audit(
    rpc: str,
    contract: str,
    samples: Path,
    report: Path,
    page: Path,
    *,
    seconds: float = AUDIT_SECONDS,
) -> Audited:
    """Run the command as an auditor does; raises RigError when it gives no report."""
    command = [sys.executable, "-m", "audit", "run", "--rpc", rpc, "--contract", contract]
    command += ["--samples", str(samples), "--json", str(report), "--html", str(page)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **OUR_PACKAGES},
            cwd=ROOT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RigError(f"the audit took longer than {seconds:g} s") from error
    if not report.exists():
        raise RigError(f"the audit ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    found = json.loads(report.read_text(encoding="utf-8"))
    scope, bills = found["scope"], [bill["samples"] for bill in found["rentals"]]
    return Audited(
        status=done.returncode,
        verdict=found["verdict"],
        events=scope["events"],
        readings=scope["readings"],
        signatures=scope["signatures_verified"],
        views=scope["views_compared"],
        samples=scope["samples"]["samples"],
        roots=sum(bill["roots"] for bill in bills),
        not_all=sum(bool(bill["unchecked"]) for bill in bills),
        gaps=sum(bill["gaps"] for bill in bills),
        difference=int(found["difference"]),
        findings=tuple(
            f"{one['name']}: {one['subject']}: {one['text']}"
            for one in found["findings"]
            if one["grade"] != "note"
        ),
    )
