"""What every operation needs: who sends, how much, and environment that is not under test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.fuzzing.assets import MoodyToken
from lab.fuzzing.books import NO_COINS, CallVerdict
from lab.fuzzing.game import Game
from lab.fuzzing.people import CUSTOMERS, address
from lab.fuzzing.plan import PlanDice
from lab.fuzzing.words import words
from lab.fuzzing.world import WALLET, FuzzSite, execute, token_interface

MOST = 2**96 - 1


@dataclass(frozen=True, slots=True)
class Move:
    """An operation about to be made: where, and the choices for it."""

    game: Game
    site: FuzzSite
    dice: PlanDice

    def somebody(self) -> int:
        """Any sender, key pair or contract wallet."""
        people = self.game.world.people
        return self.dice.pick(people if self.site is not self.game.world.sites[2] else people[:-2])

    def customer(self) -> int:
        """A customer: three key pairs and the contract wallets."""
        wallets = self.game.world.wallets
        names = [address(name) for name in CUSTOMERS]
        if self.site is not self.game.world.sites[2]:
            names += [wallets.reentrant, wallets.refusing]
        return self.dice.pick(names)

    def provider(self) -> int:
        """The owner, mostly."""
        return self.somebody() if self.dice.chance(12) else self.site.model.owner

    def payee(self, sender: int) -> int:
        """Where money is to go: back to the sender, mostly."""
        if not self.dice.chance(80):
            return sender
        return self.dice.pick(
            (*self.game.world.people, 0, self.site.contract, self.game.world.sites[1].contract)
        )

    def amount(self, have: int, least: int = 1) -> int:
        """Small, all there is, or at an edge."""
        dice = self.dice
        kind = dice.byte()
        if kind < 90:
            return 1 + dice.number()
        if kind < 160:
            return 1 + dice.number() % 3_000
        if kind < 200:
            return have
        if kind < 236:
            return (have // 2 + 1, have + 1, least, max(least - 1, 0))[kind % 4]
        return (0, 0, MOST, MOST + 1, WALLET, 2**255)[kind % 6] if kind < 243 else 1 + kind

    def number(self, there_are: int) -> int:
        """One of so many numbered things; the newest are likelier, sometimes there is none such."""
        if not there_are or self.dice.chance(4):
            return self.dice.pick((there_are + 1, 0, 2**255))
        back = self.dice.byte()
        return there_are - back % min(there_are, 12 if back > 40 else 3)

    def value(self, sender: int, amount: int) -> int:
        """Coins sent along with something that takes `amount`: just that, mostly."""
        asset = self.site.model.asset
        wanted = amount if asset.is_native else 0
        if self.dice.chance(6):
            wanted = self.dice.pick((wanted + 1, 0, 1))
        return self.affordable(sender, wanted)

    def affordable(self, sender: int, value: int) -> int:
        """No more coins than the sender has; what the chain itself refuses is not under test."""
        wallets = self.game.world.wallets
        if sender in (wallets.reentrant, wallets.refusing):
            sender = address("relayer")
        return min(value, self.site.node.coins_of(sender))

    def plain(
        self,
        operation: str,
        sender: int,
        data: bytes,
        verdict: Callable[[], CallVerdict],
        about: object = "",
    ) -> bool:
        """A call of a function that takes no coins; sometimes some come with it nevertheless."""
        if self.dice.chance(1):
            refused = CallVerdict({NO_COINS})
            return self.game.call(self.site, operation, sender, data, refused, 1, str(about))
        return self.game.call(self.site, operation, sender, data, verdict(), 0, str(about))

    def words(self, function: str, *values: int) -> bytes:
        """Calldata whose arguments are all words."""
        return self.site.calldata(function, *values)

    # The world around ------------------------------------------------------------------------

    def arrange(self, sender: int, target: int, data: bytes, about: str) -> None:
        """A transaction that is not the contract's, which must go through."""
        wallets = self.game.world.wallets
        if sender in (wallets.reentrant, wallets.refusing):
            data, target, sender = execute(target, data), sender, address("relayer")
        outcome = self.site.node.send(sender, target, data)
        assert outcome.reason is None, f"{about}: {outcome.reason}"
        self.game.tally.mischief[about] += 1
        self.game.tell(f"{self.site.name}: ({about})")

    def token_call(self, sender: int, function: str, *values: int, about: str = "") -> None:
        """A call of the token that must go through."""
        data = token_interface().selectors[function] + words(*values)
        self.arrange(sender, self.site.token, data, about or f"token.{function}")

    def approve(self, payer: int, amount: int) -> None:
        """See to an allowance, mostly."""
        asset = self.site.model.asset
        if not isinstance(asset, MoodyToken) or asset.allowances[payer] >= amount:
            return
        if not self.dice.chance(12):
            self.token_call(payer, "approve", self.site.contract, amount)
            asset.allowances[payer] = amount


Operation = Callable[[Move], object]


def hexes(values: Sequence[int]) -> str:
    """Numbers for people."""
    return ", ".join(str(v) if v < 10**9 else f"0x{v:x}"[:14] for v in values)
