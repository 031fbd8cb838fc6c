# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token as the earliest ones were, for the page's tests
@notice Its name and symbol are bytes32, its functions answer nothing, and an allowance changes only
        from nothing or to nothing.
"""

name: public(constant(bytes32)) = 0x4f6c6420646f6c6c617200000000000000000000000000000000000000000000
symbol: public(constant(bytes32)) = 0x4f55534400000000000000000000000000000000000000000000000000000000
decimals: public(constant(uint8)) = 6

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256

balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256):
    assert amount == 0 or self.allowance[msg.sender][spender] == 0, "old usd: not from this to that"
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)


@external
def transfer(to: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount


@external
def transferFrom(owner: address, to: address, amount: uint256):
    self.allowance[owner][msg.sender] -= amount
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
