"""The model's books: who is who, what is on offer, whose money it is.

Every method says, before the call is sent, what must come of it: the faults that the call has (the
contract must revert with the reason of one of them) or, when there is none, its events and result;
then it books the call. `(none) …` is a fault that the contract gives no reason for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from contracts.reference import RentalBook

from lab.fuzzing import notes
from lab.fuzzing.assets import MoodyToken, Native
from lab.fuzzing.words import Event
from protocol.records import Tariff

MAX_FUNDED = 2**96 - 1
MAX_UNTIL = 2**43 - 1
WEEK = 7 * 24 * 3600
NO_COINS = "(none) coins for a function that takes none"
NOT_OWNER = "ownable: caller is not the owner"
PAUSED = "pausable: contract is paused"
TOKENS_ONLY = "vault: takes tokens, not coins"
TOO_MUCH = "vault: more than the account has"


@dataclass(slots=True)
class CallVerdict:
    """What must come of a call."""

    faults: set[str]
    events: list[Event] = field(default_factory=list)
    result: tuple[int, ...] = ()


@dataclass(slots=True)
class TariffBook:
    """A rate table and whether it is still on offer."""

    tariff: Tariff
    retired: bool = False


@dataclass(slots=True)
class OracleBook:
    """A box and its present key."""

    key: int
    is_p256: bool
    epoch: int = 1
    revoked: bool = False
    suspended: bool = False


@dataclass(slots=True)
class KeyBook:
    """What a key was and is in force for; block times, `until` 0 while in force."""

    oracle: int = 0
    since: int = 0
    until: int = 0
    penalised: bool = False
    is_p256: bool = False


@dataclass(slots=True)
class DrillBook:
    """A drill's box, its offer, and the rental that has it."""

    oracle: int
    tariff: int
    rental: int = 0
    retired: bool = False


