# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The vault: what the contract holds and for whom
@notice One payment asset, fixed at deployment: the chain's native coin (zero address) or one
        ERC-20 token. `accounts` is what customers have deposited and not reserved. `held` is the
        sum of all the contract owes: accounts, open balances and uncollected revenue. Coins or
        tokens sent here without a deposit belong to nobody and change neither.
"""

from ethereum.ercs import IERC20

from ..interfaces import IDrillMeter

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
        assert self._is_native(), "vault: this contract takes tokens, not coins"
        self._credit(msg.sender, msg.sender, msg.value)


@internal
@payable
def _deposit(account: address, amount: uint256):
    assert account != empty(address), "vault: account is the zero address"
    assert amount > 0, "vault: nothing to deposit"
    if self._is_native():
        assert msg.value == amount, "vault: amount is not the value sent"
        self._credit(account, msg.sender, amount)
        return
    assert msg.value == 0, "vault: this contract takes tokens, not coins"
    self._credit(account, msg.sender, amount)
    self._pull(msg.sender, amount)


@internal
def _pull(payer: address, amount: uint256):
    """
    @dev Takes tokens and insists on receiving exactly `amount`, so that a token with a fee on
         transfer is refused and not booked at its face value.
    """
    before: uint256 = staticcall ASSET.balanceOf(self)
    done: bool = extcall ASSET.transferFrom(payer, self, amount, default_return_value=True)
    assert done, "vault: token refused the transfer"
    after: uint256 = staticcall ASSET.balanceOf(self)
    assert after >= before and after - before == amount, "vault: token delivered another amount"


@internal
def _debit(account: address, amount: uint256):
    available: uint256 = self.accounts[account]
    assert amount <= available, "vault: more than the account holds"
    self.accounts[account] = available - amount


@internal
def _withdraw(account: address, amount: uint256, to: address):
    assert amount > 0, "vault: nothing to withdraw"
    self._debit(account, amount)
    log IDrillMeter.Withdrawn(account=account, to=to, amount=amount)
    self._pay(to, amount)


@internal
def _pay(to: address, amount: uint256):
    assert to != empty(address) and to != self, "vault: cannot pay to that address"
    self.held -= amount
    if self._is_native():
        raw_call(to, b"", value=amount)
    else:
        done: bool = extcall ASSET.transfer(to, amount, default_return_value=True)
        assert done, "vault: token refused the transfer"
