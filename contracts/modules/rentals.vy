# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Rentals: OPEN, then ENDED, then CLOSED
@notice A rental sets an amount aside under one tariff for one drill. What is owed is derived from
        the last settled registers whenever it is needed and stored nowhere.
"""

from ..interfaces import IDrillMeter
from . import drills
from . import meter
from . import oracles
from . import packing
from . import tariffs
from . import vault

uses: drills
uses: oracles
uses: tariffs
uses: vault

# ---------------------------------------------------------------------------------------------
# Constants and immutables
# ---------------------------------------------------------------------------------------------

# States of a rental, numbered as the members of a flag would be.
OPEN: constant(uint256) = 1
ENDED: constant(uint256) = 2
CLOSED: constant(uint256) = 4

# A box needs time to see the end, collect the last samples and have the final reading mined.
SHORTEST_GRACE_PERIOD: constant(uint256) = 60 * 60

# The longest that a silent oracle may keep a customer from the rest of the money.
LONGEST_GRACE_PERIOD: constant(uint256) = 30 * 24 * 60 * 60

GRACE_PERIOD: immutable(uint256)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

rental_count: uint256
terms: HashMap[uint256, uint256]
parties: HashMap[uint256, uint256]
meters: HashMap[uint256, uint256]

# What closed rentals have earned and the provider has not collected.
revenue: uint256

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(grace_period: uint256):
    assert grace_period >= SHORTEST_GRACE_PERIOD, "rentals: grace period under an hour"
    assert grace_period <= LONGEST_GRACE_PERIOD, "rentals: grace period over 30 days"
    GRACE_PERIOD = grace_period

# ---------------------------------------------------------------------------------------------
# Internals: life of a rental
# ---------------------------------------------------------------------------------------------

@internal
def _open(customer: address, drill: uint256, tariff: uint256, reserve: uint256) -> uint256:
    assert reserve > 0, "rentals: nothing reserved"
    tariffs._require_offered(tariff)
    assert reserve >= tariffs._least_reserve(tariff), "rentals: less than the least reserve"

    rental: uint256 = self.rental_count + 1
    self.rental_count = rental
    d: IDrillMeter.Drill = drills._occupy(drill, rental)
    assert d.tariff == tariff, "rentals: drill is on offer at another tariff"
    oracles._require_trusted(d.oracle)
    vault._debit(customer, reserve)

    self.terms[rental] = packing._pack_terms(
        packing.Terms(
            funded=reserve,
            opened_at=block.timestamp,
            ended_at=0,
            tariff=tariff,
            oracle=d.oracle,
            drill=drill,
            closed=False,
        )
    )
    self.parties[rental] = packing._pack_party(packing.Party(customer=customer, collected=0))
    self.meters[rental] = meter._opening(block.timestamp)

    log IDrillMeter.RentalOpened(
        rental=rental,
        drill=drill,
        customer=customer,
        tariff=tariff,
        oracle=d.oracle,
        funded=reserve,
    )
    log IDrillMeter.BalancePositive(
        rental=rental, drill=drill, customer=customer, balance=reserve
    )
    return rental


@internal
def _top_up(payer: address, rental: uint256, amount: uint256):
    terms: packing.Terms = self._known(rental)
    assert not terms.closed, "rentals: closed"
    assert terms.ended_at == 0, "rentals: ended"
    assert amount > 0, "rentals: nothing to top up"
    vault._debit(payer, amount)

    charge: uint256 = self._charge(rental, terms)
    was_exhausted: bool = charge >= terms.funded
    terms.funded += amount
    self.terms[rental] = packing._pack_terms(terms)

    log IDrillMeter.ToppedUp(rental=rental, payer=payer, amount=amount, funded=terms.funded)
    if was_exhausted and terms.funded > charge:
        log IDrillMeter.BalancePositive(
            rental=rental,
            drill=terms.drill,
            customer=packing._unpack_party(self.parties[rental]).customer,
            balance=terms.funded - charge,
        )


@internal
def _end(by: address, is_provider: bool, rental: uint256):
    terms: packing.Terms = self._known(rental)
    party: packing.Party = packing._unpack_party(self.parties[rental])
    assert is_provider or by == party.customer, "rentals: neither customer nor provider"
    assert not terms.closed, "rentals: closed"
    assert terms.ended_at == 0, "rentals: already ended"
    terms.ended_at = block.timestamp
    self.terms[rental] = packing._pack_terms(terms)
    log IDrillMeter.RentalEnded(rental=rental, by=by, ended_at=block.timestamp)
    # A reading of this very second has settled, or the rental opened in it: nothing can follow.
    if meter._until(self.meters[rental]) == block.timestamp * 1000:
        self._settle_up(rental, terms, self._charge(rental, terms))


@internal
def _close(rental: uint256):
    terms: packing.Terms = self._known(rental)
    assert not terms.closed, "rentals: already closed"
    assert terms.ended_at > 0, "rentals: not ended"
    assert block.timestamp >= terms.ended_at + GRACE_PERIOD, "rentals: awaiting the final reading"
    self._settle_up(rental, terms, self._charge(rental, terms))


@internal
def _settle_up(rental: uint256, terms: packing.Terms, charge: uint256):
    """
    @dev Refunds the balance, books what is left of the earnings as revenue and frees the drill.
         What the charge exceeds the funds by is the provider's loss.
    """
    earned: uint256 = min(charge, terms.funded)
    refund: uint256 = terms.funded - earned
    party: packing.Party = packing._unpack_party(self.parties[rental])
    terms.closed = True
    self.terms[rental] = packing._pack_terms(terms)
    if earned > party.collected:
        self.revenue += earned - party.collected
        self.parties[rental] = packing._pack_party(
            packing.Party(customer=party.customer, collected=earned)
        )
    if refund > 0:
        vault.accounts[party.customer] += refund
    drills._release(terms.drill)
    log IDrillMeter.RentalClosed(
        rental=rental, customer=party.customer, charge=charge, refund=refund
    )


@internal
def _collect_closed(to: address) -> uint256:
    """
    @dev Takes the earnings of all closed rentals and returns them.
    """
    amount: uint256 = self.revenue
    if amount > 0:
        self.revenue = 0
        log IDrillMeter.RevenueCollected(rental=0, to=to, amount=amount)
    return amount


@internal
def _collect(rental: uint256, to: address) -> uint256:
    """
    @dev Marks what an unclosed rental has earned so far as collected and returns what is new of it.
    """
    terms: packing.Terms = self._known(rental)
    party: packing.Party = packing._unpack_party(self.parties[rental])
    earned: uint256 = min(self._charge(rental, terms), terms.funded)
    if terms.closed or earned == party.collected:
        return 0
    self.parties[rental] = packing._pack_party(
        packing.Party(customer=party.customer, collected=earned)
    )
    amount: uint256 = earned - party.collected
    log IDrillMeter.RevenueCollected(rental=rental, to=to, amount=amount)
    return amount

# ---------------------------------------------------------------------------------------------
# Internals: reading
# ---------------------------------------------------------------------------------------------

@internal
@view
def _require_known(rental: uint256):
    assert self.terms[rental] != 0, "rentals: no such rental"


@internal
@view
def _known(rental: uint256) -> packing.Terms:
    self._require_known(rental)
    return packing._unpack_terms(self.terms[rental])


@internal
@view
def _charge(rental: uint256, terms: packing.Terms) -> uint256:
    return meter._charge(self.meters[rental], terms.opened_at, tariffs._rates(terms.tariff))


@internal
@pure
def _state(terms: packing.Terms) -> uint256:
    if terms.closed:
        return CLOSED
    if terms.ended_at > 0:
        return ENDED
    return OPEN


@internal
@view
def _describe(rental: uint256) -> IDrillMeter.Rental:
    terms: packing.Terms = self._known(rental)
    party: packing.Party = packing._unpack_party(self.parties[rental])
    return IDrillMeter.Rental(
        customer=party.customer,
        drill=terms.drill,
        tariff=terms.tariff,
        oracle=terms.oracle,
        state=self._state(terms),
        opened_at=terms.opened_at,
        ended_at=terms.ended_at,
        until=meter._until(self.meters[rental]),
        funded=terms.funded,
        collected=party.collected,
    )
