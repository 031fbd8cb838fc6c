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
from . import limits
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

# @dev Seconds. A box needs time to see the end, collect the last samples and have the final reading
# mined.
SHORTEST_GRACE_PERIOD: constant(uint256) = 60 * 60

# @dev Seconds. The longest that a silent oracle may keep a customer from the rest of the money.
LONGEST_GRACE_PERIOD: constant(uint256) = 30 * 24 * 60 * 60

# @dev Seconds after the end of a rental for which its final reading is awaited.
GRACE_PERIOD: immutable(uint256)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev How many rentals were opened; numbers start at 1.
rental_count: uint256

# @dev Each rental's packed terms (`terms` in packing.vy), by number; zero when there is none. After
# the opening only the funds rise, and the end and the closing are marked.
terms: HashMap[uint256, uint256]

# @dev Each rental's packed customer and collected revenue (`party` in packing.vy), by number.
parties: HashMap[uint256, uint256]

# @dev Each rental's last settled meter word (meter.vy), by number; at first that of its opening.
# Its time only rises, and no register ever falls.
meters: HashMap[uint256, uint256]

# @dev The packed caps (`caps` in packing.vy) of each capped rental, by number; fixed at its
# opening, and zero for the others.
caps: HashMap[uint256, uint256]

# @dev Who may end rentals besides their customers and the owner, and do nothing else; zero is nobody.
operator: address

# @dev What closed rentals have earned and the provider has not collected, in the asset's smallest
# unit; part of `vault.held`.
revenue: uint256

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(grace_period: uint256):
    """
    @dev Reverts when the period is out of range.
    @param grace_period Seconds after the end of a rental for which its final reading is awaited, an
           hour to 30 days.
    """
    assert grace_period >= SHORTEST_GRACE_PERIOD, "rentals: grace period under an hour"
    assert grace_period <= LONGEST_GRACE_PERIOD, "rentals: grace period over 30 days"
    GRACE_PERIOD = grace_period

# ---------------------------------------------------------------------------------------------
# Internals: life of a rental
# ---------------------------------------------------------------------------------------------

@internal
def _open(
    drill: uint256, tariff: uint256, reserve: uint256, caps: IDrillMeter.Caps
) -> uint256:
    """
    @dev Sets a reserve aside from the sender's account, occupies the drill and logs RentalOpened,
         RentalCapped if there are caps, and BalancePositive. Reverts when the tariff is unknown or
         retired, the drill not free or on offer at another tariff, its oracle not trusted, the
         account holds less, a cap does not fit or is below the standing price of an hour, or what
         may be owed at first is nothing or under the least reserve. The caller has checked that
         opening is not paused.
    @param drill The drill's number.
    @param tariff The number of the tariff that the customer agrees to.
    @param reserve In the asset's smallest unit.
    @param caps In the asset's smallest unit, 2**96 - 1 for none.
    @return The number of the rental, one more than the last.
    """
    tariffs._require_offered(tariff)
    rental: uint256 = self.rental_count + 1
    self.rental_count = rental
    d: IDrillMeter.Drill = drills._occupy(drill, rental)
    checks._require(d.tariff == tariff, "rentals: offered at other tariff")
    oracles._require_trusted(d.oracle)
    customer: address = vault._debit(reserve)

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
def _top_up(rental: uint256, amount: uint256):
    """
    @dev Adds to the funds of an open rental from the sender's account, and logs ToppedUp, and
         BalancePositive when it had been exhausted and no longer is. Reverts when the rental is
         unknown, ended or closed, the amount is zero or more than the account holds, or the funds
         do not fit. The caller has checked that topping up is not paused.
    @param rental The rental's number.
    @param amount In the asset's smallest unit.
    """
    terms: packing.Terms = self._open_terms(rental)
    checks._require(amount > 0, "rentals: nothing to top up")
    payer: address = vault._debit(amount)

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
    """
    @dev Ends an open rental at this block's time and logs RentalEnded. Closes it at once when no
         later reading can settle. Reverts when it is unknown, ended or closed, or `by` is neither
         its customer nor the provider nor the operator and it has not been exhausted for the grace
         period.
    @param by Who ends it.
    @param is_provider Whether that is the provider.
    @param rental The rental's number.
    """
    terms: packing.Terms = self._open_terms(rental)
    checks._require(
        is_provider
        or by == self.operator
        or by == self._party(rental).customer
        or self._is_long_exhausted(rental, terms),
        "rentals: not yours to end",
    )
    terms = self._fix_end(by, rental, terms)
    # A reading of this very second has settled, or the rental opened in it: nothing can follow.
    if meter._until(self.meters[rental]) == block.timestamp * 1000:
        self._settle_up(rental, terms)


