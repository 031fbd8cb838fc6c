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
    @dev Checks one reading whose oracle has signed it, and books it.
    """
    last: uint256 = rentals.meters[r.rental]
    until: uint256 = meter._until(r.meter)
    ended_at_ms: uint256 = unsafe_mul(terms.ended_at, 1000)
    if terms.oracle != oracle:
        self._reject(r, "not a rental of this oracle")
    elif terms.closed:
        self._reject(r, "rental is closed")
    elif until <= meter._until(last):
        self._reject(r, "not later than the last")
    elif until > unsafe_mul(block.timestamp, 1000):
        self._reject(r, "in the future")
    elif ended_at_ms > 0 and until > ended_at_ms:
        self._reject(r, "after the end")
    elif not meter._plausible(r.meter, last, t):
        self._reject(r, "implausible registers")
    else:
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
        if charge >= terms.funded:
            if meter._charge(last, terms.opened_at, t) < terms.funded:
                log IDrillMeter.BalanceExhausted(
                    rental=r.rental, charge=charge, funded=terms.funded
                )
        if until == ended_at_ms:
            rentals._settle_up(r.rental, terms, charge)


@internal
def _reject(r: IDrillMeter.PackedReading, reason: String[32]):
    log IDrillMeter.ReadingRejected(rental=r.rental, until=meter._until(r.meter), reason=reason)
