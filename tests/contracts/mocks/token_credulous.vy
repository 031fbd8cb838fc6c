# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that believes any authorisation, and delivers another amount than asked, for tests
@notice `delivers` is added to what the receiver gets; a negative one is kept back. It answers False,
        which no token should: an authorisation is judged by what it delivers.
"""

delivers: public(int256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def set_delivers(delivers: int256):
    self.delivers = delivers


@external
def receiveWithAuthorization(
    payer: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
) -> bool:
    self.balanceOf[payer] -= amount
    balance: int256 = convert(self.balanceOf[to] + amount, int256) + self.delivers
    self.balanceOf[to] = convert(balance, uint256)
    return False