@dataclass
class ModelBooks:
    """The state of one deployment, and everybody's money."""

    asset: Native | MoodyToken
    owner: int
    grace: int
    evidence: int
    penalty: int
    now: int
    pending_owner: int = 0
    operator: int = 0
    paused: bool = False
    held: int = 0
    revenue: int = 0
    bond: int = 0
    releasing: int = 0
    announced: int = 0
    releasable_at: int = 0
    withdrawn: int = 0
    collected: int = 0
    given_back: int = 0
    deposited: int = 0
    bonded: int = 0
    unbonded: int = 0
    accounts: Counter[int] = field(default_factory=Counter)
    tariffs: dict[int, TariffBook] = field(default_factory=dict)
    oracles: dict[int, OracleBook] = field(default_factory=dict)
    keys: dict[int, KeyBook] = field(default_factory=dict)
    drills: dict[int, DrillBook] = field(default_factory=dict)
    rentals: dict[int, RentalBook] = field(default_factory=dict)
    noted: Counter[str] = field(default_factory=Counter)

    @property
    def notice(self) -> int:
        """Seconds between announcing and taking a release of the bond."""
        return self.grace + 2 * self.evidence

    def owners_faults(self, sender: int) -> set[str]:
        """Of a call that only the provider may make."""
        return set() if sender == self.owner else {NOT_OWNER}

    # Money in and out -----------------------------------------------------------------------

    def _book_deposit(self, account: int, amount: int) -> None:
        self.accounts[account] += amount
        self.held += amount
        self.deposited += amount

    def deposit(self, payer: int, account: int, amount: int, value: int = 0) -> CallVerdict:
        """Money for an account."""
        faults = self.asset.take_faults(payer, amount, value, self.held + amount)
        if account == 0:
            faults.add("vault: account is zero")
        if amount == 0:
            faults.add("vault: nothing to take")
        if faults:
            return CallVerdict(faults)
        self.asset.take(payer, amount)
        self._book_deposit(account, amount)
        return CallVerdict(faults, [("Deposited", account, payer, amount)])

    def deposit_with_permit(
        self, sender: int, account: int, amount: int, permitted: bool, value: int = 0
    ) -> CallVerdict:
        """As deposit, with an allowance that the token may or may not accept."""
        if value:
            return CallVerdict({NO_COINS})
        asset = self.asset
        if isinstance(asset, Native) or not permitted:
            return self.deposit(sender, account, amount)
        before = asset.allowances[sender]
        asset.allowances[sender] = amount
        verdict = self.deposit(sender, account, amount)
        if verdict.faults:
            asset.allowances[sender] = before
        else:
            asset.nonces[sender] += 1
        return verdict

    def deposit_with_authorization(
        self,
        customer: int,
        amount: int,
        window: tuple[int, int],
        nonce: int,
        signed: bool,
        value: int = 0,
    ) -> CallVerdict:
        """Tokens that a customer has authorised to be taken; `window` as in EIP-3009."""
        if value:
            return CallVerdict({NO_COINS})
        asset = self.asset
        if isinstance(asset, Native):
            return CallVerdict({"(none) no token to authorise"})
        faults = asset.take_faults(customer, amount, 0, self.held + amount, authorised=True)
        if amount == 0:
            faults.add("vault: another amount delivered")
        if self.now <= window[0]:
            faults.add("token: not yet valid")
        if self.now >= window[1]:
            faults.add("token: no longer valid")
        if (customer, nonce) in asset.used:
            faults.add("token: used before")
        if not signed:
            faults |= {"token: not the payer's", "token: malformed signature"}
        if faults:
            return CallVerdict(faults)
        asset.take(customer, amount, authorised=True)
        asset.used.add((customer, nonce))
        self._book_deposit(customer, amount)
        return CallVerdict(faults, [("Deposited", customer, customer, amount)])

    def withdraw(self, sender: int, amount: int, to: int) -> CallVerdict:
        """Money out of one's own account."""
        faults = self.asset.pay_faults(to, amount)
        if amount == 0:
            faults.add("vault: nothing to withdraw")
        if amount > self.accounts[sender]:
            faults.add(TOO_MUCH)
        if faults:
            return CallVerdict(faults)
        self.accounts[sender] -= amount
        self.held -= amount
        self.withdrawn += amount
        self.asset.pay(to, amount)
        return CallVerdict(faults, [("Withdrawn", sender, to, amount)])

    def value_faults(self, value: int) -> set[str]:
        """Of coins sent along with a call that deposits them first."""
        return {TOKENS_ONLY} if value and not self.asset.is_native else set()

    def credit_value(self, sender: int, value: int) -> list[Event]:
        """Book coins sent along."""
        if not value:
            return []
        self.asset.take(sender, value)
        self._book_deposit(sender, value)
        return [("Deposited", sender, sender, value)]

    # Bond -----------------------------------------------------------------------------------

    def post_bond(self, sender: int, amount: int, value: int = 0) -> CallVerdict:
        """Money of the provider's for disputes to be paid from."""
        faults = self.owners_faults(sender)
        faults |= self.asset.take_faults(sender, amount, value, self.held + amount)
        if amount == 0:
            faults.add("vault: nothing to take")
        if faults:
            return CallVerdict(faults)
        self.asset.take(sender, amount)
        self.bond += amount
        self.bonded += amount
        self.held += amount
        return CallVerdict(faults, [("BondPosted", amount, self.bond)])

    def announce_bond_release(self, sender: int, amount: int) -> CallVerdict:
        """Notice."""
        faults = self.owners_faults(sender)
        if amount > self.bond:
            faults.add("bonds: more than is posted")
        if faults:
            return CallVerdict(faults)
        self.releasing = self.announced = amount
        self.releasable_at = self.now + self.notice
        return CallVerdict(faults, [("BondReleaseAnnounced", amount, self.releasable_at)])

    def release_bond(self, sender: int, to: int) -> CallVerdict:
        """Take what was announced, or what disputes have left of it."""
        amount = self.releasing
        faults = self.owners_faults(sender) | self.asset.pay_faults(to, amount)
        if amount == 0:
            faults.add("bonds: nothing to release")
        if self.now < self.releasable_at:
            faults.add("bonds: notice has not passed")
        if self.now >= self.releasable_at + WEEK:
            faults.add("bonds: announce it again")
        if faults:
            return CallVerdict(faults)
        if amount < self.announced:
            self.noted[notes.DRAWN] += 1
        self.releasing = 0
        self.bond -= amount
        self.held -= amount
        self.unbonded += amount
        self.asset.pay(to, amount)
        return CallVerdict(faults, [("BondReleased", to, amount)])

    def draw(self, account: int, amount: int) -> int:
        """Move what there is of `amount` from the bond to an account."""
        drawn = min(amount, self.bond)
        self.bond -= drawn
        self.releasing = min(self.releasing, self.bond)
        self.accounts[account] += drawn
        return drawn

    def give_back(self, account: int, amount: int) -> int:
        """Move what there is of `amount` from the revenue to an account."""
        given = min(amount, self.revenue)
        self.revenue -= given
        self.given_back += given
        self.accounts[account] += given
        return given

    # Pausing and ownership ------------------------------------------------------------------

    def pause(self, sender: int, to: bool) -> CallVerdict:
        """Pause or unpause."""
        faults = self.owners_faults(sender)
        if self.paused == to:
            faults.add(PAUSED if to else "pausable: contract is not paused")
        if faults:
            return CallVerdict(faults)
        self.paused = to
        return CallVerdict(faults, [("Paused" if to else "Unpaused", sender)])

    def set_operator(self, sender: int, to: int) -> CallVerdict:
        """Who may end rentals besides."""
        faults = self.owners_faults(sender)
        if faults:
            return CallVerdict(faults)
        self.operator = to
        return CallVerdict(faults, [("OperatorSet", to)])

    def transfer_ownership(self, sender: int, to: int) -> CallVerdict:
        """First step."""
        faults = self.owners_faults(sender)
        if faults:
            return CallVerdict(faults)
        self.pending_owner = to
        return CallVerdict(faults, [("OwnershipTransferStarted", sender, to)])

    def accept_ownership(self, sender: int) -> CallVerdict:
        """Second step."""
        if sender != self.pending_owner:
            return CallVerdict({"ownable_2step: caller is not the new owner"})
        before, self.owner, self.pending_owner = self.owner, sender, 0
        return CallVerdict(set(), [("OwnershipTransferred", before, sender)])
