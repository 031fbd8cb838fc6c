"""How a statement's times, amounts and transactions are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from audit.amounts import THOUSANDTHS
from audit.bill.bill_words import Words
from audit.bill.rental_story import Happening
from audit.bill.statement import Statement
from audit.document.document import Cell
from host.foreign_text import harmless


def date(seconds: int) -> str:
    """A time of a block, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def date_ms(milliseconds: int, words: Words) -> str:
    """A time of a reading, UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{date(seconds)}{words.style.mark}{rest:03d}"


@dataclass(frozen=True, slots=True)
class Writer:
    """What every section needs at hand. Amounts have at least `places` decimals, those of the lines
    of the bill `line_places`."""

    bill: Statement
    words: Words
    explorer: str
    places: int
    line_places: int

    @property
    def label(self) -> str:
        """What the provider calls the drill: somebody else's text, made harmless."""
        return harmless(self.bill.parties.label)

    def units(self, amount: int, places: int | None = None) -> str:
        """An amount in the asset's unit, exactly."""
        decimals = self.bill.asset.decimals
        return self.words.style.scaled(amount, decimals, self.places if places is None else places)

    def amount(self, amount: int) -> Cell:
        """In the asset's unit, below it in the smallest."""
        return Cell(self.units(amount), self.words.style.whole(amount))

    def sum(self, amount: int) -> Cell:
        """The same below the lines of the bill."""
        return self.fine(1000 * amount)

    def fine(self, thousandths: int) -> Cell:
        """The same of thousandths."""
        style, decimals = self.words.style, self.bill.asset.decimals + THOUSANDTHS
        small = style.scaled(thousandths, THOUSANDTHS, THOUSANDTHS)
        return Cell(style.scaled(thousandths, decimals, self.line_places), small)

    def price(self, price: int) -> str:
        """A price, with the decimals that it has."""
        return self.units(price, 0)

    def transaction(self, happening: Happening) -> Cell:
        """A transaction and its block, linked where there is an explorer."""
        link = self.explorer.replace("{tx}", happening.transaction) if self.explorer else ""
        under = f"{self.words.block} {happening.block}"
        return Cell(happening.transaction, under, link, mono=True)
