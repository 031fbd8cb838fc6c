"""What was lost, billed twice or reverted: by the journal's bytes and the chain's blocks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from chain.views import RentalView
from lab.chaos.story import ChaosRecord
from lab.chaos.yard import TARIFF, ChaosYard
from lab.simulation.meter import SimulatedBill, cost
from protocol.records import Registers, RentalState
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample


@dataclass(frozen=True, slots=True)
class ChaosVerdict:
    """Counts; all but the first two must be 0."""

    samples: int
    settlements: int
    lost: int
    billed_otherwise: int
    reverted: int


def judge(yard: ChaosYard, record: ChaosRecord) -> ChaosVerdict:
    """Look at everything."""
    samples = lost = otherwise = 0
    for drill in yard.numbers:
        journal = _journal(yard, drill)
        samples += len(journal)
        held = {sample.sequence for sample, _ in journal}
        missing = {*range(1, max(held, default=0) + 1)} - held
        lost += len(missing - record.excused.get(drill, set()))
        rentals = [rental for of_drill, rental in record.rentals if of_drill == drill]
        otherwise += sum(not _billed_right(yard, rental, journal) for rental in rentals)
    settlements, reverted = _transactions(yard)
    return ChaosVerdict(samples, settlements, lost, otherwise, reverted)


def _journal(yard: ChaosYard, drill: int) -> list[tuple[Sample, bytes]]:
    with closing(sqlite3.connect(yard.folder / "journal.sqlite")) as connection:
        rows = connection.execute(
            "SELECT raw FROM sample WHERE drill = ? ORDER BY sequence", (drill,)
        ).fetchall()
    samples = [raw[:SAMPLE_BYTES] for (raw,) in rows]
    return [(decode_sample(raw), raw) for raw in samples]


def _billed_right(yard: ChaosYard, rental: int, journal: list[tuple[Sample, bytes]]) -> bool:
    """Whether the contract's registers and charge are what all samples of the rental come to."""
    functions = yard.contract.functions
    found: Any = functions.rental(rental).call()
    registers = Registers(*functions.registers(rental).call())
    customer, drill, tariff, oracle, state, opened_at, ended_at, until, funded, _ = found
    view = RentalView(
        *(rental, customer, drill, tariff, oracle, RentalState(state), opened_at, ended_at, until),
        funded=funded,
        registers=registers,
    )
    bill = SimulatedBill(view, TARIFF, journal)
    charge = cost(TARIFF, registers, until - view.opened_ms)
    events: Any = yard.contract.events["UsageSettled"]
    settled = events.get_logs(from_block=0, argument_filters={"rental": rental})
    size = settled[-1]["args"]["log_size"] if settled else 0
    left_out = [one for one in bill.intervals if one.size > size and one.active_ms]
    return (
        until == ended_at * 1000
        and bill.registers(size) == registers
        and all(one.until > ended_at * 1000 for one in left_out)
        and functions.charge(rental).call() == charge
    )


def _transactions(yard: ChaosYard) -> tuple[int, int]:
    """How many of the box's transactions are in the chain, and how many of them reverted."""
    found = reverted = 0
    for number in range(yard.web3.eth.block_number + 1):
        block: Any = yard.web3.eth.get_block(number, full_transactions=True)
        for transaction in block["transactions"]:
            if transaction["from"] == yard.gas.address:
                found += 1
                receipt = yard.web3.eth.get_transaction_receipt(transaction["hash"])
                reverted += receipt["status"] != 1
    return found, reverted
