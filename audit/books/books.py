"""The books: all state that the contract's views show, kept by replaying events.

They grow with the number of accounts, rentals, drills, tariffs and keys, never with the length of
history. Unlike other records of the project they are changed in place: a copy an event would make
replaying quadratic.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from audit.books.arithmetic import NO_CAP, MeterWord, Rate, charge, limit, read_meter
from audit.node.values import ZERO_ADDRESS

OPEN, ENDED, CLOSED = 1, 2, 4


@dataclass(slots=True)
class DeploymentTerms:
    """What a deployment is fixed to: seconds, and the asset's smallest unit."""

    asset: str
    grace_period: int
    evidence_period: int
    penalty: int


@dataclass(slots=True)
class AuditedTariff:
    """A published rate table."""

    levels: tuple[Rate, Rate, Rate]
    standing: int
    least_reserve: int
    retired: bool = False


@dataclass(slots=True)
class Drill:
    """A drill; `rental` is the running one or 0."""

    oracle: int
    tariff: int
    label: str
    rental: int = 0
    retired: bool = False


@dataclass(slots=True)
class Oracle:
    """A box and its present key."""

    key: str
    epoch: int = 1
    revoked: bool = False
    suspended: bool = False


@dataclass(slots=True)
class Key:
    """A signing key; `oracle` 0 while it is only enrolled. Times in Unix s, `until` 0: in force."""

    oracle: int = 0
    since: int = 0
    until: int = 0
    penalised: bool = False
    point: tuple[int, int] | None = None
    """Of a P-256 key."""


@dataclass(slots=True)
class Rental:
    """A rental. `meter` is the last settled meter word, `logged_charge` what was logged with it."""

    customer: str
    drill: int
    tariff: int
    oracle: int
    opened_at: int
    funded: int
    meter: int
    ended_at: int = 0
    closed: bool = False
    collected: int = 0
    per_rental: int = NO_CAP
    per_hour: int = NO_CAP
    refunded: int = 0
    logged_charge: int = 0
    refund: int = 0
    settlements: int = 0
    log_size: int = 0
    log_root: str = ""

    @property
    def state(self) -> int:
        """As the contract numbers it."""
        return CLOSED if self.closed else ENDED if self.ended_at else OPEN

    @property
    def capped(self) -> bool:
        """Whether the customer has set any cap."""
        return min(self.per_rental, self.per_hour) < NO_CAP

    def charge_of(self, meter: MeterWord, tariff: AuditedTariff) -> int:
        """What a meter of this rental costs, not capped."""
        return charge(meter, self.opened_at, tariff.levels, tariff.standing)

    def limit_at(self, until: int) -> int:
        """The most that may be owed at `until`, Unix ms."""
        elapsed = until - self.opened_at * 1000
        return limit(self.funded, self.per_rental, self.per_hour, elapsed)

    def owed_of(self, meter: MeterWord, tariff: AuditedTariff) -> int:
        """What a meter of this rental costs, as far as it is owed."""
        return min(self.charge_of(meter, tariff), self.limit_at(meter.until))

    def out_of_credit(self, tariff: AuditedTariff, grace: int, now: int) -> bool:
        """Whether the settled registers and the standing price alone had used up, at block time
        `now` (Unix s) less `grace`, all that could be owed up to `now`."""
        settled, then = self.now(), (now - grace) * 1000
        if then < settled.until:
            return False
        return self.owed_of(replace(settled, until=then), tariff) >= self.limit_at(now * 1000)

    def now(self) -> MeterWord:
        """The last settled meter."""
        return read_meter(self.meter)


@dataclass(slots=True)
class Pending:
    """An event that has to come next, of one rental (or an oracle), and the finding if not."""

    name: str
    number: int
    transaction: str
    finding: str = "event-missing"


@dataclass(slots=True)
class Books:
    """Everything. `from_deployment` says that the events began with the constructor's."""

    terms: DeploymentTerms
    from_deployment: bool = False
    accounts: dict[str, int] = field(default_factory=dict)
    rentals: dict[int, Rental] = field(default_factory=dict)
    tariffs: dict[int, AuditedTariff] = field(default_factory=dict)
    drills: dict[int, Drill] = field(default_factory=dict)
    oracles: dict[int, Oracle] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    owner: str = ZERO_ADDRESS
    pending_owner: str = ZERO_ADDRESS
    operator: str = ZERO_ADDRESS
    paused: bool = False
    revenue: int = 0
    held: int = 0
    posted: int = 0
    releasing: int = 0
    releasable_at: int = 0
    pending: list[Pending] = field(default_factory=list)
    strangers: dict[str, str] = field(default_factory=dict)
    """Addresses that signed a settled reading and belonged to nobody then -> where."""

    def tariff_of(self, rental: Rental) -> AuditedTariff | None:
        """The rental's tariff, if its publication was seen."""
        return self.tariffs.get(rental.tariff)

    def owed(self, rental: Rental) -> int:
        """What is owed for the last settled meter; 0 for an unknown tariff."""
        tariff = self.tariff_of(rental)
        return 0 if tariff is None else rental.owed_of(rental.now(), tariff)

    def credit(self, account: str, amount: int) -> None:
        """Put money into an account; a negative amount takes it out, below zero if need be."""
        self.accounts[account] = self.accounts.get(account, 0) + amount

    def owed_in_all(self) -> int:
        """What the contract owes, added up: to customers, for running rentals, to the provider."""
        running = (r.funded - r.collected for r in self.rentals.values() if not r.closed)
        return sum(self.accounts.values()) + sum(running) + self.revenue + self.posted
