"""settle: many readings of several boxes in one transaction, good ones beside bad ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from contracts.builders import LOG_ROOT, RESERVE, Yard, new_key
from contracts.evm import TRANSACTION_GAS, Event, event, reverts
from eth_account.signers.local import LocalAccount

from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Reading, Registers

MOST = 64
HUGE = 2**256 - 1


@dataclass(frozen=True)
class Box:
    """An edge box: its oracle number and key, and the rental it meters."""

    oracle: int
    key: LocalAccount
    rental: int


def boxes(yard: Yard, count: int, reserve: int = RESERVE) -> list[Box]:
    """Edge boxes, each with a rental that was opened ten seconds ago."""
    made = []
    for number in range(count):
        key = new_key(f"box {number}")
        oracle = yard.provide("register_oracle", key.address).result
        made.append(Box(oracle, key, yard.open(reserve, drill=yard.list_drill(oracle))))
    yard.chain.advance(10)
    return made


def of(yard: Yard, box: Box, *readings: Reading) -> SignedBatch:
    """A batch that a box signed."""
    return yard.signed(*readings, key=box.key, oracle=box.oracle)


def names(events: list[Event]) -> list[str]:
    """Each event's name, or the reason of a rejection."""
    return [e.args["reason"] if e.name == "ReadingRejected" else e.name for e in events]


def test_settle__several_boxes__settles_each(yard: Yard):
    three = boxes(yard, 3)
    batches = [
        of(yard, box, yard.reading(box.rental, active_ms_1=i)) for i, box in enumerate(three)
    ]
    receipt = yard.settle(*batches)
    assert names(receipt.events) == ["UsageSettled"] * 3
    assert [e.args["rental"] for e in receipt.events] == [box.rental for box in three]
    for active_ms, box in enumerate(three):
        assert yard.call("registers", box.rental)["active_ms_1"] == active_ms


def test_settle__good_and_bad_readings_of_one_batch__takes_the_good(yard: Yard):
    a, b = boxes(yard, 2)
    second = yard.open(drill=yard.list_drill(a.oracle))
    yard.chain.advance(10)
    batch = of(
        yard,
        a,
        yard.reading(a.rental, active_ms_1=10_001 * 1000),
        yard.reading(a.rental, active_ms_1=1_000),
        yard.reading(b.rental),
        yard.reading(999),
        yard.reading(second, yard.now_ms + 1),
        yard.reading(second, active_ms_2=10_000),
    )
    receipt = yard.settle(batch)
    assert names(receipt.events) == [
        "implausible registers",
        "UsageSettled",
        "not a rental of this oracle",
        "not a rental of this oracle",
        "in the future",
        "UsageSettled",
    ]
    assert yard.call("registers", a.rental)["active_ms_1"] == 1_000
    assert yard.call("registers", second)["active_ms_2"] == 10_000
    assert yard.call("rental", b.rental)["until"] == (yard.chain.now - 20) * 1000


def test_settle__a_batch_with_a_bad_signature_between__takes_its_neighbours(yard: Yard):
    a, b, c = boxes(yard, 3)
    readings = [yard.reading(box.rental, active_ms_1=7) for box in (a, b, c)]
    forged = yard.signed(readings[1], readings[1], key=a.key, oracle=b.oracle)
    receipt = yard.settle(of(yard, a, readings[0]), forged, of(yard, c, readings[2]))
    assert receipt.named("ReadingRejected") == 2 * [
        event(
            "ReadingRejected",
            rental=b.rental,
            until=readings[1].until,
            reason="not signed by its oracle",
        )
    ]
    assert names(receipt.events)[0] == names(receipt.events)[3] == "UsageSettled"
    assert yard.call("charge", b.rental) == 0


def test_settle__same_reading_twice_in_a_batch__settles_once(yard: Yard):
    (box,) = boxes(yard, 1)
    reading = yard.reading(box.rental, active_ms_1=1_000)
    receipt = yard.settle(of(yard, box, reading, reading))
    assert names(receipt.events) == ["UsageSettled", "not later than the last"]


