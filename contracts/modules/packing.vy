# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Packed storage words
@notice What is stored in packed words, but for the meter word, which has a module of its own; no
        other module shifts bits. Each word has a struct with named fields, a `_pack_*` and an
        `_unpack_*`. Packing reverts when a field does not fit: with a reason where a caller can
        bring that about, bare where only the year 2514 or a billion drills could.
@dev Field widths, least significant first:

        terms      funded 96, opened_at 34, ended_at 34, tariff 30, oracle 30, drill 30, closed 1,
                   capped 1
        party      customer 160, collected 96
        caps       per_rental 96, per_hour 96
        tariff     (1) price_per_second 3 x 64, standing_price_per_second 64
                   (2) price_per_1000_revolutions 3 x 64, max_rpm 3 x 20
                   (3) least_reserve 96, retired 1, published 1; not needed to settle
        drill      oracle 30, tariff 30, rental 64, retired 1
        oracle     key 160, epoch 32, revoked 1, suspended 1, is_p256 1
        key        oracle 30, since 34, until 34, penalised 1, is_p256 1

     The words of a rental's terms, a drill, an oracle and the third of a tariff are never zero in
     use, so zero means that there is none of that number.

     What the widths hold: funded and collected up to 7.9e28 units; block times until the year
     2514; a billion tariffs, oracles and drills; prices up to 1.8e19 units.
