# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Checks: refusing with a reason
@notice One place that reverts keeps the contract below the size that a chain accepts (EIP-170):
        every `assert` with a reason of its own would repeat the code that raises it.
"""

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _require(ok: bool, reason: String[32]):
    """
    @dev Reverts with `reason` unless `ok` holds.
    @param ok What must hold.
    @param reason The module's name, a colon and what is wrong: part of the contract's interface.
    """
    assert ok, reason
