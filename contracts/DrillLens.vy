# pragma version 0.4.3
# pragma nonreentrancy on
#pragma optimize codesize
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title DrillLens: what a DrillMeter stores, in words that people use
@custom:contract-name DrillLens
@license GNU Affero General Public License v3.0 only
@notice A meter creates its own lens when it is deployed and passes calls of these views on to it,
        so they are called at the meter's address: `meter.rental(7)`. The lens stores nothing, has
        no owner and changes nothing: it asks whoever calls it for the words stored under a number,
        and takes them apart with the same code by which the meter packs them. No money moves by
        anything that it says; it is apart because of the size that a chain accepts (EIP-170).
        Called by anybody else it reverts, or describes whatever the caller answers to `words`.
"""

# ---------------------------------------------------------------------------------------------
# Interfaces and modules
# ---------------------------------------------------------------------------------------------

from .interfaces import IDrillMeter
from .modules import checks
from .modules import limits
from .modules import meter
from .modules import packing

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev May be settled, topped up and ended. States are numbered as the members of a flag would be.
OPEN: constant(uint256) = 1

# @dev Its end is fixed; usage up to it may still settle.
ENDED: constant(uint256) = 2

# @dev Final: the balance is back in the customer's account and the drill is free.
CLOSED: constant(uint256) = 4

# ---------------------------------------------------------------------------------------------
# Views: rentals
# ---------------------------------------------------------------------------------------------

@external
@view
def rental(rental: uint256) -> IDrillMeter.Rental:
    """
    @notice A rental's terms and state. Reverts for an unknown number.
    @param rental The rental's number.
    @return The rental.
    """
    words: IDrillMeter.Words = self._rental_words(rental)
    terms: packing.Terms = packing._unpack_terms(words.terms)
    party: packing.Party = packing._unpack_party(words.party)
    state: uint256 = OPEN
    if terms.closed:
        state = CLOSED
    elif terms.ended_at > 0:
        state = ENDED
    return IDrillMeter.Rental(
        customer=party.customer,
        drill=terms.drill,
        tariff=terms.tariff,
        oracle=terms.oracle,
        state=state,
        opened_at=terms.opened_at,
        ended_at=terms.ended_at,
        until=meter._until(words.meter),
        funded=terms.funded,
        collected=party.collected,
    )


@external
@view
def registers(rental: uint256) -> IDrillMeter.Registers:
    """
    @notice The last settled registers of a rental. Reverts for an unknown number.
    @param rental The rental's number.
    @return Active time in ms and revolutions, by load level.
    """
    return meter._registers(self._rental_words(rental).meter)


@external
@view
def charge(rental: uint256) -> uint256:
    """
    @notice What the last settled registers cost, not capped by the funds. Reverts for an unknown
            number.
    @param rental The rental's number.
    @return In the asset's smallest unit, rounded down.
    """
    words: IDrillMeter.Words = self._rental_words(rental)
    terms: packing.Terms = packing._unpack_terms(words.terms)
    return meter._charge(words.meter, terms.opened_at, self._rates(terms.tariff))


@external
@view
def balance_of(rental: uint256) -> uint256:
    """
    @notice What is left of a rental's funds after the last settlement; after closing, what was
            refunded. Reverts for an unknown number.
    @param rental The rental's number.
    @return In the asset's smallest unit.
    """
    words: IDrillMeter.Words = self._rental_words(rental)
    terms: packing.Terms = packing._unpack_terms(words.terms)
    return terms.funded - self._owed(words)


@external
@view
def earned(rental: uint256) -> uint256:
    """
    @notice What a rental has earned so far and the provider has not collected; nothing for a closed
            rental, whose earnings are in `revenue`. Reverts for an unknown number.
    @param rental The rental's number.
    @return In the asset's smallest unit.
    """
    words: IDrillMeter.Words = self._rental_words(rental)
    owed: uint256 = self._owed(words)
    return owed - packing._unpack_party(words.party).collected


@external
@view
def caps(rental: uint256) -> IDrillMeter.Caps:
    """
    @notice What the customer lets a rental owe at most. Reverts for an unknown number.
    @param rental The rental's number.
    @return In the asset's smallest unit, 2**96 - 1 for each that is not set.
    """
    word: uint256 = self._rental_words(rental).caps
    if word == 0:
        word = packing.NO_CAPS
    return packing._unpack_caps(word)


@external
@view
def refunded(rental: uint256) -> uint256:
    """
    @notice What disputes have given back of a rental's charge.
    @param rental The rental's number.
    @return In the asset's smallest unit; 0 for an unknown rental.
    """
    return self._words(rental).refunded

# ---------------------------------------------------------------------------------------------
# Views: tariffs, drills, oracles and keys
# ---------------------------------------------------------------------------------------------

@external
@view
def tariff(tariff: uint256) -> IDrillMeter.Tariff:
    """
    @notice A rate table. Reverts for an unknown number.
    @param tariff The tariff's number.
    @return The tariff.
    """
    return packing._unpack_tariff(self._tariff_words(tariff))


@external
@view
def quote(tariff: uint256, registers: IDrillMeter.Registers, elapsed_ms: uint256) -> uint256:
    """
    @notice What these registers cost under a tariff after `elapsed_ms` of rental, rounded down.
            Reverts for an unknown tariff and for registers that no meter can hold.
    @param tariff The tariff's number.
    @param registers Active time in ms and revolutions, by load level.
    @param elapsed_ms Milliseconds from the opening to the reading.
    @return In the asset's smallest unit.
    """
    words: uint256[3] = self._tariff_words(tariff)
    return meter._charge(
        meter._pack(elapsed_ms, registers), 0, packing._unpack_rates(words[0], words[1])
    )


@external
@pure
def read_meter(word: uint256) -> (uint256, IDrillMeter.Registers):
    """
    @notice Take a meter word apart.
    @return `until` in Unix ms, and the registers.
    @param word As `PackedReading` and `UsageSettled` have it.
    """
    return meter._until(word), meter._registers(word)


@external
@view
def drill(drill: uint256) -> IDrillMeter.Drill:
    """
    @notice A drill's box, offer and rental. Reverts for an unknown number.
    @param drill The drill's number.
    @return The drill.
    """
    word: uint256 = self._words(drill).drill
    checks._require(word != 0, "drills: no such drill")
    return packing._unpack_drill(word)


@external
@view
def oracle(oracle: uint256) -> IDrillMeter.Oracle:
    """
    @notice An oracle's key. Reverts for an unknown number.
    @param oracle The oracle's number.
    @return The oracle.
    """
    word: uint256 = self._words(oracle).oracle
    checks._require(word != 0, "oracles: no such oracle")
    return packing._unpack_oracle(word)


@external
@view
def signing_key(key: address) -> IDrillMeter.SigningKey:
    """
    @notice Which oracle a key is or was in force for, and when.
    @param key The key's address.
    @return Its record; all zero for a key that was never used or enrolled.
    """
    return packing._unpack_key(self._words(convert(key, uint256)).key)

# ---------------------------------------------------------------------------------------------
# Views: who speaks for customers
# ---------------------------------------------------------------------------------------------

@external
@view
def forwarder() -> address:
    """
    @notice The DrillForwarder that passes on what customers have signed: the second contract that
            the meter has created, after the lens.
    @return Its address.
    """
    return self._forwarder()


@external
@view
def isTrustedForwarder(forwarder: address) -> bool:
    """
    @notice Whether the meter believes that a caller's data ends with the sender (ERC-2771).
    @param forwarder The caller's address.
    @return True for the DrillForwarder only.
    """
    return forwarder == self._forwarder()

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@view
def _words(number: uint256) -> IDrillMeter.Words:
    """
    @dev Asks the meter that calls for all that it stores under a number.
    @param number The number of a rental, tariff, drill or oracle, or a key's address.
    @return The words; zero where it stores nothing.
    """
    return staticcall IDrillMeter(msg.sender).words(number)


@internal
@view
def _forwarder() -> address:
    """
    @dev Where the second creation of the meter that calls is.
    @return The address: the last 20 bytes of the hash of the RLP list of creator and number.
    """
    return convert(
        convert(
            keccak256(concat(x"d694", convert(msg.sender, bytes20), x"02")), uint256
        ) & packing.ADDRESS_MASK,
        address,
    )


@internal
@view
def _rental_words(rental: uint256) -> IDrillMeter.Words:
    """
    @dev Asks for the words of a rental. Reverts when there is none of that number.
    @param rental The rental's number.
    @return Its words.
    """
    words: IDrillMeter.Words = self._words(rental)
    checks._require(words.terms != 0, "rentals: no such rental")
    return words


@internal
@view
def _tariff_words(tariff: uint256) -> uint256[3]:
    """
    @dev Asks for the words of a tariff. Reverts when there is none of that number.
    @param tariff The tariff's number.
    @return Its words.
    """
    words: uint256[3] = self._words(tariff).tariff
    checks._require(words[2] != 0, "tariffs: no such tariff")
    return words


@internal
@view
def _rates(tariff: uint256) -> packing.Rates:
    """
    @dev Asks for what of a tariff is needed to settle. Never reverts.
    @param tariff The tariff's number.
    @return The rates.
    """
    words: uint256[3] = self._words(tariff).tariff
    return packing._unpack_rates(words[0], words[1])


@internal
@view
def _owed(words: IDrillMeter.Words) -> uint256:
    """
    @dev What a rental owes by its last settled registers.
    @param words The rental's words.
    @return In the asset's smallest unit.
    """
    terms: packing.Terms = packing._unpack_terms(words.terms)
    return min(
        meter._charge(words.meter, terms.opened_at, self._rates(terms.tariff)),
        limits._limit(terms, words.caps, meter._until(words.meter)),
    )
