# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The lens: who answers the describing views
@notice Created together with the contract, from code that is a part of its own: nobody can choose
        or replace it.
"""

from . import lens_code

# ---------------------------------------------------------------------------------------------
# Immutables
# ---------------------------------------------------------------------------------------------

# @dev The DrillLens of this contract. It is only ever called statically.
LENS: immutable(address)

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__():
    """
    @dev Creates the lens.
    """
    LENS = raw_create(lens_code.CREATION)
