"""Twenty seconds of the soak (`scripts/bench soak`), and that it notices what is off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.bench.soak import Soak, SoakFigure
from lab.bench.soak_drill import NOTE
from lab.bench.soak_judge import Drift, SoakAccount, SoakDrill, judge, own_account
from lab.bench.soak_yard import Pace, SoakYard

pytestmark = pytest.mark.integration

SAMPLES, DRILLS = 20_000, 100
NONE = Drift(0, 0, 0)


@dataclass(frozen=True)
class Run:
    figure: SoakFigure
    facts: list[SoakDrill]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder: Path = tmp_path_factory.mktemp("soak")
    with SoakYard(folder, DRILLS, Pace.of(SAMPLES // DRILLS // 10)) as yard:
        soak = Soak(yard, SAMPLES, 1, lambda _: None)
        yield Run(soak.run(), soak.facts)


def test_soak__repetitions_a_cut_and_a_kill__nothing_lost_or_twice_and_no_drift(run: Run) -> None:
    figure, verdict = run.figure, run.figure.verdict
    assert verdict.samples >= SAMPLES
    assert figure.feeder["reconnects"] == 1
    assert figure.feeder["repeated_messages"] > 100
    assert figure.feeder["samples_sent"] > SAMPLES
    assert (verdict.lost, verdict.duplicated, verdict.altered) == (0, 0, 0)
    drifts = (verdict.meter_to_chain, verdict.meter_to_audit, verdict.chain_to_audit)
    assert drifts == (NONE, NONE, NONE)
    assert (figure.audit_status, figure.audit_difference, figure.audit_findings) == (0, 0, ())
    assert figure.audited_samples == verdict.in_rentals > SAMPLES // 2
    # Not the last reading of each alone.
    assert figure.settlements > DRILLS
    assert figure.clean


def shorter(one: SoakDrill) -> SoakAccount:
    """The chain's account, of a last reading that leaves half of the rental out."""
    return replace(one.chain, samples=one.chain.samples // 2)


def charged(one: SoakDrill) -> bytes:
    """The drill's notes without one that costs something."""
    whole = own_account(one)
    for start in range(0, len(one.sent), NOTE.size):
        without = one.sent[:start] + one.sent[start + NOTE.size :]
        if own_account(replace(one, sent=without)).active_ms != whole.active_ms:
            return without
    raise AssertionError("the drill never turned")


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda one: replace(one, sent=charged(one)), "meter_to_chain"),
        (lambda one: replace(one, sent=charged(one)), "duplicated"),
        (lambda one: replace(one, journal_sequences=one.journal_sequences[:-1]), "lost"),
        (lambda one: replace(one, journal_sequences=[*one.journal_sequences, 7]), "duplicated"),
        (lambda one: replace(one, late=1), "duplicated"),
        (lambda one: replace(one, chain=shorter(one)), "lost"),
        (lambda one: replace(one, journal_sha256=""), "altered"),
        (
            lambda one: replace(one, audit=replace(one.audit, charge=one.audit.charge + 1)),
            "chain_to_audit",
        ),
    ],
)
def test_judge__one_thing_off_at_one_drill__is_noticed(
    run: Run, change: Callable[[SoakDrill], SoakDrill], noticed: str
) -> None:
    verdict = judge([*run.facts[:-1], change(run.facts[-1])])
    assert getattr(verdict, noticed) not in (0, NONE)
    assert not verdict.clean
