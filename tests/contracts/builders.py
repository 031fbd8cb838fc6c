"""What the contract tests are made of: tariffs, readings, signatures, and the money in play."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from contracts.evm import NOBODY, Account, Chain, Deployed, Receipt, address_of
from eth_account import Account as KeyPair
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from lab.rig.plan import UNBOUND
from protocol.meter_word import SignedBatch, settle_arguments
from protocol.records import Domain, LevelRate, Reading, Registers, Tariff
from protocol.typed_data import batch_digest, sign_digest

GRACE_PERIOD = 3_600
EVIDENCE_PERIOD = 14 * 86_400
PENALTY = 70_001

TERMS = (GRACE_PERIOD, EVIDENCE_PERIOD, PENALTY)
"""What every deployment is fixed to, after the asset."""

RESERVE = 1_000_000
WALLET = 10**30
"""What every role has in its wallet to begin with; above 2**96."""

TARIFF = Tariff(
    levels=(
        LevelRate(price_per_second=1_103, price_per_1000_revolutions=11_003, max_rpm=3_000),
        LevelRate(price_per_second=2_207, price_per_1000_revolutions=7_001, max_rpm=1_500),
        LevelRate(price_per_second=3_301, price_per_1000_revolutions=5_003, max_rpm=600),
    ),
    standing_price_per_second=97,
    least_reserve=50_000,
)
"""Different primes everywhere, so that no two fields can stand in for each other."""

SIMPLE = Tariff((LevelRate(1_000, 0, 6_000),) * 3, 0, 1)
"""One unit for each active millisecond and nothing else: a charge that is set to the unit."""

LOG_ROOT = bytes(range(32))


def new_key(name: str) -> LocalAccount:
    """A key pair that nobody has used."""
    key: LocalAccount = KeyPair.from_key(keccak(text=f"contract tests {name}"))
    return key


def tariff_words(tariff: Tariff, *, retired: bool = False) -> tuple[Any, ...]:
    """A tariff as the contract takes it."""
    levels = tuple(
        (r.price_per_second, r.price_per_1000_revolutions, r.max_rpm) for r in tariff.levels
    )
    return levels, tariff.standing_price_per_second, tariff.least_reserve, retired


def tariff_view(tariff: Tariff, *, retired: bool = False) -> dict[str, Any]:
    """A tariff as the contract shows it."""
    return {
        "levels": [
            {
                "price_per_second": r.price_per_second,
                "price_per_1000_revolutions": r.price_per_1000_revolutions,
                "max_rpm": r.max_rpm,
            }
            for r in tariff.levels
        ],
        "standing_price_per_second": tariff.standing_price_per_second,
        "least_reserve": tariff.least_reserve,
        "retired": retired,
    }


def oracle_view(
    key: str,
    *,
    epoch: int = 1,
    revoked: bool = False,
    suspended: bool = False,
    is_p256: bool = False,
) -> dict[str, Any]:
    """An oracle as the contract shows it."""
    return {
        "key": key,
        "epoch": epoch,
        "revoked": revoked,
        "suspended": suspended,
        "is_p256": is_p256,
    }


def with_level(tariff: Tariff, level: int, **changes: int) -> Tariff:
    """A tariff with one level's rate changed; levels are 1, 2 and 3."""
    levels = list(tariff.levels)
    levels[level - 1] = replace(levels[level - 1], **changes)
    return replace(tariff, levels=tuple(levels))


def sign(domain: Domain, key: LocalAccount, *readings: Reading) -> bytes:
    """An oracle's signature of a batch."""
    return sign_digest(bytes(key.key), batch_digest(domain, readings))


class Money(dict[str, int]):
    """Who has what; the difference of two shows only what moved."""

    def __sub__(self, earlier: Money) -> dict[str, int]:
        moved = {name: amount - earlier.get(name, 0) for name, amount in self.items()}
        return {name: amount for name, amount in moved.items() if amount}


