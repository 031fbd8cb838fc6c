# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token whose balances all change at once, by a scale in percent, for tests
@notice It keeps shares; a transfer moves the fewest shares that are worth the amount. It believes
        any authorisation.
"""

scale: public(uint256)
shares: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__():
    self.scale = 100


@external
def mint(to: address, amount: uint256):
    self.shares[to] += self._shares(amount)


@external
def rebase(scale: uint256):
    self.scale = scale


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
@view
def balanceOf(account: address) -> uint256:
    return self.shares[account] * self.scale // 100


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(payer: address, to: address, amount: uint256) -> bool:
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return True


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
):
    self._move(payer, to, amount)


@internal
@view
def _shares(amount: uint256) -> uint256:
    return (amount * 100 + self.scale - 1) // self.scale


@internal
def _move(payer: address, to: address, amount: uint256):
    shares: uint256 = self._shares(amount)
    assert self.shares[payer] >= shares, "token: balance"
    self.shares[payer] -= shares
    self.shares[to] += shares
