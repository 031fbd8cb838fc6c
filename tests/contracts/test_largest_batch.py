"""The largest settlement, with all that each reading can bring about, and one that fails inside.

What it costs with everything cold is measured on a node (docs/gas.md): in memory slots stay warm
from one transaction to the next.
"""

from __future__ import annotations

import pytest
from contracts.builders import SIMPLE, Yard, new_key
from contracts.evm import TRANSACTION_GAS
from eth_account.signers.local import LocalAccount

from lab.rig.plan import NO_DEADLINE
from protocol.meter_word import SignedBatch

BOXES = 64
RESERVE = 10_000
CAPS = (9_000, 3_600)
USED = 4_000
"""Above the 3,660 that are allowed after a minute, below the 7,260 after an hour and a minute."""


class Fleet:
    """64 boxes, each with a tariff, a drill and a customer of its own, all out of credit."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.boxes = [new_key(f"fleet box {n}") for n in range(BOXES)]
        self.customers = [new_key(f"fleet customer {n}") for n in range(BOXES)]
        self.oracles, self.rentals = [], []
        for box, customer in zip(self.boxes, self.customers, strict=True):
            self._rent(box, customer)
        yard.chain.advance(60)
        self.settle([USED] * BOXES)

    def _rent(self, box: LocalAccount, customer: LocalAccount) -> None:
        yard = self.yard
        tariff = yard.publish(SIMPLE)
        oracle = yard.provide("register_oracle", box.address).result
        drill = yard.list_drill(oracle, tariff)
        yard.chain.give(customer, RESERVE)
        receipt = yard.meter.transact(
            customer, "open_rental", drill, tariff, RESERVE, CAPS, NO_DEADLINE, value=RESERVE
        )
        self.oracles.append(oracle)
        self.rentals.append(receipt.result)

    def end(self) -> None:
        """An hour later the provider ends all at once."""
        self.yard.chain.advance(3_600)
        for rental in self.rentals:
            self.yard.provide("end_rental", rental)

    def settle(self, used: list[int]):
        """Settle a reading of now for each rental, each under its own box's signature."""
        yard = self.yard
        batches: list[SignedBatch] = []
        for number, active_ms in enumerate(used):
            reading = yard.reading(self.rentals[number], active_ms_1=active_ms)
            box, oracle = self.boxes[number], self.oracles[number]
            batches.append(yard.signed(reading, key=box, oracle=oracle))
        return yard.settle(*batches)


@pytest.fixture
def fleet(yard: Yard) -> Fleet:
    return Fleet(yard)


def numbers(receipt, name: str) -> list[int]:
    return [e.args["rental"] for e in receipt.named(name)]


def test_settle__64_capped_rentals_of_64_boxes_close__is_one_transaction(fleet: Fleet):
    yard = fleet.yard
    assert yard.call("earned", fleet.rentals[0]) == 3_660
    fleet.end()
    receipt = fleet.settle([USED] * BOXES)
    for name in ("UsageSettled", "BalancePositive", "RentalClosed"):
        assert numbers(receipt, name) == fleet.rentals
    assert {e.args["balance"] for e in receipt.named("BalancePositive")} == {7_260 - USED}
    assert {yard.account(customer) for customer in fleet.customers} == {RESERVE - USED}
    assert yard.call("revenue") == BOXES * USED
    assert yard.call("held") == yard.wallet(yard.meter) == BOXES * RESERVE
    assert receipt.gas_used < TRANSACTION_GAS


@pytest.mark.parametrize("where", [0, 31, 63])
def test_settle__one_of_64_fails__the_others_close(fleet: Fleet, where):
    """Its register has fallen; its box can send another one."""
    yard = fleet.yard
    fleet.end()
    used = [USED] * BOXES
    used[where] -= 1
    receipt = fleet.settle(used)
    failed = fleet.rentals[where]
    assert numbers(receipt, "ReadingRejected") == [failed]
    closed = [rental for rental in fleet.rentals if rental != failed]
    assert numbers(receipt, "RentalClosed") == closed
    assert yard.call("rental", failed)["state"] == 2
    assert yard.account(fleet.customers[where]) == 0
    again = yard.reading(failed, active_ms_1=USED)
    signed = yard.signed(again, key=fleet.boxes[where], oracle=fleet.oracles[where])
    assert numbers(yard.settle(signed), "RentalClosed") == [failed]
    assert yard.account(fleet.customers[where]) == RESERVE - USED
