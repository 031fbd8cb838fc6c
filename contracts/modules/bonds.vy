# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The bond: what the provider has put down to answer for the oracles
@notice Disputes are paid out of it. It is released with notice, long enough for a customer to see
        the announcement, end the rental and still dispute its last reading; and the release has to
        be taken within a week, so that no announcement lies ready for ever.
"""

from ..interfaces import IDrillMeter
from . import checks
from . import vault

uses: vault

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

RELEASE_WINDOW: constant(uint256) = 7 * 24 * 60 * 60

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

posted: uint256
releasing: uint256
releasable_at: uint256

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@payable
def _post(amount: uint256):
    self.posted += amount
    vault.held += amount
    log IDrillMeter.BondPosted(amount=amount, bond=self.posted)
    vault._receive(amount)


@internal
def _announce_release(amount: uint256, notice: uint256):
    checks._require(amount <= self.posted, "bonds: more than is posted")
    self.releasing = amount
    self.releasable_at = block.timestamp + notice
    log IDrillMeter.BondReleaseAnnounced(amount=amount, releasable_at=self.releasable_at)


@internal
def _release(to: address):
    """
    @dev Pays what was announced, or what disputes have left of it.
    """
    amount: uint256 = self.releasing
    checks._require(amount > 0, "bonds: nothing to release")
    checks._require(block.timestamp >= self.releasable_at, "bonds: notice has not passed")
    checks._require(
        block.timestamp < self.releasable_at + RELEASE_WINDOW, "bonds: announce it again"
    )
    self.posted -= amount
    self.releasing = 0
    log IDrillMeter.BondReleased(to=to, amount=amount)
    vault._pay(to, amount)


@internal
def _draw(account: address, amount: uint256) -> uint256:
    """
    @dev Moves `amount`, or what there is of it, to a customer's account and returns how much.
    """
    drawn: uint256 = min(amount, self.posted)
    self.posted -= drawn
    # What is posted anew later has not been announced.
    self.releasing = min(self.releasing, self.posted)
    vault.accounts[account] += drawn
    return drawn
