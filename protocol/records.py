"""The records of the protocol as immutable values, spelt as in the contract and the typed data.

Times are Unix milliseconds (`until`, `issued_at`, `expires_at`, `time_ms`), except `opened_at`
and `ended_at` of a rental, which are block timestamps and therefore Unix seconds.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from enum import IntFlag
from typing import Self

from protocol.errors import RecordError

LEVELS = 3
"""Load levels of a drill: 1 light, 2 medium, 3 heavy."""

UINT256_MAX = 2**256 - 1


class RentalState(IntFlag):
    """Life of a rental, with the values of the contract's flag."""

    OPEN = 1
    ENDED = 2
    CLOSED = 4


def require_uint(name: str, value: int, bits: int = 256) -> int:
    """Return `value`; raises RecordError unless it is an int of at most `bits` bits."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise RecordError(f"{name} must be an integer, not {value!r}")
    if not 0 <= value < 2**bits:
        raise RecordError(f"{name} must lie in 0 .. 2^{bits}-1, not {value}")
    return value


@dataclass(frozen=True, slots=True)
class Registers:
    """Cumulative counters of one rental: active time in ms and spindle revolutions by level."""

    active_ms_1: int = 0
    active_ms_2: int = 0
    active_ms_3: int = 0
    revolutions_1: int = 0
    revolutions_2: int = 0
    revolutions_3: int = 0

    def __post_init__(self) -> None:
        values = self.as_tuple()
        # The slow way is for its message: six registers come with every sample.
        if {*map(type, values)} != {int} or min(values) < 0 or max(values) > UINT256_MAX:
            for name, value in zip(self.__slots__, values, strict=True):
                require_uint(name, value)

    @classmethod
    def from_levels(cls, active_ms: tuple[int, ...], revolutions: tuple[int, ...]) -> Self:
        """Build from two tuples of three, level 1 first."""
        if len(active_ms) != LEVELS or len(revolutions) != LEVELS:
            raise RecordError(f"registers need {LEVELS} levels, got {active_ms} and {revolutions}")
        return cls(*active_ms, *revolutions)

    @property
    def active_ms(self) -> tuple[int, int, int]:
        """Active milliseconds, level 1 first."""
        return self.active_ms_1, self.active_ms_2, self.active_ms_3

    @property
    def revolutions(self) -> tuple[int, int, int]:
        """Spindle revolutions, level 1 first."""
        return self.revolutions_1, self.revolutions_2, self.revolutions_3

    def no_lower_than(self, other: Registers) -> bool:
        """Whether no register is lower than in `other`."""
        pairs = zip(self.as_tuple(), other.as_tuple(), strict=True)
        return all(mine >= theirs for mine, theirs in pairs)

    def as_tuple(self) -> tuple[int, ...]:
        """The six registers in the order of the contract's struct."""
        return (
            self.active_ms_1,
            self.active_ms_2,
            self.active_ms_3,
            self.revolutions_1,
            self.revolutions_2,
            self.revolutions_3,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Registers of one rental at `until` (Unix ms), with size and root of its sample log.

    The registers are the meter's result over the first `log_size` samples of the rental's log;
    no later sample of that log is dated at or before `until`.
    """

    rental: int
    until: int
    registers: Registers
    log_size: int
    log_root: bytes

    def __post_init__(self) -> None:
        for name in ("rental", "until", "log_size"):
            require_uint(name, getattr(self, name))
        if not isinstance(self.log_root, bytes) or len(self.log_root) != 32:
            raise RecordError(f"log_root must be 32 bytes, not {self.log_root!r}")

    def words(self) -> tuple[int | bytes, ...]:
        """The fields of the typed data `UsageReading`, in order."""
        return (self.rental, self.until, *self.registers.as_tuple(), self.log_size, self.log_root)


NONCE_BYTES = 16
"""So long that no two power-ups ever draw the same, and that leases for numbers which somebody
makes up are worth nothing, however many he has the oracle sign."""

NO_NONCE = 0
"""Says that a controller's nonce is not known; no controller draws it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Permission for one drill to start its motor, `issued_at` to `expires_at` (Unix ms); `nonce`
    is the number that the drill's controller has drawn and wants answered."""

    drill: int
    rental: int
    issued_at: int
    expires_at: int
    block_number: int
    nonce: int

    def __post_init__(self) -> None:
        for field in fields(self):
            require_uint(field.name, getattr(self, field.name))
        if self.expires_at <= self.issued_at:
            raise RecordError(
                f"a lease must expire after it is issued: {self.issued_at} .. {self.expires_at}"
            )

    def words(self) -> tuple[int, ...]:
        """The fields of the typed data `StartLease`, in order."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class LevelRate:
    """What one load level costs, in the asset's smallest unit, and its highest plausible rpm."""

    price_per_second: int
    price_per_1000_revolutions: int
    max_rpm: int

    def __post_init__(self) -> None:
        for field in fields(self):
            require_uint(field.name, getattr(self, field.name))


@dataclass(frozen=True, slots=True)
class Tariff:
    """An immutable rate table. `least_reserve` is the least amount a rental may set aside."""

    levels: tuple[LevelRate, LevelRate, LevelRate]
    standing_price_per_second: int
    least_reserve: int

    def __post_init__(self) -> None:
        if len(self.levels) != LEVELS:
            raise RecordError(f"a tariff has {LEVELS} levels, not {len(self.levels)}")
        require_uint("standing_price_per_second", self.standing_price_per_second)
        require_uint("least_reserve", self.least_reserve)


NO_CAP = 2**96 - 1
"""No rental is funded with more, so this much never limits one."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that a customer lets a rental owe, in the asset's smallest unit: in all, and by
    the hour. With the hourly cap at most (hours since the opening + 1) times it."""

    per_rental: int = NO_CAP
    per_hour: int = NO_CAP

    def __post_init__(self) -> None:
        for field in fields(self):
            require_uint(field.name, getattr(self, field.name), 96)


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature is valid: one contract on one chain."""

    chain_id: int
    contract: str

    def __post_init__(self) -> None:
        require_uint("chain_id", self.chain_id)
        text = self.contract
        if not (isinstance(text, str) and len(text) == 42 and text.startswith("0x")):
            raise RecordError(f"contract must be an address of 42 characters, not {text!r}")
        try:
            bytes.fromhex(text[2:])
        except ValueError:
            raise RecordError(f"contract must be a hexadecimal address, not {text!r}") from None
