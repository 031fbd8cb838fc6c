# pragma version 0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title A token that moves what it is asked to and then answers or reverts as it was told, for tests
@notice `answer` is returned as it stands, without any encoding; while `refusal` is set, every
        transfer reverts with it instead, without any encoding either.
"""

answer: Bytes[96]
refusal: Bytes[96]
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
def set_answer(answer: Bytes[96], refusal: Bytes[96]):
    self.answer = answer
    self.refusal = refusal


@external
@raw_return
def transfer(to: address, amount: uint256) -> Bytes[96]:
    self._move(msg.sender, to, amount)
    return self.answer


@external
@raw_return
def transferFrom(payer: address, to: address, amount: uint256) -> Bytes[96]:
    self.allowance[payer][msg.sender] -= amount
    self._move(payer, to, amount)
    return self.answer


@internal
def _move(payer: address, to: address, amount: uint256):
    if len(self.refusal) > 0:
        raw_revert(self.refusal)
    self.balanceOf[payer] -= amount
    self.balanceOf[to] += amount
