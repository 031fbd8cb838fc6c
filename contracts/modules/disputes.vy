# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Disputes: an oracle's own receipt against what it has settled
@notice Registers only rise. A receipt dated at or after the last settled reading with a register
        below the settled one therefore shows that the oracle signed usage that had not happened by
        then. Which of the two is the truth cannot be seen; the customer gets the doubt: what the
        settled registers cost over the lower ones comes back out of the bond.
"""

from ..interfaces import IDrillMeter
from . import bonds
from . import checks
from . import keys
from . import meter
from . import oracles
from . import packing
from . import rentals

uses: bonds
uses: keys
uses: oracles
uses: rentals

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
    self._require_in_time(terms)
    self._require_in_force(key, terms.oracle, meter._until(receipt.meter))
    settled: uint256 = rentals.meters[rental]
    checks._require(
        meter._until(receipt.meter) >= meter._until(settled), "disputes: older than settled"
    )

    due: uint256 = rentals._owed(rental, terms, settled) - rentals._owed(
        rental, terms, meter._lower(settled, receipt.meter)
    )
    refunded: uint256 = self.refunded[rental]
    checks._require(due > refunded, "disputes: nothing overcharged")
    customer: address = rentals._party(rental).customer
    refund: uint256 = bonds._draw(customer, due - refunded)
    self.refunded[rental] = refunded + refund
    penalty: uint256 = 0
    if keys._penalise(key):
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
        or block.timestamp <= terms.ended_at + rentals.GRACE_PERIOD + EVIDENCE_PERIOD,
        "disputes: too late",
    )


@internal
@view
def _require_in_force(key: address, oracle: uint256, until: uint256):
    """
    @dev Whoever holds a former key could date a receipt at will, so it counts only if dated while
         the key was in force, and no receipt counts before its time.
    """
    record: IDrillMeter.SigningKey = keys._record(key)
    checks._require(record.oracle == oracle, "disputes: key of another oracle")
    end: uint256 = block.timestamp
    if record.until > 0:
        end = record.until
    checks._require(
        until >= record.since * 1000 and until <= end * 1000,
        "disputes: not while in force",
    )
