# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that calls somebody before and after it moves, for tests of re-entrancy
"""

before: public(address)
after: public(address)
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
def set_hooks(before: address, after: address):
    self.before = before
    self.after = after


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True


@internal
def _move(payer: address, to: address, amount: uint256):
    if self.before != empty(address):
        raw_call(self.before, b"")
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
    if self.after != empty(address):
        raw_call(self.after, b"")