"""

from ..interfaces import IDrillMeter
from . import checks

# ---------------------------------------------------------------------------------------------
# Structs
# ---------------------------------------------------------------------------------------------

# What a rental was opened under, how it stands, and its funds.
struct Terms:
    funded: uint256
    opened_at: uint256
    ended_at: uint256
    tariff: uint256
    oracle: uint256
    drill: uint256
    closed: bool
    capped: bool

# Whose a rental is, and what the provider has collected of it.
struct Party:
    customer: address
    collected: uint256

# What of a tariff is needed to settle.
struct Rates:
    price_per_second_1: uint256
    price_per_second_2: uint256
    price_per_second_3: uint256
    standing_price_per_second: uint256
    price_per_1000_revolutions_1: uint256
    price_per_1000_revolutions_2: uint256
    price_per_1000_revolutions_3: uint256
    max_rpm_1: uint256
    max_rpm_2: uint256
    max_rpm_3: uint256

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev The largest amount of funds, revenue or a reserve; as a cap it stands for none.
MAX_FUNDED: constant(uint256) = 2**96 - 1

# @dev The packed word of two caps that are not set.
NO_CAPS: constant(uint256) = 2**192 - 1

# @dev The packed record of a P-256 key that is enrolled and has served no oracle.
P256_KEY: constant(uint256) = 2**99

# @dev The latest block time, Unix s.
MAX_TIME: constant(uint256) = 2**34 - 1

# @dev The highest number of a tariff, an oracle or a drill.
MAX_NUMBER: constant(uint256) = 2**30 - 1

# @dev The highest price, in the asset's smallest unit.
MAX_PRICE: constant(uint256) = 2**64 - 1

# @dev The highest spindle speed, turns a minute.
MAX_RPM: constant(uint256) = 2**20 - 1

# @dev The highest number of a rental.
MAX_RENTAL: constant(uint256) = 2**64 - 1

# @dev The most keys that an oracle may have had.
MAX_EPOCH: constant(uint256) = 2**32 - 1

# @dev The bits of an address.
ADDRESS_MASK: constant(uint256) = 2**160 - 1

# ---------------------------------------------------------------------------------------------
# Terms of a rental
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_terms(terms: Terms) -> uint256:
    """
    @dev Packs a rental's terms. Reverts with a reason when the funds do not fit.
    @param terms The terms.
    @return Their word, never zero.
    """
    checks._require(terms.funded <= MAX_FUNDED, "packing: funds over 2**96 - 1")
    assert terms.opened_at <= MAX_TIME
    assert terms.ended_at <= MAX_TIME
    assert terms.tariff <= MAX_NUMBER
    assert terms.oracle <= MAX_NUMBER
    assert terms.drill <= MAX_NUMBER
    return (
        terms.funded
        | (terms.opened_at << 96)
        | (terms.ended_at << 130)
        | (terms.tariff << 164)
        | (terms.oracle << 194)
        | (terms.drill << 224)
        | (convert(terms.closed, uint256) << 254)
        | (convert(terms.capped, uint256) << 255)
    )


@internal
@pure
def _unpack_terms(word: uint256) -> Terms:
    """
    @dev Unpacks a rental's terms. Zero gives terms that are all zero: of no oracle.
    @param word Their word.
    @return The terms.
    """
    return Terms(
        funded=word & MAX_FUNDED,
        opened_at=(word >> 96) & MAX_TIME,
        ended_at=(word >> 130) & MAX_TIME,
        tariff=(word >> 164) & MAX_NUMBER,
        oracle=(word >> 194) & MAX_NUMBER,
        drill=(word >> 224) & MAX_NUMBER,
        closed=(word >> 254) & 1 == 1,
        capped=(word >> 255) == 1,
    )

# ---------------------------------------------------------------------------------------------
# Party of a rental
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_party(party: Party) -> uint256:
    """
    @dev Packs whose a rental is and what the provider has collected of it.
    @param party The party.
    @return Its word.
    """
    assert party.collected <= MAX_FUNDED
    return convert(party.customer, uint256) | (party.collected << 160)


@internal
@pure
def _unpack_party(word: uint256) -> Party:
    """
    @dev Unpacks whose a rental is and what the provider has collected of it.
    @param word Its word.
    @return The party.
    """
    return Party(
        customer=convert(word & ADDRESS_MASK, address),
        collected=word >> 160,
    )

# ---------------------------------------------------------------------------------------------
# Caps of a rental
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_caps(caps: IDrillMeter.Caps) -> uint256:
    """
    @dev Packs a customer's caps. Reverts with a reason when one does not fit.
    @param caps The caps, 2**96 - 1 for none.
    @return Their word: NO_CAPS when neither is set, zero when both are zero.
    """
    checks._require(
        (caps.per_rental | caps.per_hour) <= MAX_FUNDED, "packing: cap over 2**96 - 1"
    )
    return caps.per_rental | (caps.per_hour << 96)


@internal
@pure
def _unpack_caps(word: uint256) -> IDrillMeter.Caps:
    """
    @dev Unpacks a customer's caps.
    @param word Their word.
    @return The caps.
    """
    return IDrillMeter.Caps(per_rental=word & MAX_FUNDED, per_hour=word >> 96)

# ---------------------------------------------------------------------------------------------
# Tariff
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_tariff(t: IDrillMeter.Tariff) -> uint256[3]:
    """
    @dev Packs a tariff. Reverts with a reason when a field does not fit or a max_rpm is zero.
    @param t The tariff.
    @return Its three words, marked as published.
    """
    prices: uint256 = t.standing_price_per_second
    for rate: IDrillMeter.LevelRate in t.levels:
        prices |= rate.price_per_second | rate.price_per_1000_revolutions
        checks._require(rate.max_rpm > 0, "packing: max_rpm is zero")
        checks._require(rate.max_rpm <= MAX_RPM, "packing: max_rpm over 2**20 - 1")
    checks._require(prices <= MAX_PRICE, "packing: price over 2**64 - 1")
    checks._require(t.least_reserve <= MAX_FUNDED, "packing: reserve over 2**96 - 1")
    return [
        (
            t.levels[0].price_per_second
            | (t.levels[1].price_per_second << 64)
            | (t.levels[2].price_per_second << 128)
            | (t.standing_price_per_second << 192)
        ),
        (
            t.levels[0].price_per_1000_revolutions
            | (t.levels[1].price_per_1000_revolutions << 64)
            | (t.levels[2].price_per_1000_revolutions << 128)
            | (t.levels[0].max_rpm << 192)
            | (t.levels[1].max_rpm << 212)
            | (t.levels[2].max_rpm << 232)
        ),
        t.least_reserve | (convert(t.retired, uint256) << 96) | (1 << 97),
    ]


@internal
@pure
def _unpack_rates(prices: uint256, rest: uint256) -> Rates:
    """
    @dev Unpacks what of a tariff is needed to settle.
    @param prices The first of its words.
    @param rest The second.
    @return The rates.
    """
    return Rates(
        price_per_second_1=prices & MAX_PRICE,
        price_per_second_2=(prices >> 64) & MAX_PRICE,
        price_per_second_3=(prices >> 128) & MAX_PRICE,
        standing_price_per_second=prices >> 192,
        price_per_1000_revolutions_1=rest & MAX_PRICE,
        price_per_1000_revolutions_2=(rest >> 64) & MAX_PRICE,
        price_per_1000_revolutions_3=(rest >> 128) & MAX_PRICE,
        max_rpm_1=(rest >> 192) & MAX_RPM,
        max_rpm_2=(rest >> 212) & MAX_RPM,
        max_rpm_3=rest >> 232,
    )


@internal
@pure
def _unpack_tariff(words: uint256[3]) -> IDrillMeter.Tariff:
    """
    @dev Unpacks a tariff.
    @param words Its three words.
    @return The tariff.
    """
    rates: Rates = self._unpack_rates(words[0], words[1])
    return IDrillMeter.Tariff(
        levels=[
            IDrillMeter.LevelRate(
                price_per_second=rates.price_per_second_1,
                price_per_1000_revolutions=rates.price_per_1000_revolutions_1,
                max_rpm=rates.max_rpm_1,
            ),
            IDrillMeter.LevelRate(
                price_per_second=rates.price_per_second_2,
                price_per_1000_revolutions=rates.price_per_1000_revolutions_2,
                max_rpm=rates.max_rpm_2,
            ),
            IDrillMeter.LevelRate(
                price_per_second=rates.price_per_second_3,
                price_per_1000_revolutions=rates.price_per_1000_revolutions_3,
                max_rpm=rates.max_rpm_3,
            ),
        ],
        standing_price_per_second=rates.standing_price_per_second,
        least_reserve=self._least_reserve(words[2]),
        retired=self._is_retired(words[2]),
    )


@internal
@pure
def _least_reserve(word: uint256) -> uint256:
    """
    @dev The least that a rental under a tariff has to set aside.
    @param word The third word of the tariff.
    @return In the asset's smallest unit.
    """
    return word & MAX_FUNDED


@internal
@pure
def _is_retired(word: uint256) -> bool:
    """
    @dev Whether a tariff opens no new rentals.
    @param word The third word of the tariff.
    @return Whether it is retired.
    """
    return (word >> 96) & 1 == 1

# ---------------------------------------------------------------------------------------------
# Drill
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_drill(d: IDrillMeter.Drill) -> uint256:
    """
    @dev Packs a drill.
    @param d The drill.
    @return Its word, never zero.
    """
    assert d.oracle <= MAX_NUMBER
    assert d.tariff <= MAX_NUMBER
    assert d.rental <= MAX_RENTAL
    return d.oracle | (d.tariff << 30) | (d.rental << 60) | (convert(d.retired, uint256) << 124)


@internal
@pure
def _unpack_drill(word: uint256) -> IDrillMeter.Drill:
    """
    @dev Unpacks a drill.
    @param word Its word.
    @return The drill.
    """
    return IDrillMeter.Drill(
        oracle=word & MAX_NUMBER,
        tariff=(word >> 30) & MAX_NUMBER,
        rental=(word >> 60) & MAX_RENTAL,
        retired=(word >> 124) == 1,
    )

# ---------------------------------------------------------------------------------------------
# Oracle
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_oracle(o: IDrillMeter.Oracle) -> uint256:
    """
    @dev Packs an oracle.
    @param o The oracle.
    @return Its word, never zero.
    """
    assert o.epoch <= MAX_EPOCH
    return (
        convert(o.key, uint256)
        | (o.epoch << 160)
        | (convert(o.revoked, uint256) << 192)
        | (convert(o.suspended, uint256) << 193)
        | (convert(o.is_p256, uint256) << 194)
    )


@internal
@pure
def _unpack_oracle(word: uint256) -> IDrillMeter.Oracle:
    """
    @dev Unpacks an oracle.
    @param word Its word.
    @return The oracle.
    """
    return IDrillMeter.Oracle(
        key=convert(word & ADDRESS_MASK, address),
        epoch=(word >> 160) & MAX_EPOCH,
        revoked=(word >> 192) & 1 == 1,
        suspended=(word >> 193) & 1 == 1,
        is_p256=self._is_p256(word),
    )


@internal
@pure
def _trusted_key(word: uint256) -> address:
    """
    @dev The key of an oracle that may sign.
    @param word The oracle's word.
    @return The key's address; the zero address when the oracle is unknown, revoked or suspended.
    """
    if (word >> 192) & 3 != 0:
        return empty(address)
    return convert(word & ADDRESS_MASK, address)


@internal
@pure
def _is_p256(word: uint256) -> bool:
    """
    @dev Whether an oracle's key is one of P-256.
    @param word The oracle's word.
    @return Whether it is; False for an unknown oracle.
    """
    return (word >> 194) == 1

# ---------------------------------------------------------------------------------------------
# Signing key
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _pack_key(k: IDrillMeter.SigningKey) -> uint256:
    """
    @dev Packs a signing key's record.
    @param k The record.
    @return Its word; P256_KEY for a key that is enrolled and has served nobody.
    """
    assert k.oracle <= MAX_NUMBER
    assert k.since <= MAX_TIME
    assert k.until <= MAX_TIME
    return (
        k.oracle
        | (k.since << 30)
        | (k.until << 64)
        | (convert(k.penalised, uint256) << 98)
        | (convert(k.is_p256, uint256) << 99)
    )


@internal
@pure
def _unpack_key(word: uint256) -> IDrillMeter.SigningKey:
    """
    @dev Unpacks a signing key's record. Zero gives a record of no oracle.
    @param word Its word.
    @return The record.
    """
    return IDrillMeter.SigningKey(
        oracle=word & MAX_NUMBER,
        since=(word >> 30) & MAX_TIME,
        until=(word >> 64) & MAX_TIME,
        penalised=(word >> 98) & 1 == 1,
        is_p256=(word >> 99) == 1,
    )
