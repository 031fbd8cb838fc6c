# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that delivers another amount than it was asked to, for tests
@notice `fee` is kept back on each transfer, and taken from the receiver when it is more than the
        amount; a negative one is a bonus. `on_top` is taken from the payer beside the amount; a
        negative one is left to the payer.
"""

fee: public(int256)
on_top: public(int256)
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
def set_fee(fee: int256):
    self.fee = fee


@external
def set_on_top(on_top: int256):
    self.on_top = on_top


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
    self._change(payer, -(convert(amount, int256) + self.on_top))
    self._change(to, convert(amount, int256) - self.fee)


@internal
def _change(account: address, amount: int256):
    balance: int256 = convert(self.balanceOf[account], int256) + amount
    self.balanceOf[account] = convert(balance, uint256)
