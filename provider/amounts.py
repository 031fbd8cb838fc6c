"""Amounts as people write them: a number and its unit, exact to the smallest one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from provider.errors import ProviderError
from provider.meter import DeployedMeter
from provider.node import checksummed
from provider.plan import ZERO_ADDRESS
from provider.token import Token

_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([^\s\d.]\S*)")
_DIGITS = 120
"""More than any amount has, so that nothing is rounded."""


@dataclass(frozen=True, slots=True)
class PlanAsset:
    """What a deployment is paid in; `units` are the decimals of each unit that may be named."""

    address: str
    units: Mapping[str, int]
    shown: str
    """The unit that amounts are shown in."""

    @property
    def is_native(self) -> bool:
        """Whether it is the chain's native coin."""
        return self.address == ZERO_ADDRESS

    def parse(self, text: str) -> int:
        """An amount in the smallest unit; raises ProviderError for what is none, or not whole."""
        found = _AMOUNT.fullmatch(text.strip())
        if found is None or found[2] not in self.units:
            raise ProviderError(
                f"{text!r} is not an amount; write a number and its unit, one of "
                f"{', '.join(self.units)}: '0.5 {self.shown}'"
            )
        with localcontext(prec=_DIGITS):
            amount = Decimal(found[1]).scaleb(self.units[found[2]])
            if amount != amount.to_integral_value():
                raise ProviderError(
                    f"{text!r} is finer than the asset's smallest unit; {found[2]} has "
                    f"{self.units[found[2]]} decimals"
                )
            return int(amount)

    def show(self, amount: int) -> str:
        """An amount for a person, exact."""
        decimals = self.units[self.shown]
        whole, rest = divmod(amount, 10**decimals)
        text = f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
        return f"{text} {self.shown}"


def asset_of(meter: DeployedMeter) -> PlanAsset:
    """The asset of a contract; raises ProviderError when a token does not say what it is."""
    address = checksummed(meter.view("asset"))
    if address == ZERO_ADDRESS:
        return PlanAsset(address, {"ether": 18, "gwei": 9, "wei": 0}, "ether")
    token = Token(meter.node, address)
    symbol, decimals = token.symbol(), token.decimals()
    if not symbol or symbol == "units" or symbol[0] in "0123456789." or " " in symbol:
        return PlanAsset(address, {"units": 0}, "units")
    return PlanAsset(address, {symbol: decimals, "units": 0}, symbol)
