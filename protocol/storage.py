"""Where DrillMeter keeps what: slots of its storage, and its packed words taken apart.

    word       fields and widths, least significant first
    terms      funded 96, opened_at 34, ended_at 34, tariff 30, oracle 30, drill 30, closed 1,
               capped 1
    party      customer 160, collected 96
    caps       per_rental 96, per_hour 96; only of a capped rental
    tariff     (1) price_per_second 3 x 64, standing_price_per_second 64
               (2) price_per_1000_revolutions 3 x 64, max_rpm 3 x 20
               (3) least_reserve 96, retired 1, published 1
    drill      oracle 30, tariff 30, rental 64, retired 1
    oracle     key 160, epoch 32, revoked 1, suspended 1, is_p256 1

The meter word has a module of its own, `protocol.meter_word`. A word of zero means that there is
none of that number. Source: contracts/modules/packing.vy; the compiler gives the slots.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from protocol import abi
from protocol.errors import RecordError
from protocol.records import Caps, LevelRate, RentalState, Tariff, require_uint

_PRICE, _RPM, _NUMBER, _TIME, _AMOUNT, _ADDRESS = 64, 20, 30, 34, 96, 160


@cache
def storage_slots() -> dict[str, int]:
    """The slot of each variable, as "module.variable"."""
    text = files(abi).joinpath("DrillMeter.storage.json").read_text(encoding="ascii")
    slots: dict[str, int] = json.loads(text)
    return slots


def entry_slot(slot: int, key: int) -> int:
    """Where Vyper keeps the entry of a HashMap: Keccak-256 of its slot and the key."""
    return int.from_bytes(keccak(slot.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")


def rental_slots(rental: int) -> tuple[int, int, int, int]:
    """Of a rental's terms, party, meter word and caps."""
    at = storage_slots()
    names = ("rentals.terms", "rentals.parties", "rentals.meters", "rentals.caps")
    terms, party, meter, caps = (entry_slot(at[name], rental) for name in names)
    return terms, party, meter, caps


def tariff_slots(tariff: int) -> tuple[int, int, int]:
    """Of a tariff's three words."""
    first = entry_slot(storage_slots()["tariffs.tariffs"], tariff)
    return first, first + 1, first + 2


def drill_slot(drill: int) -> int:
    """Of a drill's word."""
    return entry_slot(storage_slots()["drills.drills"], drill)


def oracle_slot(oracle: int) -> int:
    """Of an oracle's word."""
    return entry_slot(storage_slots()["oracles.oracles"], oracle)


@dataclass(frozen=True, slots=True)
class RentalTerms:
    """A rental's terms; times are Unix s, `funded` is in the asset's smallest unit."""

    funded: int
    opened_at: int
    ended_at: int
    tariff: int
    oracle: int
    drill: int
    closed: bool
    capped: bool

    @property
    def state(self) -> RentalState:
        """As the contract tells it."""
        if self.closed:
            return RentalState.CLOSED
        return RentalState.ENDED if self.ended_at else RentalState.OPEN


@dataclass(frozen=True, slots=True)
class DrillWord:
    """A drill; `rental` is the running one or 0."""

    oracle: int
    tariff: int
    rental: int
    retired: bool


@dataclass(frozen=True, slots=True)
class OracleWord:
    """An oracle; `key` is a checksummed address."""

    key: str
    epoch: int
    revoked: bool
    suspended: bool
    is_p256: bool


def terms_of(word: int) -> RentalTerms | None:
    """A rental's terms, None where there is no such rental."""
    if word == 0:
        return None
    widths = (_AMOUNT, _TIME, _TIME, _NUMBER, _NUMBER, _NUMBER, 1, 1)
    funded, opened_at, ended_at, tariff, oracle, drill, closed, capped = _fields(word, widths)
    return RentalTerms(
        funded, opened_at, ended_at, tariff, oracle, drill, closed=bool(closed), capped=bool(capped)
    )


def customer_of(word: int) -> str:
    """The customer in a rental's party word, checksummed."""
    return _address(word)


def caps_of(word: int) -> Caps:
    """A rental's caps; none for the word of an uncapped one, which is 0."""
    if word == 0:
        return Caps()
    per_rental, per_hour = _fields(word, (_AMOUNT, _AMOUNT))
    return Caps(per_rental, per_hour)


def tariff_of(words: Sequence[int]) -> Tariff | None:
    """A tariff from its three words, None where there is none; raises RecordError."""
    if len(words) != 3:
        raise RecordError(f"a tariff has 3 words, not {len(words)}")
    first, second, third = words
    if third == 0:
        return None
    *seconds, standing = _fields(first, (_PRICE,) * 4)
    turns_and_rpm = _fields(second, (_PRICE,) * 3 + (_RPM,) * 3)
    rates = zip(seconds, turns_and_rpm[:3], turns_and_rpm[3:], strict=True)
    one, two, three = (LevelRate(*rate) for rate in rates)
    return Tariff((one, two, three), standing, _fields(third, (_AMOUNT,))[0])


def drill_of(word: int) -> DrillWord | None:
    """A drill, None where there is none."""
    if word == 0:
        return None
    oracle, tariff, rental, retired = _fields(word, (_NUMBER, _NUMBER, _PRICE, 1))
    return DrillWord(oracle, tariff, rental, retired=bool(retired))


def oracle_of(word: int) -> OracleWord | None:
    """An oracle, None where there is none."""
    if word == 0:
        return None
    _key, epoch, revoked, suspended, is_p256 = _fields(word, (_ADDRESS, 32, 1, 1, 1))
    return OracleWord(
        _address(word),
        epoch,
        revoked=bool(revoked),
        suspended=bool(suspended),
        is_p256=bool(is_p256),
    )


def _fields(word: int, widths: Sequence[int]) -> list[int]:
    """The fields of a word from its lowest bit; raises RecordError for what is not a uint256."""
    require_uint("word", word)
    fields = []
    for width in widths:
        fields.append(word & ((1 << width) - 1))
        word >>= width
    return fields


def _address(word: int) -> str:
    require_uint("word", word)
    return to_checksum_address((word & ((1 << _ADDRESS) - 1)).to_bytes(20, "big"))
