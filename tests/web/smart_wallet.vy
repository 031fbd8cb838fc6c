# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A wallet that is a contract, for the page's tests
@notice Its owner has it call others. It has no key, so what it signs only it can check (EIP-1271).
        `deaf` makes it do nothing and succeed, as a bundle does whose operation fails.
"""

OWNER: immutable(address)
deaf: public(bool)


@deploy
@payable
def __init__(owner: address):
    OWNER = owner


@external
@payable
def __default__():
    pass


@external
def set_deaf(deaf: bool):
    self.deaf = deaf


@external
def execute(to: address, amount: uint256, data: Bytes[4096]):
    assert msg.sender == OWNER, "smart wallet: not its owner"
    if not self.deaf:
        raw_call(to, data, value=amount)
