# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Settlement: signed readings become registers
@notice A reading that fails a check is skipped with its reason and never holds up another one.
        A settlement touches one word that it reads (terms) and one that it writes (the meter).
"""

from ..interfaces import IDrillMeter
from . import meter
from . import packing
from . import rentals

uses: rentals

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _settle(
    r: IDrillMeter.PackedReading, oracle: uint256, terms: packing.Terms, t: packing.Rates
):
    """
    @dev Checks one reading whose oracle has signed it, and books it. Never reverts: a reading that
         fails a check is logged as ReadingRejected with its reason. One that passes becomes the
         rental's meter, and UsageSettled is logged; BalanceExhausted and BalancePositive where it
         crosses the limit. The final reading of an ended rental closes it.
    @param r The reading.
    @param oracle The number of the oracle that signed it.
    @param terms The rental's terms; all zero for an unknown rental, which no oracle meters.
    @param t The rates of the rental's tariff.
    """
    last: uint256 = rentals.meters[r.rental]
    until: uint256 = meter._until(r.meter)
    ended_at_ms: uint256 = unsafe_mul(terms.ended_at, 1000)
    objection: String[32] = ""
    if terms.oracle != oracle:
        objection = "not a rental of this oracle"
    elif terms.closed:
        objection = "rental is closed"
    elif until <= meter._until(last):
        objection = "not later than the last"
    elif until > unsafe_mul(block.timestamp, 1000):
        objection = "in the future"
    elif ended_at_ms > 0 and until > ended_at_ms:
        objection = "after the end"
    elif ended_at_ms > 0 and block.timestamp >= terms.ended_at + rentals.GRACE_PERIOD:
        objection = "grace period is over"
    elif not meter._plausible(r.meter, last, t):
        objection = "implausible registers"
    if len(objection) > 0:
        self._reject(r, objection)
        return

    rentals.meters[r.rental] = r.meter
    charge: uint256 = meter._charge(r.meter, terms.opened_at, t)
    log IDrillMeter.UsageSettled(
        rental=r.rental,
        until=until,
        meter=r.meter,
        log_size=r.log_size,
        log_root=r.log_root,
        charge=charge,
    )
    limit: uint256 = terms.funded
    last_limit: uint256 = limit
    if terms.capped:
        limit = rentals._limit(r.rental, terms, until)
        last_limit = rentals._limit(r.rental, terms, meter._until(last))
    if charge >= limit:
        if meter._charge(last, terms.opened_at, t) < last_limit:
            log IDrillMeter.BalanceExhausted(rental=r.rental, charge=charge, limit=limit)
    elif terms.capped and meter._charge(last, terms.opened_at, t) >= last_limit:
        rentals._log_positive(r.rental, terms.drill, limit - charge)
    if until == ended_at_ms:
        rentals._settle_up(r.rental, terms)


@internal
def _reject(r: IDrillMeter.PackedReading, reason: String[32]):
    """
    @dev Logs ReadingRejected and changes nothing.
    @param r The reading.
    @param reason Which check it failed: part of the contract's interface.
    """
    log IDrillMeter.ReadingRejected(rental=r.rental, until=meter._until(r.meter), reason=reason)
