# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Rentals: OPEN, then ENDED, then CLOSED
@notice A rental sets an amount aside under one tariff for one drill. What is owed is derived from
        the last settled registers whenever it is needed and stored nowhere. It is limited by the
        funds and, in a capped rental, by the customer's caps: what was drilled beyond is not
        owed, however the registers stand.
"""

from ..interfaces import IDrillMeter
from . import checks
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

MS_PER_HOUR: constant(uint256) = 60 * 60 * 1000

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

rental_count: uint256
terms: HashMap[uint256, uint256]
parties: HashMap[uint256, uint256]
meters: HashMap[uint256, uint256]

# Of capped rentals only.
caps: HashMap[uint256, uint256]

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
def _open(
    customer: address, drill: uint256, tariff: uint256, reserve: uint256, caps: IDrillMeter.Caps
) -> uint256:
    tariffs._require_offered(tariff)
    rental: uint256 = self.rental_count + 1
    self.rental_count = rental
    d: IDrillMeter.Drill = drills._occupy(drill, rental)
    checks._require(d.tariff == tariff, "rentals: offered at other tariff")
    oracles._require_trusted(d.oracle)
    vault._debit(customer, reserve)

    terms: packing.Terms = packing.Terms(
        funded=reserve,
        opened_at=block.timestamp,
        ended_at=0,
        tariff=tariff,
        oracle=d.oracle,
        drill=drill,
        closed=False,
        capped=packing._pack_caps(caps) != packing.NO_CAPS,
    )
    self.terms[rental] = packing._pack_terms(terms)
    self.parties[rental] = packing._pack_party(packing.Party(customer=customer, collected=0))
    until: uint256 = meter._opening(block.timestamp)
    self.meters[rental] = until
    if terms.capped:
        checks._require(
            caps.per_hour >= 3600 * tariffs._rates(tariff).standing_price_per_second,
            "rentals: hourly cap is too low",
        )
        self.caps[rental] = packing._pack_caps(caps)
    credit: uint256 = self._limit(rental, terms, until)
    checks._require(credit > 0, "rentals: nothing reserved")
    checks._require(credit >= tariffs._least_reserve(tariff), "rentals: under the least reserve")

    log IDrillMeter.RentalOpened(
        rental=rental,
        drill=drill,
        customer=customer,
        tariff=tariff,
        oracle=d.oracle,
        funded=reserve,
    )
    if terms.capped:
        log IDrillMeter.RentalCapped(
            rental=rental, per_rental=caps.per_rental, per_hour=caps.per_hour
        )
    self._log_positive(rental, drill, credit)
    return rental


@internal
def _top_up(payer: address, rental: uint256, amount: uint256):
    terms: packing.Terms = self._open_terms(rental)
    checks._require(amount > 0, "rentals: nothing to top up")
    vault._debit(payer, amount)

    charge: uint256 = self._charge(rental, terms)
    until: uint256 = meter._until(self.meters[rental])
    was_exhausted: bool = charge >= self._limit(rental, terms, until)
    terms.funded += amount
    self.terms[rental] = packing._pack_terms(terms)

    log IDrillMeter.ToppedUp(rental=rental, payer=payer, amount=amount, funded=terms.funded)
    limit: uint256 = self._limit(rental, terms, until)
    if was_exhausted and limit > charge:
        self._log_positive(rental, terms.drill, limit - charge)


@internal
def _end(by: address, is_provider: bool, rental: uint256):
    terms: packing.Terms = self._open_terms(rental)
    checks._require(
        is_provider or by == self._party(rental).customer,
        "rentals: not yours to end",
    )
    terms.ended_at = block.timestamp
    self.terms[rental] = packing._pack_terms(terms)
    log IDrillMeter.RentalEnded(rental=rental, by=by, ended_at=block.timestamp)
    # A reading of this very second has settled, or the rental opened in it: nothing can follow.
    if meter._until(self.meters[rental]) == block.timestamp * 1000:
        self._settle_up(rental, terms)


@internal
def _close(rental: uint256):
    terms: packing.Terms = self._known(rental)
    checks._require(not terms.closed, "rentals: closed")
    checks._require(terms.ended_at > 0, "rentals: not ended")
    checks._require(
        block.timestamp >= terms.ended_at + GRACE_PERIOD, "rentals: awaiting final reading"
    )
    self._settle_up(rental, terms)


@internal
def _settle_up(rental: uint256, terms: packing.Terms):
    """
    @dev Refunds the balance, books what is left of the earnings as revenue and frees the drill.
         What the charge exceeds the limit by is the provider's loss.
    """
    earned: uint256 = self._owed(rental, terms, self.meters[rental])
    refund: uint256 = terms.funded - earned
    party: packing.Party = self._party(rental)
    terms.closed = True
    self.terms[rental] = packing._pack_terms(terms)
    self.revenue += earned - party.collected
    self.parties[rental] = packing._pack_party(
        packing.Party(customer=party.customer, collected=earned)
    )
    vault.accounts[party.customer] += refund
    drills._release(terms.drill)
    log IDrillMeter.RentalClosed(
        rental=rental,
        customer=party.customer,
        charge=self._charge(rental, terms),
        refund=refund,
    )


@internal
def _collect_closed(to: address) -> uint256:
    """
    @dev Takes the earnings of all closed rentals and returns them.
    """
    amount: uint256 = self.revenue
    self.revenue = 0
    return self._log_collected(0, to, amount)


@internal
def _collect(rental: uint256, to: address) -> uint256:
    """
    @dev Marks what an unclosed rental has earned so far as collected and returns what is new of it.
    """
    terms: packing.Terms = self._known(rental)
    party: packing.Party = self._party(rental)
    earned: uint256 = self._owed(rental, terms, self.meters[rental])
    if terms.closed:
        return 0
    self.parties[rental] = packing._pack_party(
        packing.Party(customer=party.customer, collected=earned)
    )
    return self._log_collected(rental, to, earned - party.collected)


@internal
def _log_collected(rental: uint256, to: address, amount: uint256) -> uint256:
    if amount > 0:
        log IDrillMeter.RevenueCollected(rental=rental, to=to, amount=amount)
    return amount

# ---------------------------------------------------------------------------------------------
# Internals: reading
# ---------------------------------------------------------------------------------------------

@internal
@view
def _require_known(rental: uint256):
    checks._require(self.terms[rental] != 0, "rentals: no such rental")


@internal
@view
def _known(rental: uint256) -> packing.Terms:
    self._require_known(rental)
    return packing._unpack_terms(self.terms[rental])


@internal
@view
def _open_terms(rental: uint256) -> packing.Terms:
    terms: packing.Terms = self._known(rental)
    checks._require(not terms.closed, "rentals: closed")
    checks._require(terms.ended_at == 0, "rentals: ended")
    return terms


@internal
@view
def _party(rental: uint256) -> packing.Party:
    return packing._unpack_party(self.parties[rental])


@internal
@view
def _charge(rental: uint256, terms: packing.Terms) -> uint256:
    return meter._charge(self.meters[rental], terms.opened_at, tariffs._rates(terms.tariff))


@internal
@view
def _limit(rental: uint256, terms: packing.Terms, until: uint256) -> uint256:
    """
    @dev The most that may be owed at `until`. The hourly cap allows one hour's worth from the
         start, so that by any time t after the opening no more than (t + 1 h) of it is owed.
    """
    if not terms.capped:
        return terms.funded
    caps: IDrillMeter.Caps = packing._unpack_caps(self.caps[rental])
    by_now: uint256 = caps.per_hour * (until - terms.opened_at * 1000 + MS_PER_HOUR) // MS_PER_HOUR
    return min(terms.funded, min(caps.per_rental, by_now))


@internal
@view
def _owed(rental: uint256, terms: packing.Terms, word: uint256) -> uint256:
    """
    @dev What a meter of this rental costs, as far as it is owed.
    """
    return min(
        meter._charge(word, terms.opened_at, tariffs._rates(terms.tariff)),
        self._limit(rental, terms, meter._until(word)),
    )


@internal
def _log_positive(rental: uint256, drill: uint256, balance: uint256):
    log IDrillMeter.BalancePositive(
        rental=rental, drill=drill, customer=self._party(rental).customer, balance=balance
    )


@internal
@view
def _caps(rental: uint256) -> IDrillMeter.Caps:
    self._require_known(rental)
    word: uint256 = self.caps[rental]
    if word == 0:
        word = packing.NO_CAPS
    return packing._unpack_caps(word)


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
    party: packing.Party = self._party(rental)
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
