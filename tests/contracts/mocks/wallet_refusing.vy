# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A wallet that can call anything and refuses coins, for tests
"""

@external
@payable
def execute(target: address, data: Bytes[8192]):
    raw_call(target, data, value=msg.value)
