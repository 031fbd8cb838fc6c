"""Amounts as text, exactly: integers in, decimal digits out, and nothing else on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NATIVE_DECIMALS = 18
COIN, TOKEN, UNITS = "coin", "token", "units"
"""What an asset is called whose name is not known; a statement has words for them."""

THOUSANDTHS = 3
"""Decimals of the lines of a bill below the smallest unit."""

SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Asset:
    """What is paid with. `unit` is 10**`decimals` of `smallest`; `told` says that the node said so.

    `address` is the token's, or the zero address for the chain's own coin.
    """

    address: str
    unit: str
    decimals: int
    smallest: str
    told: bool


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers are written: the decimal mark. Thousands are set apart by a space."""

    mark: str

    def whole(self, number: int) -> str:
        """An integer with its thousands set apart."""
        return f"{number:,}".replace(",", SPACE)

    def scaled(self, number: int, decimals: int, places: int = 0) -> str:
        """`number` / 10**`decimals`, exactly, with at least `places` decimals."""
        sign = "-" if number < 0 else ""
        whole, rest = divmod(abs(number), 10**decimals)
        digits = f"{rest:0{decimals}d}".rstrip("0") if rest else ""
        digits = digits.ljust(places, "0")
        return f"{sign}{self.whole(whole)}{self.mark + digits if digits else ''}"


def places_for(amounts: Iterable[int], decimals: int, least: int = 2) -> int:
    """How many decimals these amounts need so that all are exact and stand below one another."""
    needed = min(least, decimals)
    for amount in amounts:
        rest = abs(amount) % 10**decimals
        if rest:
            needed = max(needed, len(f"{rest:0{decimals}d}".rstrip("0")))
    return needed


def duration(milliseconds: int, style: Style) -> str:
    """Hours, minutes and seconds to the ms."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{style.whole(hours)}:{minutes:02d}:{seconds:02d}{style.mark}{rest:03d}"
