"""What the payment asset of a deployment does with a transfer, as the model foresees it.

`purses` counts what went to and came from each address since the start; `holdings` is what the
contract has, whoever it belongs to.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX = 2**256 - 1

REFUSED = "(none) the receiver takes no coins"
LOCKED_OUT = "wallet: could not re-enter"


@dataclass
class Wallets:
    """The contract wallets of a chain, and the call that one of them has ready."""

    reentrant: int = 0
    refusing: int = 0
    without_default: frozenset[int] = frozenset()
    armed: bool = False
    quiet: bool = False
    target: int = 0
    unlocked: bool = False
    attempts: int = 0

    def arm(self, target: int, *, quiet: bool, unlocked: bool) -> None:
        """Have a call ready, to a function of `target` that is under its lock or not."""
        self.armed, self.quiet, self.target, self.unlocked = True, quiet, target, unlocked

    def called(self) -> None:
        """The re-entrant wallet is called or paid, and what it had ready goes off."""
        if self.armed:
            self.armed = False
            self.attempts += 1

    def objects(self, caller: int) -> bool:
        """Whether being called while `caller` holds its lock makes the re-entrant wallet revert."""
        return self.armed and not self.quiet and not self.unlocked and caller == self.target


@dataclass
class Native:
    """The chain's coin."""

    contract: int
    wallets: Wallets
    purses: Counter[int] = field(default_factory=Counter)
    holdings: int = 0
    is_native = True
    seized = False

    def take_faults(self, payer: int, amount: int, value: int, held: int = 0) -> set[str]:
        """Why `amount` cannot be taken from `payer`, who has sent `value`."""
        return set() if value == amount else {"vault: amount is not the value"}

    def take(self, payer: int, amount: int) -> None:
        """Take it."""
        self.holdings += amount
        self.purses[payer] -= amount

    def pay_faults(self, to: int, amount: int) -> set[str]:
        """Why `amount` cannot be paid to `to`."""
        if to in (0, self.contract):
            return {"vault: cannot pay there"}
        if to in self.wallets.without_default:
            return {REFUSED}
        if to == self.wallets.reentrant and self.wallets.objects(self.contract):
            return {LOCKED_OUT}
        return set()

    def pay(self, to: int, amount: int) -> None:
        """Pay it."""
        self.holdings -= amount
        self.purses[to] += amount
        if to == self.wallets.reentrant:
            self.wallets.called()


@dataclass
class MoodyToken:
    """The token that can turn odd (tests/contracts/mocks/token_moody.vy)."""

    contract: int
    wallets: Wallets
    address: int
    purses: Counter[int] = field(default_factory=Counter)
    holdings: int = 0
    paused: bool = False
    refusing: bool = False
    fee: int = 0
    toll: int = 0
    hooked: bool = False
    seized: bool = False
    blocked: set[int] = field(default_factory=set)
    allowances: Counter[int] = field(default_factory=Counter)
    nonces: Counter[int] = field(default_factory=Counter)
    used: set[tuple[int, int]] = field(default_factory=set)
    start: int = 10**30
    is_native = False

    def plain(self) -> None:
        """Behave again."""
        self.paused = self.refusing = self.hooked = False
        self.fee = self.toll = 0
        self.blocked = set()

    def _move_faults(self, payer: int, to: int) -> set[str]:
        faults = set()
        if self.paused:
            faults.add("token: paused")
        if payer in self.blocked or to in self.blocked:
            faults.add("token: blocked")
        if self.hooked and self.wallets.objects(self.contract) and not self.refusing:
            faults.add(LOCKED_OUT)
        return faults

    def _owned(self, who: int) -> int:
        return self.holdings if who == self.contract else self.start + self.purses[who]

    def take_faults(
        self, payer: int, amount: int, value: int, held: int = 0, *, authorised: bool = False
    ) -> set[str]:
        """Why `amount` cannot be taken, when `held` will be owed after it."""
        faults = self._move_faults(payer, self.contract)
        if value:
            faults.add("vault: takes tokens, not coins")
        if not authorised and self.allowances[payer] < amount:
            faults.add("token: allowance")
        if self.refusing:
            faults.add("token: refusing" if authorised else "vault: token refused")
        elif self._owned(payer) < amount + self.toll:
            faults.add("token: balance")
        delivered = 0 if self.refusing else max(amount - self.fee, 0)
        if delivered != amount:
            faults.add("vault: another amount delivered")
        if self.holdings + delivered < held:
            faults.add("vault: tokens have vanished")
        return faults

    def take(self, payer: int, amount: int, *, authorised: bool = False) -> None:
        """Take it."""
        self.holdings += amount
        self.purses[payer] -= amount + self.toll
        if not authorised:
            self.allowances[payer] -= amount
        if self.hooked:
            self.wallets.called()

    def pay_faults(self, to: int, amount: int) -> set[str]:
        """Why `amount` cannot be paid to `to`."""
        if to in (0, self.contract):
            return {"vault: cannot pay there"}
        faults = self._move_faults(self.contract, to)
        if self.refusing:
            faults.add("vault: token refused")
        elif self.holdings < amount + self.toll:
            faults.add("token: balance")
        if self.toll and not self.refusing:
            faults.add("vault: another amount paid")
        return faults

    def pay(self, to: int, amount: int) -> None:
        """Pay it."""
        self.holdings -= amount
        self.purses[to] += amount - min(self.fee, amount)
        if self.hooked:
            self.wallets.called()