def test_settle__same_batch_twice_in_a_transaction__settles_once(yard: Yard):
    (box,) = boxes(yard, 1)
    batch = of(yard, box, yard.reading(box.rental, active_ms_1=1_000))
    assert names(yard.settle(batch, batch).events) == ["UsageSettled", "not later than the last"]
    assert names(yard.settle(batch).events) == ["not later than the last"]


def test_settle__readings_of_a_rental_in_order__settle_all(yard: Yard):
    (box,) = boxes(yard, 1)
    start = yard.now_ms - 10_000
    readings = [yard.reading(box.rental, start + 1_000 * i, active_ms_1=900 * i) for i in (1, 2, 3)]
    receipt = yard.settle(of(yard, box, *readings))
    assert names(receipt.events) == ["UsageSettled"] * 3
    assert yard.call("registers", box.rental)["active_ms_1"] == 2_700


def test_settle__readings_of_a_rental_out_of_order__the_newest_counts(yard: Yard):
    (box,) = boxes(yard, 1)
    start = yard.now_ms - 10_000
    readings = [yard.reading(box.rental, start + 1_000 * i, active_ms_1=900 * i) for i in (1, 2, 3)]
    receipt = yard.settle(of(yard, box, readings[0], readings[2], readings[1]))
    assert names(receipt.events) == ["UsageSettled", "UsageSettled", "not later than the last"]
    assert yard.call("registers", box.rental)["active_ms_1"] == 2_700


def test_settle__after_the_final_reading_in_a_batch__is_closed(yard: Yard, customer):
    (box,) = boxes(yard, 1)
    ended_at_ms = yard.end(box.rental) * 1000
    final = yard.reading(box.rental, ended_at_ms, active_ms_1=1_000)
    more = yard.reading(box.rental, ended_at_ms, active_ms_1=2_000)
    receipt = yard.settle(of(yard, box, final, more, final))
    assert names(receipt.events) == [
        "UsageSettled",
        "RentalClosed",
        "rental is closed",
        "rental is closed",
    ]
    assert yard.account(customer) + yard.call("revenue") == RESERVE


def test_settle__tariffs_alternate_in_a_batch__charges_each_its_own(yard: Yard):
    simple = [yard.open_simple() for _ in range(2)]
    dear = yard.open()
    yard.chain.advance(10)
    order = (simple[0], dear, simple[1])
    receipt = yard.settle(yard.signed(*(yard.reading(r, active_ms_1=1_000) for r in order)))
    dear_charge = (1_000 * 1_103 + 10_000 * 97) // 1000
    assert [e.args["charge"] for e in receipt.events] == [1_000, dear_charge, 1_000]


@pytest.mark.parametrize("rental", [0, 2**64, HUGE])
def test_settle__hostile_numbers_beside_a_good_reading__do_not_stop_it(yard: Yard, rental):
    (box,) = boxes(yard, 1)
    widest = Registers(*[2**37 - 1] * 3, *[2**34 - 1] * 3)
    hostile = Reading(rental, 2**43 - 1, widest, HUGE, b"\xff" * 32)
    empty = Reading(rental, 0, Registers(), 0, bytes(32))
    receipt = yard.settle(of(yard, box, hostile, yard.reading(box.rental), empty))
    assert names(receipt.events) == [
        "not a rental of this oracle",
        "UsageSettled",
        "not a rental of this oracle",
    ]


def test_settle__hostile_words_of_a_known_rental__do_not_stop_a_good_one(yard: Yard):
    (box,) = boxes(yard, 1)
    widest = Registers(*[2**37 - 1] * 3, *[2**34 - 1] * 3)
    words = [
        Reading(box.rental, 2**43 - 1, widest, HUGE, LOG_ROOT),
        Reading(box.rental, yard.now_ms, widest, HUGE, LOG_ROOT),
        Reading(box.rental, 0, Registers(), 0, LOG_ROOT),
    ]
    receipt = yard.settle(of(yard, box, *words, yard.reading(box.rental)))
    assert names(receipt.events) == [
        "in the future",
        "implausible registers",
        "not later than the last",
        "UsageSettled",
    ]


def test_settle__log_size_and_root__are_anchored_as_signed(yard: Yard):
    (box,) = boxes(yard, 1)
    reading = replace(yard.reading(box.rental), log_size=HUGE, log_root=b"\xff" * 32)
    (settled,) = yard.settle(of(yard, box, reading)).events
    assert (settled.args["log_size"], settled.args["log_root"]) == (HUGE, b"\xff" * 32)


