"""What a proof shows and what not, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime

from audit.books.arithmetic import read_meter
from audit.proof.minute import Share, share
from audit.proof.proof_file import Minute, ProofFile
from audit.proof.verify import MinuteTerms, ProvenEntry, Shown
from protocol.sample import Sample
from protocol.tariff import MS_PER_MINUTE

MOST_SAMPLES = 3
"""Of a run, how many are told one by one."""


def moment(time_ms: int) -> str:
    """A time for people, to the ms."""
    seconds, rest = divmod(time_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest:03d} UTC"


def shown_lines(proof: ProofFile, shown: Shown) -> list[str]:
    """What was shown, a line each."""
    settled, args = shown.settlement, shown.settlement.args
    meter = read_meter(args["meter"])
    levels = zip(meter.active_ms, meter.revolutions, strict=True)
    registers = "; ".join(
        f"level {level}: {active_ms} ms, {turns} revolutions"
        for level, (active_ms, turns) in enumerate(levels, 1)
    )
    last = shown.first + len(shown.samples) - 1
    places = f"sample {last}" if last == shown.first else f"samples {shown.first} to {last}"
    return [
        f"Block {settled.block} of {moment(settled.timestamp * 1000)} has the hash "
        f"{settled.block_hash}, which you gave.",
        f"In its transaction {settled.transaction}, which succeeded, contract {proof.contract} "
        f"logged that a reading of rental {proof.rental} settled.",
        f"The reading is dated {moment(args['until'])}: {registers}; charge so far {args['charge']}"
        " of the asset's smallest unit.",
        f"It anchors a log of {args['log_size']} samples with the root {args['log_root']}.",
        f"In that log, counted from 0, {places} {'is' if last == shown.first else 'are'}:",
        *_samples(shown.samples),
        *(_minute(proof.minute, shown, shown.terms) if proof.minute and shown.terms else ()),
    ]


def _samples(samples: tuple[Sample, ...]) -> list[str]:
    if len(samples) <= MOST_SAMPLES:
        return [_sample(sample) for sample in samples]
    return [
        _sample(samples[0]),
        f"  and {len(samples) - 2} more, one after the other, to",
        _sample(samples[-1]),
    ]


def _sample(sample: Sample) -> str:
    faults = f", faults {sample.fault_flags.value:#06x}" if sample.fault_flags else ""
    return (
        f"  {moment(sample.time_ms)}, drill {sample.drill}, sequence {sample.sequence}: level "
        f"{sample.level}, motor {'on' if sample.motor_on else 'off'}, {sample.rpm} rpm, "
        f"{sample.torque_mnm} mNm, {sample.current_ma} mA, {sample.temperature_mc} mC{faults}"
    )


def _minute(minute: Minute, shown: Shown, terms: MinuteTerms) -> list[str]:
    what = f"All of the minute from {moment(minute.start_ms)} is among them. It amounts to:"
    found = share(shown, terms, minute.start_ms, begun=minute.begun is not None)
    return [what, *_share(found), *_terms(terms.opening, terms.tariff)]


def _share(found: Share) -> list[str]:
    lines = []
    for level, (active_ms, rpm_ms) in enumerate(
        zip(found.usage.active_ms, found.usage.rpm_ms, strict=True)
    ):
        per_second, per_1000_turns, _ = found.rates[level]
        turns, rest = divmod(rpm_ms, MS_PER_MINUTE)
        lines.append(
            f"  level {level + 1}: {active_ms} ms at {per_second} a second, {turns}."
            f"{rest * 1000 // MS_PER_MINUTE:03d} revolutions at {per_1000_turns} a thousand"
        )
    standing = (
        f"  standing price: {found.standing_ms} ms at {found.standing_price_per_second} a second"
    )
    total = f"  its share of the bill: {found.charge} of the asset's smallest unit, rounded down"
    return [*lines, standing, total]


def _terms(opening: ProvenEntry, tariff: ProvenEntry) -> list[str]:
    return [
        f"The rental was opened in block {opening.block} by {opening.args['customer']}, for drill "
        f"{opening.args['drill']} at tariff {tariff.args['tariff']}, which was published in block "
        f"{tariff.block} with these prices."
    ]


def unshown_lines(
    proof: ProofFile, shown: Shown, *, contract_given: bool, chain_given: bool
) -> list[str]:
    """What was not shown, a line each."""
    lines = [
        f"That block {shown.settlement.block} is one of the chain and final: its hash is what you "
        "trust, and everything above follows from it.",
        f"That the code at {proof.contract} is DrillMeter: `drill-audit run` checks that.",
        "What happened at the spindle: samples are what the controller told and the oracle signed.",
        "That the rental has no later reading.",
    ]
    if not contract_given:
        lines.append(f"That {proof.contract} is the contract you mean: give --contract.")
    stated = f"The number of the chain, which no block tells. The file says {proof.chain_id}"
    lines.append(f"{stated}, as you do." if chain_given else f"{stated}.")
    if proof.minute:
        lines.append(
            "That the controller's clock was not set back before: then the meter had waited. "
            "`drill-audit run --samples` goes through the whole log."
        )
    return lines
