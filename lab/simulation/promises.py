"""What must hold when a world has come to its end: PROTOCOL section 9, as far as the edge goes.

Everything here is worked out from what really happened (`truth`, the chain's own blocks) and from
the journal's bytes; none of the oracle's or the bridge's code is asked.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import pairwise

from chain.views import RentalView
from lab.fuzzing.people import address
from lab.fuzzing.replayer import Replayer
from lab.simulation.bills import Bills, Journal
from lab.simulation.chain import CUSTOMERS
from lab.simulation.chance import PromiseBroken
from lab.simulation.customer import withdraw_all
from lab.simulation.leases import check_leases
from lab.simulation.meter import SimulatedBill, cost
from lab.simulation.world import SimWorld
from protocol.records import Reading, RentalState
from protocol.sample import SAMPLE_BYTES, Sample, decode_sample
from protocol.tariff import limit

END_TOLERANCE_MS = 1_500
"""A rental ends with a whole second of the chain; blocks and samples are noticed a little late."""


def check(world: SimWorld) -> None:
    """Raise PromiseBroken for the first promise that does not hold."""
    journal = Journal()
    for drill in range(1, world.terms.drills + 1):
        journal[drill] = _journal(world, drill)
        _nothing_lost(world, drill, journal[drill])
        _named_as_it_ran(world, drill)
    bills = Bills(world, journal)
    for number, readings in sorted(world.truth.readings.items()):
        _no_contradiction(bills, number, [readings[until] for until in sorted(readings)])
    _settled_roots(world, bills)
    check_leases(world, bills)
    if not world.settled():
        raise PromiseBroken(f"it has not come right: {_what_is_left(world)}")
    _money(world)
    for rental in world.chain.head.rentals.values():
        _final_bill(world, bills, rental)
    _everybody_is_paid(world)


def _what_is_left(world: SimWorld) -> str:
    left = []
    for drill in world.chain.head.drills.values():
        if drill.rental:
            rental = world.chain.head.rentals[drill.rental]
            left.append(f"rental {rental.rental} of drill {drill.drill} is {rental.state.name}")
    for one, bridge in zip(world.drills, world.bridges, strict=True):
        known = bridge.spool.journalled if bridge.spool else None
        if known is None or one.memory.sequence - known > 3:
            left.append(
                f"drill {one.number} made {one.memory.sequence} samples, {known} journalled"
            )
    if world.chain.pool:
        left.append(f"{len(world.chain.pool)} transactions wait")
    if world.oracle.core is None:
        left.append("the oracle is down")
    return ", ".join(left) or "a batch is still open"


# 7: nothing lost ------------------------------------------------------------------------------


def _journal(world: SimWorld, drill: int) -> list[tuple[Sample, bytes]]:
    with closing(sqlite3.connect(world.oracle.journal)) as connection:
        rows = connection.execute(
            "SELECT raw FROM sample WHERE drill = ? ORDER BY sequence", (drill,)
        )
        samples = [raw[:SAMPLE_BYTES] for (raw,) in rows]
        return [(decode_sample(raw), raw) for raw in samples]


def _nothing_lost(world: SimWorld, drill: int, journal: list[tuple[Sample, bytes]]) -> None:
    produced = world.truth.raw.get(drill, {})
    for sample, raw in journal:
        if produced.get(sample.sequence) != raw:
            raise PromiseBroken(
                f"7: drill {drill} never made the journalled sample {sample.sequence}"
            )
    held = {sample.sequence for sample, _ in journal}
    lost = world.truth.lost.get(drill, set())
    newest = max(held, default=0)
    missing = {seq for seq in produced if seq <= newest} - held - lost
    if missing:
        raise PromiseBroken(
            f"7: samples {sorted(missing)[:5]} of drill {drill} were acknowledged and lost"
        )
    world.tally.seen["samples"] += len(held)
    world.tally.seen["samples gone with a controller's power"] += len({*produced} - held)


# Section 5: whose a sample is -----------------------------------------------------------------


def _named_as_it_ran(world: SimWorld, drill: int) -> None:
    """While the spindle turns, every sample names the rental under whose lease it was set turning,
    also those that no bill counts: the first of a log that has the motor on, and what comes after
    the end."""
    owners = world.truth.owners.get(drill, {})
    for sequence, sample in world.truth.produced.get(drill, {}).items():
        owner = owners.get(sequence, 0)
        if owner not in (0, sample.rental):
            raise PromiseBroken(
                f"section 5: sample {sequence} of drill {drill} names rental {sample.rental}, and "
                f"the spindle was set turning under a lease of rental {owner}"
            )


# 1 to 4: money --------------------------------------------------------------------------------


def _money(world: SimWorld) -> None:
    """The contract against what its events tell, and what it has against what it owes."""
    chain = world.chain
    story = Replayer(address("provider"))
    for event, now in chain.replay():
        story.see(event, now)
    owed = sum(story.accounts.values()) + story.revenue + story.bond[0]
    for number, book in story.rentals.items():
        if book["state"] != int(RentalState.CLOSED):
            owed += book["funded"] - book["collected"]
        if chain.look("charge", number)[0] != book["charge"]:
            raise PromiseBroken(f"8: rental {number}: the events tell another charge")
    coins = chain.node.coins_of(chain.address)
    if not owed == story.held == chain.look("held")[0] <= coins:
        raise PromiseBroken(f"1: the contract has {coins} and owes {owed}")


def _everybody_is_paid(world: SimWorld) -> None:
    """4: whatever happened, everybody takes what is theirs."""
    chain = world.chain
    sent = withdraw_all(chain)
    chain.pool = sent
    chain.mine(chain.head.header.timestamp + 1)
    for one in chain.head.mined:
        if one.reason is not None:
            raise PromiseBroken(f"4: a withdrawal is refused: {one.reason}")
    left = [chain.look("account", address(name))[0] for name in CUSTOMERS]
    if any(left):
        raise PromiseBroken(f"4: accounts still hold {left}")


# 2, 3, 7, 8: bills ----------------------------------------------------------------------------


def _final_bill(world: SimWorld, bills: Bills, rental: RentalView) -> None:
    tariff = world.chain.tariffs[rental.tariff - 1]
    if rental.state is not RentalState.CLOSED and world.given_twice(rental.rental):
        world.tally.seen["last reading withheld: the number was another rental's"] += 1
        return
    if rental.state is not RentalState.CLOSED or rental.ended_ms is None:
        raise PromiseBroken(f"3: rental {rental.rental} was never closed")
    elapsed_ms = rental.until - rental.opened_ms
    charge = cost(tariff, rental.registers, elapsed_ms)
    if world.chain.look("charge", rental.rental)[0] != charge:
        raise PromiseBroken(
            f"2: rental {rental.rental}: the contract charges otherwise than {charge}"
        )
    owed = min(charge, limit(rental.funded, rental.caps, elapsed_ms))
    if world.chain.look("balance_of", rental.rental)[0] != rental.funded - owed:
        raise PromiseBroken(
            f"2: rental {rental.rental}: what goes back is not {rental.funded - owed}"
        )
    if rental.until != rental.ended_ms:
        raise PromiseBroken(f"7: rental {rental.rental} closed without its last reading")
    size = _closing_size(world, rental)
    fitting = (one for one in bills.all_of(rental) if one.registers(size) == rental.registers)
    bill = next(fitting, None)
    if bill is None:
        made = bills.of(rental).registers(size)
        raise PromiseBroken(
            f"7: rental {rental.rental}: {size} samples make {made}, billed are {rental.registers}"
        )
    _nobody_elses(world, rental, bill, size)
    _all_of_it(world, bills, rental, bill, size)


def _nobody_elses(world: SimWorld, rental: RentalView, bill: SimulatedBill, size: int) -> None:
    """2: what is billed was drilled under this rental's leases, whatever the samples say."""
    owners = world.truth.owners.get(rental.drill, {})
    for sample, _ in bill.log[:size]:
        owner = owners.get(sample.sequence, 0)
        if sample.motor_on and owner != rental.rental:
            raise PromiseBroken(
                f"2: rental {rental.rental} is billed sample {sample.sequence} of drill "
                f"{rental.drill}, drilled under a lease of rental {owner}"
            )