@internal
def _fix_end(by: address, rental: uint256, terms: packing.Terms) -> packing.Terms:
    """
    @dev Stores this block's time as the end of a rental and logs RentalEnded. The caller has
         checked that it is open.
    @param by Who ends it.
    @param rental The rental's number.
    @param terms Its terms as stored.
    @return Its terms with the end.
    """
    ended: packing.Terms = terms
    ended.ended_at = block.timestamp
    self.terms[rental] = packing._pack_terms(ended)
    log IDrillMeter.RentalEnded(rental=rental, by=by, ended_at=block.timestamp)
    return ended


@internal
def _close(rental: uint256):
    """
    @dev Closes a rental whose final reading has not come. Anybody may. Reverts when it is unknown,
         closed or not ended, or its grace period has not passed.
    @param rental The rental's number.
    """
    terms: packing.Terms = self._known(rental)
    checks._require(not terms.closed, "rentals: closed")
    checks._require(terms.ended_at > 0, "rentals: not ended")
    checks._require(
        block.timestamp >= terms.ended_at + GRACE_PERIOD, "rentals: awaiting final reading"
    )
    self._settle_up(rental, terms)


@internal
def _close_now(by: address, rental: uint256, terms: packing.Terms):
    """
    @dev Ends a rental unless it is ended, and closes it unless it is closed, as it stands settled.
    @param by Who does it.
    @param rental The rental's number.
    @param terms Its terms as stored.
    """
    if terms.closed:
        return
    ended: packing.Terms = terms
    if terms.ended_at == 0:
        ended = self._fix_end(by, rental, terms)
    self._settle_up(rental, ended)


@internal
def _settle_up(rental: uint256, terms: packing.Terms):
    """
    @dev Refunds the balance to the customer's account, books what is left of the earnings as
         revenue, frees the drill and logs RentalClosed. What the charge exceeds the limit by is the
         provider's loss. The caller has checked that the rental is ended, not closed, and takes no
         further reading.
    @param rental The rental's number.
    @param terms Its terms as stored.
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
def _give_back(customer: address, amount: uint256) -> uint256:
    """
    @dev Moves `amount`, or what there is of it, from the revenue to a customer's account. It stays
         in the contract, so `vault.held` does not change; the caller logs it.
    @param customer Whose account is credited.
    @param amount In the asset's smallest unit.
    @return How much was moved.
    """
    given: uint256 = min(amount, self.revenue)
    self.revenue -= given
    vault.accounts[customer] += given
    return given


@internal
def _collect_closed(to: address) -> uint256:
    """
    @dev Takes the revenue of all closed rentals out of the books and logs RevenueCollected of
         rental 0. The caller has checked that the sender is the owner, and pays.
    @param to Who will receive it, for the log.
    @return The amount, in the asset's smallest unit.
    """
    amount: uint256 = self.revenue
    self.revenue = 0
    return self._log_collected(0, to, amount)


@internal
def _collect(rental: uint256, to: address) -> uint256:
    """
    @dev Marks what an unclosed rental has earned so far as collected, and logs RevenueCollected if
         there is anything new. Reverts when the rental is unknown. The caller has checked that the
         sender is the owner, and pays.
    @param rental The rental's number.
    @param to Who will receive it, for the log.
    @return What is new of it, in the asset's smallest unit; 0 for a closed rental.
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
    """
    @dev Logs RevenueCollected, unless there is none.
    @param rental The rental's number, or 0 for all closed ones.
    @param to Who will receive it.
    @param amount In the asset's smallest unit.
    @return The same amount.
    """
    if amount > 0:
        log IDrillMeter.RevenueCollected(rental=rental, to=to, amount=amount)
    return amount

