"""Storage words taken apart; the auditor's own packing, made from events, is the model."""

from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from audit.books.books import AuditedTariff, Books, DeploymentTerms, Drill, Oracle, Rental
from audit.books.expect import slots
from protocol.errors import RecordError
from protocol.records import Caps, LevelRate, RentalState
from protocol.storage import (
    caps_of,
    customer_of,
    drill_of,
    drill_slot,
    oracle_of,
    oracle_slot,
    rental_slots,
    tariff_of,
    tariff_slots,
    terms_of,
)

CUSTOMER = "0x" + "a1" * 20
KEY = "0x" + "b2" * 20


def _words() -> dict[int, int]:
    """A storage with one of each, every field with a value of its own."""
    books = Books(DeploymentTerms("0x" + 40 * "0", 1, 1, 1))
    rental = Rental(CUSTOMER, 11, 12, 13, opened_at=1_700_000_001, funded=14, meter=15)
    rental.ended_at, rental.collected = 1_700_000_002, 16
    rental.per_rental, rental.per_hour = 17, 18
    books.rentals[7] = rental
    books.rentals[8] = Rental(CUSTOMER, 1, 2, 3, 1_700_000_001, 4, 5)
    books.tariffs[12] = AuditedTariff(
        ((21, 22, 23), (24, 25, 26), (27, 28, 29)), 30, 31, retired=True
    )
    books.drills[11] = Drill(13, 12, "label", rental=7, retired=True)
    books.oracles[13] = Oracle(KEY, epoch=41, revoked=True, suspended=False)
    return {slot.slot: slot.word for slot in slots(books)}


def test_terms_of__ended_and_capped_rental__every_field() -> None:
    terms_slot, party, meter, caps = rental_slots(7)
    words = _words()

    terms = terms_of(words[terms_slot])

    assert terms is not None
    assert (terms.funded, terms.tariff, terms.oracle, terms.drill) == (14, 12, 13, 11)
    assert (terms.opened_at, terms.ended_at) == (1_700_000_001, 1_700_000_002)
    assert terms.state is RentalState.ENDED
    assert terms.capped
    assert customer_of(words[party]) == to_checksum_address(CUSTOMER)
    assert words[meter] == 15
    assert caps_of(words[caps]) == Caps(17, 18)


def test_terms_of__open_uncapped_rental__has_no_caps() -> None:
    terms_slot, _party, _meter, caps = rental_slots(8)
    words = _words()

    terms = terms_of(words[terms_slot])

    assert terms is not None
    assert terms.state is RentalState.OPEN
    assert caps_of(words[caps]) == Caps()


def test_terms_of__closed_bit__is_closed_whatever_ended_at_says() -> None:
    terms = terms_of(1 << 254 | 5)

    assert terms is not None
    assert terms.state is RentalState.CLOSED


def test_tariff_of__three_words__every_rate() -> None:
    words = _words()

    tariff = tariff_of([words[slot] for slot in tariff_slots(12)])

    assert tariff is not None
    assert tariff.levels == (LevelRate(21, 22, 23), LevelRate(24, 25, 26), LevelRate(27, 28, 29))
    assert (tariff.standing_price_per_second, tariff.least_reserve) == (30, 31)


def test_drill_of__word__every_field() -> None:
    drill = drill_of(_words()[drill_slot(11)])

    assert drill is not None
    assert (drill.oracle, drill.tariff, drill.rental, drill.retired) == (13, 12, 7, True)


def test_oracle_of__word__every_field() -> None:
    oracle = oracle_of(_words()[oracle_slot(13)])

    assert oracle is not None
    assert (oracle.key, oracle.epoch) == (to_checksum_address(KEY), 41)
    assert (oracle.revoked, oracle.suspended, oracle.is_p256) == (True, False, False)


def test_words__of_nothing__are_none() -> None:
    assert terms_of(0) is None
    assert tariff_of((0, 0, 0)) is None
    assert drill_of(0) is None
    assert oracle_of(0) is None


def test_terms_of__wider_than_a_word__is_refused() -> None:
    with pytest.raises(RecordError, match="word"):
        terms_of(1 << 256)
