# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A plain ERC-20 token that anyone may mint and pause, for tests
"""

paused: public(bool)
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
def set_paused(paused: bool):
    self.paused = paused


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    assert self.allowance[payer][msg.sender] >= amount, "token: allowance"
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True


@internal
def _move(payer: address, to: address, amount: uint256):
    assert not self.paused, "token: paused"
    assert self.balanceOf[payer] >= amount, "token: balance"
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