# ---------------------------------------------------------------------------------------------
# Internals: reading
# ---------------------------------------------------------------------------------------------

@internal
@view
def _require_known(rental: uint256):
    """
    @dev Reverts when there is no rental of that number.
    @param rental The rental's number.
    """
    checks._require(self.terms[rental] != 0, "rentals: no such rental")


@internal
@view
def _known(rental: uint256) -> packing.Terms:
    """
    @dev Reads a rental's terms. Reverts when there is none of that number.
    @param rental The rental's number.
    @return The terms.
    """
    self._require_known(rental)
    return packing._unpack_terms(self.terms[rental])


@internal
@view
def _open_terms(rental: uint256) -> packing.Terms:
    """
    @dev Reads the terms of a rental that is neither ended nor closed. Reverts for any other.
    @param rental The rental's number.
    @return The terms.
    """
    terms: packing.Terms = self._known(rental)
    checks._require(not terms.closed, "rentals: closed")
    checks._require(terms.ended_at == 0, "rentals: ended")
    return terms


@internal
@view
def _party(rental: uint256) -> packing.Party:
    """
    @dev Reads whose a rental is and what the provider has collected of it. Never reverts.
    @param rental The rental's number.
    @return The party; all zero for an unknown rental.
    """
    return packing._unpack_party(self.parties[rental])


@internal
@view
def _charge(rental: uint256, terms: packing.Terms) -> uint256:
    """
    @dev What the last settled registers cost, whatever the funds and caps.
    @param rental The rental's number.
    @param terms Its terms.
    @return In the asset's smallest unit, rounded down.
    """
    return meter._charge(self.meters[rental], terms.opened_at, tariffs._rates(terms.tariff))


@internal
@view
def _limit(rental: uint256, terms: packing.Terms, until: uint256) -> uint256:
    """
    @dev The most that may be owed at `until`.
    @param rental The rental's number, to look up caps by.
    @param terms Its terms.
    @param until Unix ms, not before the opening.
    @return In the asset's smallest unit; the hourly cap's share is rounded down.
    """
    caps_word: uint256 = 0
    if terms.capped:
        caps_word = self.caps[rental]
    return limits._limit(terms, caps_word, until)


@internal
@view
def _is_long_exhausted(rental: uint256, terms: packing.Terms) -> bool:
    """
    @dev Whether nothing was left to drill on during the whole grace period up to now. That goes by
         what cannot be otherwise, reading or not: the settled registers, which never fall, and the
         standing price, which runs. Limits only rise, so one that what was owed a grace period ago
         has reached, and that is the same today, has been reached all the time. An hourly cap that
         still rises gives credit again, and a top-up raises every limit.
    @param rental The rental's number.
    @param terms Its terms; it is open.
    @return Whether it was; never within the grace period after the opening or a settled reading.
    """
    word: uint256 = self.meters[rental]
    idle: uint256 = unsafe_sub(
        meter._opening(block.timestamp - GRACE_PERIOD), meter._until(word)
    )
    return idle <= meter.MAX_UNTIL and self._owed(
        rental, terms, unsafe_add(word, idle)
    ) == self._limit(rental, terms, block.timestamp * 1000)


@internal
@view
def _owed(rental: uint256, terms: packing.Terms, word: uint256) -> uint256:
    """
    @dev What a meter of this rental costs, as far as it is owed.
    @param rental The rental's number.
    @param terms Its terms.
    @param word The meter word, settled or not.
    @return In the asset's smallest unit, at most what is funded.
    """
    return min(
        meter._charge(word, terms.opened_at, tariffs._rates(terms.tariff)),
        self._limit(rental, terms, meter._until(word)),
    )


@internal
def _log_positive(rental: uint256, drill: uint256, balance: uint256):
    """
    @dev Logs BalancePositive: boxes unlock on it.
    @param rental The rental's number.
    @param drill Its drill's number.
    @param balance What may still be spent, in the asset's smallest unit.
    """
    log IDrillMeter.BalancePositive(
        rental=rental, drill=drill, customer=self._party(rental).customer, balance=balance
    )
