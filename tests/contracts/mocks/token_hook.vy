# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that calls somebody before and after it moves, for tests of re-entrancy
@notice And when it is given a permit, which it grants without looking at the signature; it believes
        any authorisation too.
"""

before: public(address)
after: public(address)
permit_hook: public(address)
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
def set_permit_hook(hook: address):
    self.permit_hook = hook


@external
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    self.allowance[owner][spender] = amount
    if self.permit_hook != empty(address):
        raw_call(self.permit_hook, b"")


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
