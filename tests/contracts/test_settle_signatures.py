"""settle: who signed. The digests here come from eth-account and never from code of ours."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from contracts.builders import Yard, new_key
from contracts.evm import NOBODY, Event, Receipt, event
from contracts.wallet_signatures import (
    HALF_ORDER,
    ORDER,
    PARITY,
    Signature,
    key_that_signs_with,
    message_of,
    sign,
)

from protocol.meter_word import pack_meter
from protocol.records import Reading

NOT_SIGNED = "not signed by its oracle"


def settle(
    yard: Yard, signature: Signature, *readings: Reading, oracle: int | None = None
) -> Receipt:
    """Settle readings under a raw signature."""
    r, vs = (number.to_bytes(32, "big") for number in signature)
    number = yard.oracle if oracle is None else oracle
    packed = [
        (x.rental, pack_meter(x.until, x.registers), x.log_size, x.log_root) for x in readings
    ]
    relayer = yard.people["relayer"]
    return yard.meter.transact(relayer, "settle", [(number, len(readings), r, vs)], packed)


def rejections(*readings: Reading, reason: str = NOT_SIGNED) -> list[Event]:
    return [
        event("ReadingRejected", rental=r.rental, until=r.until, reason=reason) for r in readings
    ]


@pytest.fixture
def reading(yard: Yard) -> Reading:
    """A good reading of an open rental."""
    rental = yard.open()
    yard.chain.advance(10)
    return yard.reading(rental, active_ms_1=3_000, active_ms_3=2_000, revolutions_3=10)


def assert_good(yard: Yard, *readings: Reading) -> None:
    """Expect that the readings settle when signed as they should be."""
    receipt = settle(yard, sign(yard, *readings), *readings)
    assert [e.name for e in receipt.events] == ["UsageSettled"] * len(readings)


def test_settle__signed_with_a_wallets_typed_data__settles(yard: Yard, reading):
    assert_good(yard, reading)


@pytest.mark.parametrize("count", [2, 3, 64])
def test_settle__batch_signed_with_a_wallets_typed_data__settles(yard: Yard, reading, count):
    first = reading.until - count
    assert_good(
        yard,
        *(
            replace(reading, until=first + i, log_size=i, log_root=bytes([i] * 32))
            for i in range(count)
        ),
    )


def test_settle__malleable_twin__is_rejected(yard: Yard, reading):
    r, vs = sign(yard, reading)
    twin = ORDER - (vs & ~PARITY)
    assert twin > HALF_ORDER
    # There is hardly room for such an s beside the parity; every way to write it is tried.
    for forged in (twin, twin | PARITY, (twin | PARITY) ^ PARITY, (twin % PARITY) | PARITY):
        assert settle(yard, (r, forged), reading).events == rejections(reading)
    assert_good(yard, reading)


@pytest.mark.parametrize(
    ("s", "name"),
    [
        (1, "UsageSettled"),
        (HALF_ORDER, "UsageSettled"),
        (HALF_ORDER + 1, "ReadingRejected"),
        (PARITY - 1, "ReadingRejected"),
    ],
    ids=["least", "half the order", "half the order + 1", "most that fits"],
)
def test_settle__good_signature_with_this_s__settles_up_to_half_the_order(
    yard: Yard, reading, s, name
):
    key, signature = key_that_signs_with(s, message_of(yard, reading))
    yard.provide("rotate_oracle", yard.oracle, key.address)
    assert [e.name for e in settle(yard, signature, reading).events] == [name]


def test_settle__flipped_parity__is_rejected(yard: Yard, reading):
    r, vs = sign(yard, reading)
    assert settle(yard, (r, vs ^ PARITY), reading).events == rejections(reading)


@pytest.mark.parametrize("bit", [0, 1, 100, 254, 255])
def test_settle__one_bit_of_r_flipped__is_rejected(yard: Yard, reading, bit):
    r, vs = sign(yard, reading)
    assert settle(yard, (r ^ (1 << bit), vs), reading).events == rejections(reading)


@pytest.mark.parametrize("r", [0, 1, ORDER - 1, ORDER, 2**256 - 1])
@pytest.mark.parametrize("vs", [0, 1, PARITY, 2**256 - 1])
def test_settle__malformed_signature__is_rejected(yard: Yard, reading, r, vs):
    assert settle(yard, (r, vs), reading).events == rejections(reading)


@pytest.mark.parametrize("oracle", [0, 2, 2**30 - 1, 2**256 - 1])
@pytest.mark.parametrize("rental", [0, 1, 99])
def test_settle__unknown_oracle_and_malformed_signature__is_rejected(
    yard: Yard, reading, oracle, rental
):
    # Both the recovered signer and the key of an unknown oracle are the zero address.
    hostile = replace(reading, rental=rental)
    receipt = settle(yard, (0, 0), hostile, oracle=oracle)
    assert receipt.events == rejections(hostile)


@pytest.mark.parametrize(
    "domain",
    [
        {"chainId": 1},
        {"verifyingContract": NOBODY},
        {"name": "drillmeter"},
        {"version": "2"},
    ],
    ids=lambda domain: next(iter(domain)),
)
def test_settle__signed_for_another_domain__is_rejected(yard: Yard, reading, domain):
    signature = sign(yard, reading, **domain)
    assert settle(yard, signature, reading).events == rejections(reading)
    assert_good(yard, reading)


FIELDS = [
    {"rental": 2},
    {"until": 1_800_000_009_999},
    {"log_size": 7},
    {"log_root": bytes(32)},
    {"active_ms_1": 3_001},
    {"active_ms_2": 1},
    {"active_ms_3": 2_001},
    {"revolutions_1": 1},
    {"revolutions_2": 1},
    {"revolutions_3": 11},
]


@pytest.mark.parametrize("change", FIELDS, ids=lambda change: next(iter(change)))
def test_settle__one_field_differs_from_what_was_signed__is_rejected(yard: Yard, reading, change):
    yard.open(drill=yard.list_drill())
    signature = sign(yard, reading)
    if next(iter(change)) in asdict(reading.registers):
        forged = replace(reading, registers=replace(reading.registers, **change))
    else:
        forged = replace(reading, **change)
    assert settle(yard, signature, forged).events == rejections(forged)
    assert_good(yard, reading)


def test_settle__readings_in_another_order_than_signed__are_rejected(yard: Yard, reading):
    earlier = replace(reading, until=reading.until - 1)
    signature = sign(yard, earlier, reading)
    swapped = settle(yard, signature, reading, earlier)
    assert swapped.events == rejections(reading, earlier)


def test_settle__part_of_what_was_signed__is_rejected(yard: Yard, reading):
    earlier = replace(reading, until=reading.until - 1)
    signature = sign(yard, earlier, reading)
    assert settle(yard, signature, reading).events == rejections(reading)
    assert settle(yard, signature, earlier).events == rejections(earlier)


def test_settle__more_than_was_signed__is_rejected(yard: Yard, reading):
    earlier = replace(reading, until=reading.until - 1)
    signature = sign(yard, reading)
    assert settle(yard, signature, earlier, reading).events == rejections(earlier, reading)


def test_settle__signed_by_a_stranger__is_rejected(yard: Yard, reading, stranger):
    signature = sign(yard, reading, key=stranger)
    assert settle(yard, signature, reading).events == rejections(reading)


@pytest.mark.parametrize("role", ["provider", "customer", "relayer"])
def test_settle__signed_by_another_role__is_rejected(yard: Yard, reading, role):
    signature = sign(yard, reading, key=yard.people[role])
    assert settle(yard, signature, reading).events == rejections(reading)


def test_settle__signed_by_another_oracle_in_its_own_name__is_not_its_rental(yard: Yard, reading):
    other = new_key("other oracle")
    number = yard.provide("register_oracle", other.address).result
    signature = sign(yard, reading, key=other)
    receipt = settle(yard, signature, reading, oracle=number)
    assert receipt.events == rejections(reading, reason="not a rental of this oracle")


def test_settle__signed_by_another_oracle_in_this_ones_name__is_rejected(yard: Yard, reading):
    other = new_key("other oracle")
    yard.provide("register_oracle", other.address)
    signature = sign(yard, reading, key=other)
    assert settle(yard, signature, reading).events == rejections(reading)


def test_settle__signed_by_the_rentals_oracle_in_anothers_name__is_rejected(yard: Yard, reading):
    number = yard.provide("register_oracle", new_key("other oracle").address).result
    receipt = settle(yard, sign(yard, reading), reading, oracle=number)
    assert receipt.events == rejections(reading)


def test_settle__key_was_rotated__takes_the_new_and_not_the_old(yard: Yard, reading):
    new = new_key("new key")
    old = sign(yard, reading)
    yard.provide("rotate_oracle", yard.oracle, new.address)
    assert settle(yard, old, reading).events == rejections(reading)
    receipt = settle(yard, sign(yard, reading, key=new), reading)
    assert [e.name for e in receipt.events] == ["UsageSettled"]


def test_settle__oracle_was_revoked__is_rejected(yard: Yard, reading):
    signature = sign(yard, reading)
    yard.provide("revoke_oracle", yard.oracle)
    assert settle(yard, signature, reading).events == rejections(reading)


def test_settle__oracle_was_revoked_and_the_signature_is_malformed__is_rejected(
    yard: Yard, reading
):
    # A revoked oracle has no key; a malformed signature has no signer.
    yard.provide("revoke_oracle", yard.oracle)
    assert settle(yard, (0, 0), reading).events == rejections(reading)


def test_settle__drill_was_reassigned_between_rentals__belongs_to_the_box_that_opened(
    yard: Yard, reading
):
    other = new_key("other oracle")
    number = yard.provide("register_oracle", other.address).result
    yard.end(reading.rental)
    yard.chain.advance(3_600)
    yard.provide("close_rental", reading.rental)
    yard.provide("reassign_drill", yard.drill, number, yard.tariff)
    second = yard.open()
    yard.chain.advance(10)
    later = yard.reading(second)
    refused = settle(yard, sign(yard, later), later)
    assert refused.events == rejections(later, reason="not a rental of this oracle")
    receipt = settle(yard, sign(yard, later, key=other), later, oracle=number)
    assert [e.name for e in receipt.events] == ["UsageSettled"]
