# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Wrapped coins that take any call they do not know for a deposit, for tests
@notice So a permit or an authorisation, which it knows nothing about, succeeds and does nothing.
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
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    assert self.allowance[payer][msg.sender] >= amount, "weth: allowance"
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True


@external
@payable
def __default__():
    self.balanceOf[msg.sender] += msg.value


@internal
def _move(payer: address, to: address, amount: uint256):
    assert self.balanceOf[payer] >= amount, "weth: balance"
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
