# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The vault: what the contract holds and for whom
@notice One payment asset, fixed at deployment: the chain's native coin (zero address) or one
        ERC-20 token. `accounts` is what customers have deposited and not reserved. `held` is the
        sum of all the contract owes: accounts, open balances, uncollected revenue and the bond.
        Coins or tokens sent here without a deposit belong to nobody and change neither.
"""

from ethereum.ercs import IERC20

from ..interfaces import IDrillMeter
from . import checks

# ---------------------------------------------------------------------------------------------
# Interfaces
# ---------------------------------------------------------------------------------------------

interface IERC3009:
    def receiveWithAuthorization(
        payer: address,
        payee: address,
        amount: uint256,
        valid_after: uint256,
        valid_before: uint256,
        nonce: bytes32,
        v: uint8,
        r: bytes32,
        s: bytes32,
    ): nonpayable

# ---------------------------------------------------------------------------------------------
# Immutables
# ---------------------------------------------------------------------------------------------

ASSET: immutable(IERC20)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

accounts: HashMap[address, uint256]
held: uint256

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(asset: address):
    assert asset == empty(address) or asset.is_contract, "vault: asset is not a contract"
    ASSET = IERC20(asset)

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@view
def _is_native() -> bool:
    return ASSET.address == empty(address)


@internal
def _credit(account: address, payer: address, amount: uint256):
    self.accounts[account] += amount
    self.held += amount
    log IDrillMeter.Deposited(account=account, payer=payer, amount=amount)


@internal
@payable
def _credit_value():
    """
    @dev Books the coins sent along to the sender's account. A token deployment takes none.
    """
    if msg.value > 0:
        checks._require(self._is_native(), "vault: takes tokens, not coins")
        self._credit(msg.sender, msg.sender, msg.value)


@internal
@payable
def _deposit(account: address, amount: uint256):
    checks._require(account != empty(address), "vault: account is zero")
    self._credit(account, msg.sender, amount)
    self._receive(amount)


@internal
def _deposit_with_authorization(
    customer: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    before: uint256 = self._tokens()
    self._credit(customer, customer, amount)
    extcall IERC3009(ASSET.address).receiveWithAuthorization(
        customer, self, amount, valid_after, valid_before, nonce, v, r, s
    )
    self._require_delivered(before, amount)


@internal
def _permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Asks the token for the allowance that the sender has signed. Whether it was granted shows
         when the tokens are taken: anybody may have used the permit before.
    """
    granted: bool = raw_call(
        ASSET.address,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )


@internal
@payable
def _receive(amount: uint256):
    """
    @dev Takes `amount`, which the books hold already, from the sender.
    """
    checks._require(amount > 0, "vault: nothing to take")
    if self._is_native():
        checks._require(msg.value == amount, "vault: amount is not the value")
        return
    checks._require(msg.value == 0, "vault: takes tokens, not coins")
    before: uint256 = self._tokens()
    self._ask(
        abi_encode(
            msg.sender,
            self,
            amount,
            method_id=method_id("transferFrom(address,address,uint256)"),
        )
    )
    self._require_delivered(before, amount)


@internal
def _ask(request: Bytes[100]):
    """
    @dev Calls the token, which may answer true or, as old ones do, nothing; its own revert passes
         through. Only for calls whose effect is measured afterwards.
    """
    answer: Bytes[32] = raw_call(ASSET.address, request, max_outsize=32)
    checks._require(
        len(answer) == 0 or convert(answer, uint256) == 1, "vault: token refused"
    )


@internal
@view
def _tokens() -> uint256:
    return staticcall ASSET.balanceOf(self)


@internal
@view
def _require_delivered(before: uint256, amount: uint256):
    """
    @dev Insists on exactly `amount`, so that a token with a fee on transfer is refused and not
         booked at its face value; and on tokens for all that the books hold, so that no new
         deposit fills the hole left by a token that takes balances away.
    """
    after: uint256 = self._tokens()
    checks._require(
        amount > 0 and after == before + amount, "vault: another amount delivered"
    )
    checks._require(after >= self.held, "vault: tokens have vanished")


@internal
def _debit(account: address, amount: uint256):
    available: uint256 = self.accounts[account]
    checks._require(amount <= available, "vault: more than the account has")
    self.accounts[account] = available - amount


@internal
def _withdraw(account: address, amount: uint256, to: address):
    checks._require(amount > 0, "vault: nothing to withdraw")
    self._debit(account, amount)
    log IDrillMeter.Withdrawn(account=account, to=to, amount=amount)
    self._pay(to, amount)


@internal
def _pay(to: address, amount: uint256):
    """
    @dev A token that takes more out of the vault than it pays out, say a fee on top, is refused:
         the difference would be others' money.
    """
    checks._require(to != empty(address) and to != self, "vault: cannot pay there")
    self.held -= amount
    if self._is_native():
        raw_call(to, b"", value=amount)
        return
    before: uint256 = self._tokens()
    self._ask(abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")))
    checks._require(self._tokens() + amount >= before, "vault: token took a fee on top")