def _all_of_it(
    world: SimWorld, bills: Bills, rental: RentalView, bill: SimulatedBill, size: int
) -> None:
    """7: all that was drilled under its leases before its end is billed to it, whatever the clocks
    of box and drill said, unless it came too late. By the time of the simulated world."""
    made = world.truth.made.get(rental.drill, {})
    owners = world.truth.owners.get(rental.drill, {})
    billed = {sample.sequence for sample, _ in bill.log[:size]}
    before_ms = rental.ended_at * 1000 - world.terms.chain_skew_ms - END_TOLERANCE_MS
    left = [
        sample
        for sample, _ in bills.journal(rental.drill)
        if sample.motor_on
        and owners.get(sample.sequence) == rental.rental
        and sample.sequence not in billed
        and made[sample.sequence] < before_ms
    ]
    if not left:
        world.tally.seen["final bill: all that was drilled"] += 1
        return
    waited_ms = world.truth.first_signed[rental.rental, rental.until] - rental.ended_at * 1000
    if waited_ms < world.terms.settings["settlement"]["final_wait_seconds"] * 1000:
        raise PromiseBroken(
            f"7: rental {rental.rental}: {len(left)} samples of drilling before its end are not "
            f"billed, the first {before_ms - made[left[0].sequence]} ms before it, and the last "
            f"reading was signed {waited_ms} ms after the end"
        )
    world.tally.seen["final bill: the last samples came too late"] += 1


