# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token whose transfers return nothing, as some large ones do, for tests
"""

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount


@external
def transferFrom(payer: address, to: address, amount: uint256):
    self.allowance[payer][msg.sender] -= amount
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
