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

# @dev Seconds after the notice within which a release has to be taken.
RELEASE_WINDOW: constant(uint256) = 7 * 24 * 60 * 60

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev What the bond holds, in the asset's smallest unit; part of `vault.held`.
posted: uint256

# @dev What of it was announced to be released; 0 when nothing is, at most `posted`.
releasing: uint256

# @dev From when that may be taken, Unix s; of no meaning while nothing was announced.
releasable_at: uint256

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@payable
def _post(amount: uint256):
    """
    @dev Adds to the bond what the sender pays in, and logs BondPosted. The caller has checked that
         the sender is the owner. Reverts as `vault._receive` does.
    @param amount In the asset's smallest unit.
    """
    self.posted += amount
    vault.held += amount
    log IDrillMeter.BondPosted(amount=amount, bond=self.posted)
    vault._receive(msg.sender, amount)


@internal
def _announce_release(amount: uint256, notice: uint256):
    """
    @dev Starts the notice for taking `amount` out; it replaces an earlier notice, and 0 withdraws
         that. Logs BondReleaseAnnounced. The bond answers for all of it until it is taken. The
         caller has checked that the sender is the owner.
    @param amount In the asset's smallest unit, at most what is posted.
    @param notice Seconds from now until it may be taken.
    """
    checks._require(amount <= self.posted, "bonds: more than is posted")
    self.releasing = amount
    self.releasable_at = block.timestamp + notice
    log IDrillMeter.BondReleaseAnnounced(amount=amount, releasable_at=self.releasable_at)


@internal
def _release(to: address):
    """
    @dev Pays what was announced, or what disputes have left of it, and logs BondReleased. Reverts
         when that is nothing, before the notice has passed and from RELEASE_WINDOW after it. The
         caller has checked that the sender is the owner.
    @param to Who receives it.
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
    @dev Moves `amount`, or what there is of it, from the bond to a customer's account. It stays in
         the contract, so `vault.held` does not change; the caller logs it.
    @param account Whose account is credited.
    @param amount In the asset's smallest unit.
    @return How much was moved.
    """
    drawn: uint256 = min(amount, self.posted)
    self.posted -= drawn
    # What is posted anew later has not been announced.
    self.releasing = min(self.releasing, self.posted)
    vault.accounts[account] += drawn
    return drawn