def _closing_size(world: SimWorld, rental: RentalView) -> int:
    """Of the last reading; 0 of a rental that ended in the second of its opening and needs none."""
    readings = world.truth.readings.get(rental.rental, {})
    if rental.until == rental.opened_ms and rental.until not in readings:
        return 0
    return readings[rental.until].log_size


def _settled_roots(world: SimWorld, bills: Bills) -> None:
    """8: every settled reading follows from the samples, its root included."""
    for block in world.chain.blocks:
        for event in block.log:
            if event[0] == "ReadingRejected":
                world.tally.seen[f"reading rejected: {event[3]}"] += 1
            if event[0] != "UsageSettled":
                continue
            _, number, until, _, size, root, _ = event
            reading = world.truth.readings.get(number, {}).get(until)
            if reading is None or (reading.log_size, int.from_bytes(reading.log_root)) != (
                size,
                root,
            ):
                raise PromiseBroken(f"8: rental {number}: settled until {until} and never signed")
            rental = block.rentals[number]
            if not _follows(bills, rental, reading, with_root=True):
                if world.given_twice(number) and any(
                    _follows(bills, other, reading, with_root=True) for other in bills.ever(number)
                ):
                    world.tally.seen["settled for the number's rental on another fork"] += 1
                    continue
                raise PromiseBroken(
                    f"8: rental {number}: {reading} does not follow from the samples"
                )
            world.tally.seen["readings settled"] += 1
        for one in block.mined:
            if one.reason is not None and one.transaction.nonce is not None:
                world.tally.seen[f"reverted: {one.reason}"] += 1


def _follows(bills: Bills, rental: RentalView, reading: Reading, *, with_root: bool) -> bool:
    """Whether a reading is what the meter shows over the first samples of the rental's log."""
    return any(
        bill.registers(reading.log_size) == reading.registers
        and (not with_root or bill.root(reading.log_size) == reading.log_root)
        for bill in bills.all_of(rental)
    )


def _no_contradiction(bills: Bills, number: int, readings: list[Reading]) -> None:
    """No signature is evidence against another, and each is what the samples say."""
    ends = {until for view in bills.ever(number) for until in bills.ends(view)}
    rates = [bills.of(view).tariff.levels for view in bills.ever(number)]
    for one in readings:
        if not any(_follows(bills, view, one, with_root=False) for view in bills.ever(number)):
            raise PromiseBroken(f"7: {one} was signed and does not follow from the samples")
    for earlier, later in pairwise(readings):
        if not later.registers.no_lower_than(earlier.registers):
            raise PromiseBroken(f"signatures contradict: {earlier} and {later}")
        if earlier.until in ends:
            # It counts up to the last sample before the end, and later receipts went out before.
            continue
        passed_ms = later.until - earlier.until
        for level in range(3):
            active = later.registers.active_ms[level] - earlier.registers.active_ms[level]
            turned = later.registers.revolutions[level] - earlier.registers.revolutions[level]
            rpm = max(levels[level].max_rpm for levels in rates)
            if active > passed_ms or turned > -(-passed_ms * rpm // 60_000):
                raise PromiseBroken(f"signatures contradict: {later} grew too fast since {earlier}")
