# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Disputes: an oracle's own receipt against what it has settled
@notice Registers only rise, and no faster than the wall clock and the highest rpm allow. A receipt
        of the same oracle from which the settled registers cannot have grown, or which shows less
        at a later time, proves that one of the two was made up. Which one cannot be seen; the
        customer gets the doubt: what the settled registers cost over what the receipt allows comes
        back out of the bond. The bond answers for boxes, not for an owner who means to cheat: with
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

SHORTEST_EVIDENCE_PERIOD: constant(uint256) = 24 * 60 * 60
LONGEST_EVIDENCE_PERIOD: constant(uint256) = 90 * 24 * 60 * 60

EVIDENCE_PERIOD: immutable(uint256)
PENALTY: immutable(uint256)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# What disputes have given back of each rental's charge.
refunded: HashMap[uint256, uint256]

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(evidence_period: uint256, penalty: uint256):
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
    @dev Judges a receipt that `key` has signed. Paid amounts are remembered, so that a lower
         receipt later brings the difference and the same one nothing.
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
    refund: uint256 = bonds._draw(customer, due - refunded)
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
        penalty=penalty,
    )
    oracles._suspend(terms.oracle, key)


@internal
@view
def _require_in_time(terms: packing.Terms):
    checks._require(
        terms.ended_at == 0
        or block.timestamp < terms.ended_at + rentals.GRACE_PERIOD + EVIDENCE_PERIOD,
        "disputes: too late",
    )


@internal
@view
def _require_in_force(key: address, oracle: uint256, until: uint256, settled: uint256):
    """
    @dev Whoever holds a former key could date a receipt at will, so it counts only if dated while
         the key was in force, and until a reading from after that time has settled. No receipt
         counts before its time.
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
