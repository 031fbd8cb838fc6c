# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Disputes: an oracle's own receipt against what it has settled
@notice Registers only rise, and no faster than the wall clock and the highest rpm allow. A receipt
        of the same oracle from which the settled registers cannot have grown, or which shows less
        at a later time, proves that one of the two was made up. Which one cannot be seen; the
        customer gets the doubt: the rental is over, and what the settled registers cost over what
        the receipt allows comes back, out of what the provider has not collected and then out of
        the bond. The bond answers for boxes, not for an owner who means to cheat: with
        a box and a rental of his own he can dispute the bond away.
"""

from ..interfaces import IDrillMeter
from . import bonds
from . import checks
from . import keys
from . import meter
from . import oracles
from . import packing
from . import rentals
from . import tariffs

uses: bonds
uses: keys
uses: oracles
uses: rentals
uses: tariffs

# ---------------------------------------------------------------------------------------------
# Constants and immutables
# ---------------------------------------------------------------------------------------------

# @dev Seconds. A customer needs time to see what was settled and to dispute it.
SHORTEST_EVIDENCE_PERIOD: constant(uint256) = 24 * 60 * 60

# @dev Seconds. The bond stays locked for twice the evidence period, so that has a limit.
LONGEST_EVIDENCE_PERIOD: constant(uint256) = 90 * 24 * 60 * 60

# @dev Seconds after the grace period in which usage can still be disputed.
EVIDENCE_PERIOD: immutable(uint256)

# @dev What a proven lie costs over the refund, once for each key, in the asset's smallest unit.
PENALTY: immutable(uint256)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev What disputes have given back of each rental's charge, in the asset's smallest unit, by the
# rental's number. It only rises, and never exceeds what was owed.
refunded: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(evidence_period: uint256, penalty: uint256):
    """
    @dev Reverts when a value is out of range.
    @param evidence_period Seconds after the grace period in which a rental's usage can still be
           disputed, a day to 90 days.
    @param penalty What a proven lie costs over the refund, once for each key, below 2**96.
    """
    assert evidence_period >= SHORTEST_EVIDENCE_PERIOD, "disputes: evidence period under a day"
    assert evidence_period <= LONGEST_EVIDENCE_PERIOD, "disputes: evidence period over 90 days"
    assert penalty <= packing.MAX_FUNDED, "disputes: penalty exceeds 2**96 - 1"
    EVIDENCE_PERIOD = evidence_period
    PENALTY = penalty

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _dispute(receipt: IDrillMeter.PackedReading, key: address):
    """
    @dev Judges a receipt that `key` has signed, which the caller has checked. Ends and closes the
         rental if it is not closed, takes the refund from the revenue and what is missing of it
         from the bond, once for each key the penalty from the bond, all for the rental's customer;
         logs UsageDisputed and suspends the oracle. What was paid is remembered, so that a lower
         receipt later brings the difference and the same one nothing.
    @param receipt The reading that was signed.
    @param key The key that signed it, now or formerly one of the rental's oracle.
    """
    rental: uint256 = receipt.rental
    terms: packing.Terms = rentals._known(rental)
    settled: uint256 = rentals.meters[rental]
    self._require_in_time(terms)
    self._require_in_force(
        key, terms.oracle, meter._until(receipt.meter), meter._until(settled)
    )
    within: uint256 = meter._within(settled, receipt.meter, tariffs._rates(terms.tariff))
    due: uint256 = rentals._owed(rental, terms, settled) - rentals._owed(rental, terms, within)
    refunded: uint256 = self.refunded[rental]
    checks._require(due > refunded, "disputes: nothing overcharged")
    customer: address = rentals._party(rental).customer
    # The earnings of this very rental, as far as they were not collected, are revenue from here on.
    rentals._close_now(msg.sender, rental, terms)
    from_revenue: uint256 = rentals._give_back(customer, due - refunded)
    refund: uint256 = from_revenue + bonds._draw(customer, due - refunded - from_revenue)
    self.refunded[rental] = refunded + refund
    penalty: uint256 = 0
    # What cannot be paid is not used up.
    if bonds.posted > 0 and keys._penalise(key):
        penalty = bonds._draw(customer, PENALTY)
    log IDrillMeter.UsageDisputed(
        rental=rental,
        key=key,
        until=meter._until(receipt.meter),
        meter=receipt.meter,
        refund=refund,
        from_revenue=from_revenue,
        penalty=penalty,
    )
    oracles._suspend(terms.oracle, key)


@internal
@view
def _require_in_time(terms: packing.Terms):
    """
    @dev Reverts once the grace and evidence periods after the rental's end have passed.
    @param terms The rental's terms; one that has not ended can be disputed at any time.
    """
    checks._require(
        terms.ended_at == 0
        or block.timestamp < terms.ended_at + rentals.GRACE_PERIOD + EVIDENCE_PERIOD,
        "disputes: too late",
    )


@internal
@view
def _require_in_force(key: address, oracle: uint256, until: uint256, settled: uint256):
    """
    @dev Reverts unless `key` was in force for `oracle` at `until`. Whoever holds a former key could
         date a receipt at will, so it counts only if dated while the key was in force, and until a
         reading from after that time has settled. No receipt counts before its time.
    @param key The key that signed the receipt.
    @param oracle The rental's oracle.
    @param until The receipt's time, Unix ms.
    @param settled The time of the last settled reading, Unix ms.
    """
    record: IDrillMeter.SigningKey = keys._record(key)
    checks._require(record.oracle == oracle, "disputes: key of another oracle")
    end: uint256 = block.timestamp
    if record.until > 0:
        end = record.until
        checks._require(settled <= end * 1000, "disputes: a later key settled")
    checks._require(
        until >= record.since * 1000 and until <= end * 1000,
        "disputes: not while in force",
    )
