"""The plan of a deployment: a TOML file that says what is deployed, within the contract's limits.

The limits here are the contract's own, so that a plan which passes names no value that the contract
would refuse; what only the chain can tell is asked of it by the rehearsal.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

from eth_utils.address import is_hex_address, to_checksum_address
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from protocol.records import LEVELS
from provider.errors import PlanError

ZERO_ADDRESS = "0x" + "0" * 40
LABEL_BYTES = 64
LARGEST_PLAN_BYTES = 1_000_000


def exact_address(text: str) -> str:
    """An address in its checksummed form; raises ValueError, also for capitals that do not fit."""
    if not is_hex_address(text):
        raise ValueError(f"{text!r} is not an address")
    exact = str(to_checksum_address(text))
    if text[2:] not in {exact[2:], exact[2:].lower(), exact[2:].upper()}:
        raise ValueError(
            f"{text!r} has a typing error: its capital letters do not match its checksum"
        )
    return exact


def _key(text: str) -> str:
    if text == ZERO_ADDRESS:
        raise ValueError("the zero address has no key")
    return text


def _amount(given: object) -> object:
    """Amounts may be text, because TOML's numbers end at 2^63 - 1 and 9.2 coins in wei."""
    if isinstance(given, str):
        if not given.isascii() or not given.replace("_", "").isdigit():
            raise ValueError(f"{given!r} is not an amount in the asset's smallest unit")
        return int(given)
    return given


def _label(text: str) -> str:
    size = len(text.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= LABEL_BYTES:
        raise ValueError(
            f"{text!r} has {size} bytes; a label has 1 to {LABEL_BYTES}, and an umlaut takes two"
        )
    if not text.isprintable():
        raise ValueError(f"{text!r} holds characters that cannot be shown")
    return text


Address = Annotated[str, AfterValidator(exact_address)]
Key = Annotated[Address, AfterValidator(_key)]
Price = Annotated[int, BeforeValidator(_amount), Field(ge=0, lt=2**64)]
Amount = Annotated[int, BeforeValidator(_amount), Field(ge=0, lt=2**96)]
Label = Annotated[str, AfterValidator(_label)]


_Model = TypeVar("_Model", bound=BaseModel)


class LevelPlan(BaseModel):
    """Prices in the asset's smallest unit, and the highest plausible rpm of the level."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    price_per_second: Price
    price_per_1000_revolutions: Price
    max_rpm: int = Field(gt=0, lt=2**20)


class TariffPlan(BaseModel):
    """A tariff to publish."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    levels: list[LevelPlan] = Field(min_length=LEVELS, max_length=LEVELS)
    standing_price_per_second: Price
    least_reserve: Amount

    def as_struct(self) -> tuple[Any, ...]:
        """The contract's struct Tariff."""
        levels = [
            (level.price_per_second, level.price_per_1000_revolutions, level.max_rpm)
            for level in self.levels
        ]
        return levels, self.standing_price_per_second, self.least_reserve, False


class Plan(BaseModel):
    """What is deployed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    asset: Address
    grace_period_seconds: int = Field(ge=3600, le=30 * 86_400)
    evidence_period_seconds: int = Field(ge=86_400, le=90 * 86_400)
    penalty: Amount
    bond: Amount
    """What is posted for disputes to be paid from; 0 for none."""
    oracle_key: Key
    drills: list[Label] = Field(min_length=1)
    tariff: TariffPlan

    @model_validator(mode="after")
    def _distinct(self) -> Plan:
        if len(set(self.drills)) != len(self.drills):
            raise ValueError("drills: two have the same label, and nobody could tell them apart")
        return self

    @property
    def is_native(self) -> bool:
        """Whether the asset is the chain's native coin."""
        return self.asset == ZERO_ADDRESS

    def terms(self) -> tuple[str, int, int, int]:
        """The constructor's arguments."""
        return (
            self.asset,
            self.grace_period_seconds,
            self.evidence_period_seconds,
            self.penalty,
        )


def read_plan(path: Path, oracle_key: str | None = None) -> Plan:
    """Read a plan, with another oracle's key where one is given.

    Raises PlanError that names the file and the field at fault.
    """
    content = _read_toml(path)
    if oracle_key is not None:
        content["oracle_key"] = oracle_key
    return _checked(Plan, content, path)


def read_tariff(path: Path) -> TariffPlan:
    """The table `tariff` of a plan's file; raises PlanError like `read_plan`."""
    content = _read_toml(path)
    if not isinstance(content.get("tariff"), dict):
        raise PlanError(f"{path}: there is no table [tariff]")
    return _checked(TariffPlan, content["tariff"], path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_PLAN_BYTES + 1)
        if len(text) > LARGEST_PLAN_BYTES:
            raise PlanError(f"{path}: larger than {LARGEST_PLAN_BYTES} bytes")
        return tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"{path}: not TOML: {error}") from error


def _checked(model: type[_Model], content: dict[str, Any], path: Path) -> _Model:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        text = f"{place}: {first['msg']}" if place else first["msg"]
        raise PlanError(f"{path}: {text.replace('Value error, ', '')}") from error