@dataclass(eq=False, repr=False)
class Yard:
    """A deployed DrillMeter with one tariff, one oracle and one drill, and the people around it."""

    chain: Chain
    meter: Deployed
    people: dict[str, LocalAccount]
    token: Deployed | None = None
    tariff: int = field(init=False)
    oracle: int = field(init=False)
    drill: int = field(init=False)

    def __post_init__(self) -> None:
        self.tariff = self.publish(TARIFF)
        self.oracle = self.provide("register_oracle", self.oracle_key.address).result
        self.drill = self.list_drill()

    @property
    def customer(self) -> LocalAccount:
        """Who rents."""
        return self.people["customer"]

    @property
    def provider(self) -> LocalAccount:
        """Who owns the contract."""
        return self.people["provider"]

    @property
    def oracle_key(self) -> LocalAccount:
        """Who signs for the first oracle."""
        return self.people["oracle"]

    @property
    def domain(self) -> Domain:
        """Where this contract's signatures are valid."""
        return Domain(self.chain.chain_id, self.meter.address)

    @property
    def now_ms(self) -> int:
        """The time of the coming block in Unix ms."""
        return self.chain.now * 1000

    # Provider -------------------------------------------------------------------------------

    def provide(self, function: str, *args: Any) -> Receipt:
        """A transaction of the provider."""
        return self.meter.transact(self.provider, function, *args)

    def publish(self, tariff: Tariff) -> int:
        """Publish a tariff and return its number."""
        return int(self.provide("publish_tariff", tariff_words(tariff)).result)

    def list_drill(self, oracle: int | None = None, tariff: int | None = None) -> int:
        """List one more drill and return its number."""
        arguments = (oracle or self.oracle, tariff or self.tariff, "yard drill")
        return int(self.provide("list_drill", *arguments).result)

    # Customer -------------------------------------------------------------------------------

    def deposit(self, amount: int, who: Account | None = None) -> Receipt:
        """Put money into one's own account."""
        payer = who or self.customer
        if self.token is None:
            return self.meter.transact(payer, "deposit", payer.address, amount, value=amount)
        self.token.transact(payer, "approve", self.meter.address, amount)
        return self.meter.transact(payer, "deposit", payer.address, amount)

    def open(
        self,
        reserve: int = RESERVE,
        who: Account | None = None,
        drill: int | None = None,
        tariff: int | None = None,
    ) -> int:
        """Deposit a reserve, open a rental with it and return its number."""
        self.deposit(reserve, who)
        arguments = (drill or self.drill, tariff or self.tariff, reserve)
        return int(
            self.meter.transact(who or self.customer, "open_rental", *arguments, *UNBOUND).result
        )

    def open_simple(self, reserve: int = RESERVE) -> int:
        """Open a rental on a drill of its own, under the tariff of one unit a millisecond."""
        tariff = self.publish(SIMPLE)
        return self.open(reserve, drill=self.list_drill(tariff=tariff), tariff=tariff)

    def end(self, rental: int) -> int:
        """End a rental as its customer, a second later; returns `ended_at`.

        In the second of its opening or of its last reading it would close at once.
        """
        self.chain.advance(1)
        self.meter.transact(self.customer, "end_rental", rental)
        return self.chain.now

    def finish(self, rental: int) -> Receipt:
        """End a rental and settle its final reading, with nothing more used: it is closed."""
        until = self.end(rental) * 1000
        return self.use(rental, until, **self.call("registers", rental))

    # Oracle ---------------------------------------------------------------------------------

    def reading(self, rental: int, until: int | None = None, **registers: int) -> Reading:
        """A reading, of now unless told."""
        time = self.now_ms if until is None else until
        return Reading(rental, time, Registers(**registers), time % 1_000_003, LOG_ROOT)

    def signed(
        self, *readings: Reading, key: LocalAccount | None = None, oracle: int | None = None
    ) -> SignedBatch:
        """A batch under the first oracle's signature, or another's."""
        signature = sign(self.domain, key or self.oracle_key, *readings)
        return SignedBatch(self.oracle if oracle is None else oracle, readings, signature)

    def settle(self, *batches: SignedBatch, sender: Account | None = None) -> Receipt:
        """Settle batches, sent by the relayer unless told."""
        arguments = settle_arguments(batches)
        return self.meter.transact(sender or self.people["relayer"], "settle", *arguments)

    def use(self, rental: int, until: int | None = None, **registers: int) -> Receipt:
        """Sign and settle one reading."""
        return self.settle(self.signed(self.reading(rental, until, **registers)))

    # Reading the books ----------------------------------------------------------------------

    def call(self, view: str, *args: Any) -> Any:
        """Read a view of the contract."""
        return self.meter.call(view, *args)

    def account(self, who: Account) -> int:
        """What somebody has deposited and not reserved."""
        return int(self.meter.call("account", who.address))

    def wallet(self, who: Account | str) -> int:
        """What somebody has of the payment asset outside the contract."""
        if self.token is None:
            return self.chain.coins(who)
        return int(self.token.call("balanceOf", address_of(who)))

    def money(self) -> Money:
        """Everybody's money and the contract's books."""
        amounts = Money(
            held=self.call("held"),
            revenue=self.call("revenue"),
            coins=self.wallet(self.meter),
        )
        for name, person in self.people.items():
            amounts[f"{name}.account"] = self.account(person)
            amounts[f"{name}.wallet"] = self.wallet(person)
        return amounts


def deploy_yard(
    chain: Chain, compiled: Any, people: dict[str, LocalAccount], token: Deployed | None = None
) -> Yard:
    """Deploy a DrillMeter on a chain where everybody has something to spend."""
    for person in people.values():
        chain.give(person, WALLET)
        if token is not None:
            token.transact(person, "mint", person.address, WALLET)
    asset = NOBODY if token is None else token.address
    meter = chain.deploy(compiled, people["provider"], asset, *TERMS)
    return Yard(chain, meter, people, token)
