# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that returns False instead of reverting, as some old ones do, for tests
"""

refusing: public(bool)
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
def set_refusing(refusing: bool):
    self.refusing = refusing


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    if self.allowance[payer][msg.sender] < amount:
        return False
    self.allowance[payer][msg.sender] -= amount
    return self._move(payer, to, amount)


@internal
def _move(payer: address, to: address, amount: uint256) -> bool:
    if self.refusing or self.balanceOf[payer] < amount:
        return False
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
    return True
