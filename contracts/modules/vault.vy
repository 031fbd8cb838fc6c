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
from . import forwarder

uses: forwarder

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

# @dev The token that everything is paid in, fixed at deployment; the zero address stands for the
# chain's coin.
ASSET: immutable(IERC20)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev What each customer has deposited and not reserved, in the asset's smallest unit; part of
# `held`.
accounts: HashMap[address, uint256]

# @dev All that the contract owes, in the asset's smallest unit: accounts, open balances, revenue
# and the bond. Only `_credit`, `_pay` and posting the bond change it. It never exceeds what the
# contract has, unless the token itself takes some of that away.
held: uint256

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(asset: address):
    """
    @dev Reverts when `asset` is neither zero nor a contract.
    @param asset The ERC-20 token to be paid in, or the zero address for the native coin.
    """
    assert asset == empty(address) or asset.is_contract, "vault: asset is not a contract"
    ASSET = IERC20(asset)

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@view
def _is_native() -> bool:
    """
    @dev Whether the asset is the chain's coin.
    @return True for the coin, False for a token.
    """
    return ASSET.address == empty(address)


@internal
def _credit(account: address, payer: address, amount: uint256):
    """
    @dev Books an amount to an account and to what is held, and logs Deposited. The caller takes the
         money.
    @param account Whose account is credited.
    @param payer Who pays, for the log.
    @param amount In the asset's smallest unit.
    """
    self.accounts[account] += amount
    self.held += amount
    log IDrillMeter.Deposited(account=account, payer=payer, amount=amount)


@internal
@payable
def _credit_value():
    """
    @dev Books the coins sent along to the sender's account. Reverts when coins come with a token
         deployment.
    """
    if msg.value > 0:
        checks._require(self._is_native(), "vault: takes tokens, not coins")
        self._credit(msg.sender, msg.sender, msg.value)


@internal
@payable
def _deposit(account: address, amount: uint256):
    """
    @dev Books an amount to an account and takes it from the sender. Anybody may pay for anybody.
         Reverts when the account is zero, or as `_receive` does.
    @param account Whose account is credited.
    @param amount In the asset's smallest unit.
    """
    checks._require(account != empty(address), "vault: account is zero")
    payer: address = forwarder._sender()
    self._credit(account, payer, amount)
    self._receive(payer, amount)


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
    """
    @dev Books an amount to the customer's own account and takes it by the customer's signed
         authorisation (EIP-3009), whoever sends that. The token checks the signature, the times and
         the nonce, and its revert passes through. Reverts with the native coin, and when anything
         but exactly `amount` arrives.
    @param customer Who has signed and whose account is credited.
    @param amount In the asset's smallest unit.
    @param valid_after The authorisation holds only after this time, Unix s.
    @param valid_before The authorisation holds only before this time, Unix s.
    @param nonce Chosen by the customer; the token takes each of a customer's once.
    @param v Recovery number of the customer's signature, 27 or 28.
    @param r The r of that signature.
    @param s The s of that signature.
    """
    before: uint256 = self._tokens()
    self._credit(customer, customer, amount)
    extcall IERC3009(ASSET.address).receiveWithAuthorization(
        customer, self, amount, valid_after, valid_before, nonce, v, r, s
    )
    self._require_delivered(before, amount)


@internal
def _permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Asks the token for the allowance that the sender has signed. Never reverts: whether it was
         granted shows when the tokens are taken, since anybody may have used the permit before.
    @param amount In the asset's smallest unit.
    @param deadline Until when the permit holds, Unix s.
    @param v Recovery number of the sender's signature of the token's Permit, 27 or 28.
    @param r The r of that signature.
    @param s The s of that signature.
    """
    granted: bool = raw_call(
        ASSET.address,
        abi_encode(
            forwarder._sender(),
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
def _receive(payer: address, amount: uint256):
    """
    @dev Takes `amount`, which the books hold already, from the payer: the value sent along, or
         tokens by the payer's allowance. Reverts when it is zero or not the value sent, when coins
         come with a token deployment, or when the token refuses or delivers another amount.
    @param payer The sender.
    @param amount In the asset's smallest unit.
    """
    checks._require(amount > 0, "vault: nothing to take")
    if self._is_native():
        checks._require(msg.value == amount, "vault: amount is not the value")
        return
    checks._require(msg.value == 0, "vault: takes tokens, not coins")
    before: uint256 = self._tokens()
    self._ask(
        abi_encode(
            payer,
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
    @param request The call, encoded.
    """
    answer: Bytes[32] = raw_call(ASSET.address, request, max_outsize=32)
    checks._require(
        len(answer) == 0 or convert(answer, uint256) == 1, "vault: token refused"
    )


@internal
@view
def _tokens() -> uint256:
    """
    @dev How many tokens this contract has, by the token's own account.
    @return In the token's smallest unit; at least what the books hold, unless tokens have vanished.
    """
    return staticcall ASSET.balanceOf(self)


@internal
@view
def _require_delivered(before: uint256, amount: uint256):
    """
    @dev Insists on exactly `amount`, so that a token with a fee on transfer is refused and not
         booked at its face value; and on tokens for all that the books hold, so that no new deposit
         fills the hole left by a token that takes balances away.
    @param before What `_tokens` was before they were asked for.
    @param amount What has to have arrived, in the asset's smallest unit; not zero.
    """
    after: uint256 = self._tokens()
    checks._require(
        amount > 0 and after == before + amount, "vault: another amount delivered"
    )
    checks._require(after >= self.held, "vault: tokens have vanished")


@internal
def _debit(amount: uint256) -> address:
    """
    @dev Takes an amount out of the sender's account, and never out of another's; it stays held.
         Reverts when the account has less.
    @param amount In the asset's smallest unit.
    @return Whose account that is.
    """
    account: address = forwarder._sender()
    available: uint256 = self.accounts[account]
    checks._require(amount <= available, "vault: more than the account has")
    self.accounts[account] = available - amount
    return account


@internal
def _withdraw(amount: uint256, to: address):
    """
    @dev Pays an amount out of the sender's account and logs Withdrawn. Reverts when the amount is
         zero or more than the account has, or as `_pay` does.
    @param amount In the asset's smallest unit.
    @param to Who receives it.
    """
    checks._require(amount > 0, "vault: nothing to withdraw")
    account: address = self._debit(amount)
    log IDrillMeter.Withdrawn(account=account, to=to, amount=amount)
    self._pay(to, amount)


@internal
def _pay(to: address, amount: uint256):
    """
    @dev Pays out, and lowers what is held first. Exactly `amount` has to leave: more, say a fee on
         top, would be others' money; less, say nothing at all, would leave money that belongs to
         nobody any more. Reverts for another amount, when `to` is zero or this contract, or the
         transfer fails. The caller has debited whoever it belonged to, and logs it.
    @param to Who receives it.
    @param amount In the asset's smallest unit.
    """
    checks._require(to != empty(address) and to != self, "vault: cannot pay there")
    self.held -= amount
    if self._is_native():
        raw_call(to, b"", value=amount)
        return
    before: uint256 = self._tokens()
    self._ask(abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")))
    checks._require(self._tokens() + amount == before, "vault: another amount paid")