def test_settle__nothing_at_all__changes_nothing(yard: Yard):
    assert yard.settle().events == []


def test_settle__a_signature_of_no_readings__changes_nothing(yard: Yard):
    assert yard.settle(yard.signed()).events == []
    assert yard.settle(yard.signed(), yard.signed()).events == []


@pytest.mark.parametrize("given", [0, 1, 2])
def test_settle__more_signed_than_given__reverts(yard: Yard, given, relayer):
    (box,) = boxes(yard, 1)
    reading = yard.reading(box.rental)
    signatures, readings = settle_arguments([of(yard, box, *[reading] * 3)])
    with reverts("settle: more signed than given"):
        yard.meter.transact(relayer, "settle", signatures, readings[:given])
    assert yard.call("rental", box.rental)["until"] < reading.until


@pytest.mark.parametrize("count", [2, MOST, MOST + 1, 2**255, HUGE])
def test_settle__an_enormous_count__reverts(yard: Yard, count, relayer):
    (box,) = boxes(yard, 1)
    signatures, readings = settle_arguments([of(yard, box, yard.reading(box.rental))])
    (oracle, _, r, vs) = signatures[0]
    with reverts("settle: more signed than given"):
        yard.meter.transact(relayer, "settle", [(oracle, count, r, vs)], readings)


def test_settle__counts_that_wrap_around__revert(yard: Yard, relayer):
    (box,) = boxes(yard, 1)
    signatures, readings = settle_arguments([of(yard, box, yard.reading(box.rental))])
    (oracle, _, r, vs) = signatures[0]
    wrapping = [(oracle, 1, r, vs), (oracle, HUGE, r, vs), (oracle, 1, r, vs)]
    with reverts("settle: more signed than given"):
        yard.meter.transact(relayer, "settle", wrapping, readings)


@pytest.mark.parametrize("left", [1, 2])
def test_settle__readings_without_a_signature__revert(yard: Yard, left, relayer):
    (box,) = boxes(yard, 1)
    signatures, readings = settle_arguments([of(yard, box, yard.reading(box.rental))])
    with reverts("settle: unsigned readings"):
        yard.meter.transact(relayer, "settle", signatures, readings * (left + 1))
    with reverts("settle: unsigned readings"):
        yard.meter.transact(relayer, "settle", [], readings * left)
    assert yard.call("charge", box.rental) == 0


def test_settle__64_readings_under_one_signature__fits_a_transaction(yard: Yard):
    rentals = [yard.open(drill=yard.list_drill()) for _ in range(MOST)]
    yard.chain.advance(10)
    receipt = yard.settle(yard.signed(*(yard.reading(r, active_ms_1=r) for r in rentals)))
    assert names(receipt.events) == ["UsageSettled"] * MOST
    assert receipt.gas_used < TRANSACTION_GAS // 4
    assert [yard.call("registers", r)["active_ms_1"] for r in rentals] == rentals


def test_settle__64_boxes_that_all_close__fits_a_transaction(yard: Yard, customer):
    many = boxes(yard, MOST)
    for box in many:
        yard.meter.transact(customer, "end_rental", box.rental)
    final = [of(yard, box, yard.reading(box.rental)) for box in many]
    receipt = yard.settle(*final)
    assert names(receipt.events) == ["UsageSettled", "RentalClosed"] * MOST
    assert receipt.gas_used < TRANSACTION_GAS // 2
    assert yard.account(customer) + yard.call("revenue") == MOST * RESERVE == yard.call("held")


def test_settle__65_readings__revert(yard: Yard, relayer):
    (box,) = boxes(yard, 1)
    signatures, readings = settle_arguments([of(yard, box, yard.reading(box.rental))])
    with reverts(""):
        yard.meter.transact(relayer, "settle", signatures, readings * (MOST + 1))


def test_settle__65_signatures__revert(yard: Yard, relayer):
    signatures, _ = settle_arguments([yard.signed()])
    assert yard.meter.transact(relayer, "settle", signatures * MOST, []).events == []
    with reverts(""):
        yard.meter.transact(relayer, "settle", signatures * (MOST + 1), [])
