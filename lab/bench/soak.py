"""A million samples through everything, and whether meter, chain and audit agree to the unit.

Several hundred drills with an open rental each send ten samples a second through mosquitto to the
real `drill-oracle run`, which journals, meters, settles on anvil and publishes. Some messages come
twice, one connection in eight is cut, and the oracle is killed with SIGKILL half way and started
again. Then all rentals end and close, `drill-audit run --samples` audits them, and everything is
counted and metered once more by code that shares nothing with either.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.bench.ingest import cpu_seconds
from lab.bench.soak_facts import gather
from lab.bench.soak_feeder import FeedOrder
from lab.bench.soak_judge import SoakDrill, SoakVerdict, judge
from lab.bench.soak_yard import Pace, SoakYard
from lab.rig.audit import Audited, audit, wait_for_publication
from lab.rig.errors import RigError
from lab.rig.ledger import ContractLedger
from lab.rig.process import Daemon, wait_until
from lab.rig.services import ROOT

LEAD_SECONDS = 6
"""Until the first sample, so that the feeder is up by then."""

DOWN_SECONDS = 2
AFTER_SECONDS = 1.5
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class SoakFigure:
    """One run. `seconds` were ordered, the drills go on until their rentals have ended. `feeder`
    says what was sent in all, `oracle_starts` counts the one after SIGKILL."""

    drills: int
    seconds: int
    verdict: SoakVerdict
    settlements: int
    audited_samples: int
    audit_status: int
    audit_difference: int
    audit_findings: tuple[str, ...]
    oracle_starts: int
    oracle_cpu_seconds: float
    load_average: float
    feeder: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether everything holds."""
        return self.verdict.clean and self.audit_status == 0 == self.audit_difference


class Soak:
    """One run in a yard; `say` tells how it goes."""

    def __init__(self, yard: SoakYard, samples: int, seed: int, say: Callable[[str], None]) -> None:
        self._yard, self._seed, self._say = yard, seed, say
        self.each = samples // len(yard.numbers)
        self.seconds = self.each // 10
        self._cpu_seconds = 0.0
        self.facts: list[SoakDrill] = []

    def run(self) -> SoakFigure:
        """From the first sample to the audit."""
        yard, say = self._yard, self._say
        say(f"opening {len(yard.numbers)} rentals")
        yard.open()
        first_ms = time.time_ns() // 1_000_000 + LEAD_SECONDS * 1000
        say(f"{self.each} samples of each drill, for {self.seconds} s")
        with self._feeder(first_ms) as feeder:
            self._wait_until_second(first_ms, self.seconds / 2, feeder)
            self._kill_oracle()
            self._wait_until_second(first_ms, self.seconds, feeder)
            say("ending all rentals")
            yard.end()
            # The last samples come after the end of the rental, and show that it is all there.
            time.sleep(AFTER_SECONDS)
            (yard.folder / "ended").touch()
            wait_until("the feeder is done", lambda: feeder.exit_code is not None, PATIENCE_SECONDS)
            if feeder.exit_code != 0:
                raise RigError(f"the feeder ended with {feeder.exit_code}:\n{feeder.log_end()}")
        load_average = os.getloadavg()[1]
        say("closing")
        wait_until("all rentals are closed", yard.closed, PATIENCE_SECONDS, yard.oracle)
        ledger, rentals = (
            ContractLedger(yard.anvil.url, yard.contract.address),
            [*yard.rentals.values()],
        )
        say("publishing")
        wait_for_publication(ledger, yard.domain, yard.samples, rentals, PATIENCE_SECONDS)
        self._cpu_seconds += cpu_seconds(yard.oracle.process.pid)
        yard.oracle.stop(30)
        return self._figure(load_average)

    def _figure(self, load_average: float) -> SoakFigure:
        yard = self._yard
        report = yard.folder / "audit.json"
        self._say("auditing")
        audited = self._audit(report)
        self._say("comparing")
        self.facts, settlements = gather(yard, report)
        feeder = json.loads((yard.folder / "feeder.json").read_text())["counts"]
        return SoakFigure(
            drills=len(yard.numbers),
            seconds=self.seconds,
            verdict=judge(self.facts),
            settlements=settlements,
            audited_samples=audited.samples,
            audit_status=audited.status,
            audit_difference=audited.difference,
            audit_findings=audited.findings[:20],
            oracle_starts=2,
            oracle_cpu_seconds=round(self._cpu_seconds, 1),
            load_average=round(load_average, 1),
            feeder=feeder,
        )

    def _audit(self, report: Path) -> Audited:
        yard = self._yard
        page = yard.folder / "audit.html"
        place = (yard.anvil.url, yard.contract.address, yard.samples)
        return audit(*place, report, page, seconds=PATIENCE_SECONDS)

    def _feeder(self, first_ms: int) -> Daemon:
        yard = self._yard
        order = FeedOrder(
            port=yard.broker.port,
            each=self.each,
            first_ms=first_ms,
            seed=self._seed,
            keys={str(drill): key.hex() for drill, key in yard.message_keys.items()},
            highest={str(drill): yard.highest(drill) for drill in yard.numbers},
            rentals={str(drill): rental for drill, rental in yard.rentals.items()},
        )
        file = yard.folder / "order.json"
        file.write_text(json.dumps(asdict(order)))
        command = [sys.executable, "-m", "lab.bench.soak_feeder", str(file)]
        paths = {"PYTHONPATH": str(ROOT)}
        return Daemon("feeder", command, yard.logs / "feeder.log", paths)

    def _wait_until_second(self, first_ms: int, second: float, feeder: Daemon) -> None:
        while (pause := first_ms / 1000 + second - time.time()) > 0:
            feeder.require_running()
            self._yard.oracle.require_running()
            time.sleep(min(pause, 1))

    def _kill_oracle(self) -> None:
        oracle = self._yard.oracle
        self._say("SIGKILL for the oracle")
        self._cpu_seconds += cpu_seconds(oracle.process.pid)
        oracle.kill()
        time.sleep(DOWN_SECONDS)
        since = oracle.log.stat().st_size
        oracle.start()
        self._yard.wait_for_oracle("the oracle is back", since)
        self._say("the oracle is back")


