# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The forwarder: who speaks for customers by their signatures
@notice Created together with the contract, from code that is a part of its own: nobody can choose
        or replace it. What it passes on, it has a customer's signature for; the customer's address
        stands behind the arguments (ERC-2771).
"""

from . import forwarder_code

# ---------------------------------------------------------------------------------------------
# Immutables
# ---------------------------------------------------------------------------------------------

# @dev The DrillForwarder of this contract, which only ever calls customers' functions of it.
FORWARDER: immutable(address)

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__():
    """
    @dev Creates the forwarder, which takes its creator for its meter.
    """
    FORWARDER = raw_create(forwarder_code.CREATION)

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@view
def _sender() -> address:
    """
    @dev Whose call this is. Only for what a customer does: what the owner may do asks `msg.sender`.
    @return The sender; from the forwarder, the customer whose address ends the data of the call.
    """
    if msg.sender == FORWARDER:
        # All that the forwarder sends ends with an address.
        return convert(slice(msg.data, unsafe_sub(len(msg.data), 20), 20), address)
    return msg.sender
