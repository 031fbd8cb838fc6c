"""What the oracle knows of the chain, as values: the watcher makes them, the decisions read them.

`latest` is the state at the newest block, `deep` the state at the block that the finality policy
accepts for a rental's funds. Credit counts only when it is deep; whatever takes credit away counts
at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from protocol.records import Caps, Registers, RentalState, Tariff
from protocol.tariff import charge, limit

Identity = tuple[int, int, int, str]
"""A rental's drill, tariff, time of opening (Unix s) and customer."""


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """A block: its number, bytes32 hash and parent's hash, timestamp (Unix s), base fee (wei)."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee_wei: int = 0


@dataclass(frozen=True, slots=True)
class RentalView:
    """One rental with its registers at one block; times of opening and ending are Unix seconds."""

    rental: int
    customer: str
    drill: int
    tariff: int
    oracle: int
    state: RentalState
    opened_at: int
    ended_at: int
    until: int
    funded: int
    registers: Registers
    caps: Caps = field(default_factory=Caps)

    @property
    def opened_ms(self) -> int:
        """When the rental's sample log begins, Unix ms."""
        return self.opened_at * 1000

    @property
    def ended_ms(self) -> int | None:
        """When the rental's sample log ends, Unix ms; None while it is open."""
        return None if self.state is RentalState.OPEN else self.ended_at * 1000

    @property
    def identity(self) -> Identity:
        """What differs when a reorganisation gives the number to another rental."""
        return self.drill, self.tariff, self.opened_at, self.customer

    def settled_charge(self, tariff: Tariff) -> int:
        """What the settled registers cost, not capped by funds."""
        return charge(tariff, self.registers, self.elapsed_ms(self.until))

    def settled_owed(self, tariff: Tariff) -> int:
        """What of that is owed, within funds and caps."""
        return min(self.settled_charge(tariff), self.limit(self.until))

    def elapsed_ms(self, until_ms: int) -> int:
        """How long the rental has run at `until_ms` (Unix ms)."""
        return max(until_ms - self.opened_ms, 0)

    def limit(self, until_ms: int) -> int:
        """The most that may be owed at `until_ms` (Unix ms)."""
        return limit(self.funded, self.caps, self.elapsed_ms(until_ms))

    @property
    def ceiling(self) -> int:
        """The most that may ever be owed, as it is funded now."""
        return min(self.funded, self.caps.per_rental)


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill: its oracle, and the rental that runs on it or 0."""

    drill: int
    oracle: int
    rental: int
    retired: bool


@dataclass(frozen=True, slots=True)
class OracleView:
    """One oracle: the address of its key, and whether it may sign with it."""

    key: str
    revoked: bool
    suspended: bool = False
    is_p256: bool = False


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One decoded log entry of the contract."""

    name: str
    args: Mapping[str, object]
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int

    def number(self, name: str) -> int:
        """The argument `name`, an integer."""
        value = self.args[name]
        if not isinstance(value, int):
            raise TypeError(f"{self.name}.{name} is {value!r}, not an integer")
        return value


@dataclass(frozen=True, slots=True)
class BalanceEvidence:
    """The newest BalancePositive entry of a rental."""

    rental: int
    drill: int
    balance: int
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """The contract skipped one of our readings; `time_ms` is when we learnt of it."""

    rental: int
    until: int
    reason: str
    time_ms: int
    count: int


class GasState(StrEnum):
    """How the gas key stands; the words of the log."""

    ENOUGH = "gas key has enough again"
    LOW = "gas key runs low"
    EMPTY = "gas key is empty"


@dataclass(frozen=True, slots=True)
class GasLeft:
    """What the gas key holds, for how many settlements, and for how many hours of them."""

    state: GasState
    money_wei: int
    settlements: int
    hours: int


@dataclass(frozen=True, slots=True)
class Rest:
    """The block at which a rental's deep state was proven, and the policy that accepts it."""

    header: BlockSummary
    policy: str


@dataclass(frozen=True, slots=True)
class ChainView:
    """All that the decisions need of the chain. `rested` says of each rental in `deep` where;
    `confirmed` is the block that every policy accepts."""

    head: BlockSummary
    confirmed: BlockSummary
    polled_ms: int
    oracle: OracleView
    gas_price_wei: int | None
    """What a unit of gas costs now, base fee and priority fee; None while no endpoint can tell."""
    drills: Mapping[int, DrillView] = field(default_factory=dict)
    latest: Mapping[int, RentalView] = field(default_factory=dict)
    deep: Mapping[int, RentalView] = field(default_factory=dict)
    rested: Mapping[int, Rest] = field(default_factory=dict)
    tariffs: Mapping[int, Tariff] = field(default_factory=dict)
    evidence: Mapping[int, BalanceEvidence] = field(default_factory=dict)
    rejections: Mapping[int, Rejection] = field(default_factory=dict)
    proofs: Mapping[int, bytes] = field(default_factory=dict)
    """For bridges in strict mode: what proves each rental where it rests."""
    catching_up: bool = False
    disagreement: bool = False
    """The endpoints were last heard to disagree, so that nothing newer is known."""
    branch: int = 0
    """Rises with each reorganisation: what rested on an earlier branch has lost its ground."""
    waiting: Mapping[int, int] = field(default_factory=dict)
    """By rental, when the oldest settlement of it that is not mined was signed, Unix ms."""
    passed: frozenset[int] = frozenset()
    """Signed batches that are not done and in nobody's way: mined, and not deep yet."""
    apart: Mapping[int, int] = field(default_factory=dict)
    """By rental, into how small a batch its next reading goes, after a larger one was refused."""
    objected: frozenset[int] = frozenset()
    """Rentals with a reading that a block has rejected which is not deep yet."""
    gas: GasLeft | None = None
    """How long the gas key lasts; None until it was looked at."""
