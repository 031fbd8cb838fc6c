# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Limits: how much of a charge can be owed
@notice Funds and the customer's caps. What was drilled beyond is not owed, however the registers
        stand.
"""

from ..interfaces import IDrillMeter
from . import packing

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev The cap is per hour, readings are dated in ms.
MS_PER_HOUR: constant(uint256) = 60 * 60 * 1000

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _limit(terms: packing.Terms, caps_word: uint256, until: uint256) -> uint256:
    """
    @dev The most that may be owed at `until`. The hourly cap allows one hour's worth from the
         start, so that by any time t after the opening no more than (t + 1 h) of it is owed.
    @param terms The rental's terms.
    @param caps_word The packed caps; not looked at when the terms say that there are none.
    @param until Unix ms, not before the opening.
    @return In the asset's smallest unit; the hourly cap's share is rounded down.
    """
    if not terms.capped:
        return terms.funded
    caps: IDrillMeter.Caps = packing._unpack_caps(caps_word)
    by_now: uint256 = caps.per_hour * (until - terms.opened_at * 1000 + MS_PER_HOUR) // MS_PER_HOUR
    return min(terms.funded, min(caps.per_rental, by_now))