def measure_soak(
    folder: Path, samples: int, drills: int, seed: int, say: Callable[[str], None]
) -> SoakFigure:
    """One run with everything in `folder`, which must be empty."""
    with SoakYard(folder, drills, Pace.of(samples // drills // 10)) as yard:
        return Soak(yard, samples, seed, say).run()


def as_json(one: SoakFigure) -> dict[str, Any]:
    """For programs."""
    found = asdict(one)
    return {**found.pop("verdict"), **found, "clean": one.clean}


def soak_text(one: SoakFigure) -> str:
    """For people."""
    verdict, sent = one.verdict, one.feeder
    lines = [
        f"{verdict.samples:,} samples of {one.drills:,} drills in {one.seconds} s, of which "
        f"{verdict.in_rentals:,} in rentals; {sent['samples_sent']:,} sent in all, "
        f"{sent['repeated_messages']:,} of {sent['messages']:,} messages on purpose once more",
        f"{verdict.lost} lost, {verdict.duplicated} duplicated, {verdict.altered} drills altered",
    ]
    for name in ("meter_to_chain", "meter_to_audit", "chain_to_audit"):
        drift = getattr(verdict, name)
        lines.append(
            f"drift {name.replace('_', ' ')}: {drift.active_ms} ms, {drift.mrev} mrev, "
            f"{drift.units} smallest units"
        )
    lines += [
        f"{one.settlements:,} readings settled; the audit of {one.audited_samples:,} samples: exit "
        f"status {one.audit_status}, difference {one.audit_difference}",
        *one.audit_findings,
        f"the oracle, started {one.oracle_starts} times: {one.oracle_cpu_seconds} s of CPU; "
        f"load average {one.load_average}",
    ]
    return "\n".join(lines)
