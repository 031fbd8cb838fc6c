"""What journal, chain and audit say of each drill, for `soak_judge`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from lab.bench.soak_judge import SoakAccount, SoakDrill, SoakTerms
from lab.bench.soak_yard import SoakYard
from lab.rig.offer import words_of
from lab.rig.yard import TARIFFS
from protocol.sample import SAMPLE_BYTES


def gather(yard: SoakYard, report: Path) -> tuple[list[SoakDrill], int]:
    """Facts of every drill, and how many readings settled; `report` is the audit's JSON."""
    sent = json.loads((yard.folder / "feeder.json").read_text())["drills"]
    bills = {one["rental"]: one for one in json.loads(report.read_text())["rentals"]}
    events: Any = yard.contract.events["UsageSettled"].get_logs(from_block=0)
    sizes = {one["args"]["rental"]: one["args"]["log_size"] for one in events}
    facts = []
    with closing(sqlite3.connect(yard.folder / "journal.sqlite")) as journal:
        for drill in yard.numbers:
            rental = yard.rentals[drill]
            sequences, digest, late = _journal(journal, drill)
            terms, chain = _chain(yard, drill, rental, sizes[rental])
            facts.append(
                SoakDrill(
                    drill=drill,
                    rental=rental,
                    sent=(yard.folder / f"meter-{drill}.bin").read_bytes(),
                    sent_sha256=sent[str(drill)]["sha256"],
                    journal_sequences=sequences,
                    journal_sha256=digest,
                    late=late,
                    terms=terms,
                    chain=chain,
                    audit=_audit(bills[rental]),
                )
            )
    return facts, len(events)


def _journal(journal: sqlite3.Connection, drill: int) -> tuple[list[int], str, int]:
    rows = journal.execute(
        "SELECT sequence, raw FROM sample WHERE drill = ? ORDER BY sequence", (drill,)
    ).fetchall()
    digest = sha256()
    for _, raw in rows:
        digest.update(raw[:SAMPLE_BYTES])
    query = "SELECT count(*) FROM late_sample WHERE drill = ?"
    late = journal.execute(query, (drill,)).fetchone()[0]
    return [sequence for sequence, _ in rows], digest.hexdigest(), int(late)


def _chain(yard: SoakYard, drill: int, rental: int, log_size: int) -> tuple[SoakTerms, SoakAccount]:
    functions = yard.contract.functions
    _, _, tariff, _, _, opened_at, ended_at, until, funded, _ = functions.rental(rental).call()
    registers = tuple(functions.registers(rental).call())
    levels, standing, _, _ = words_of(TARIFFS[tariff - 1])
    if until != ended_at * 1000:
        raise RuntimeError(f"rental {rental} of drill {drill} closed without its last reading")
    terms = SoakTerms(opened_at, ended_at, levels, standing, funded)
    charge = int(functions.charge(rental).call())
    return terms, SoakAccount(log_size, registers[:3], registers[3:], charge)


def _audit(bill: Mapping[str, Any]) -> SoakAccount:
    """Registers as metered from the published samples, the charge as recomputed."""
    registers = tuple(bill["samples"]["registers"])
    charge = int(bill["charge_recomputed"])
    return SoakAccount(bill["samples"]["checked"], registers[:3], registers[3:], charge)
