"""What an audit comes to: the bills, the findings, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from audit.books.books import CLOSED, ENDED, OPEN, Books
from audit.findings import Findings
from audit.samples.track import SampleScope, SampleTally

STATES = {OPEN: "open", ENDED: "ended", CLOSED: "closed"}


@dataclass(frozen=True, slots=True)
class Bill:
    """One rental: amounts in the asset's smallest unit. None where nothing could be recomputed."""

    rental: int
    customer: str
    drill: int
    tariff: int
    state: str
    opened_at: int
    until: int
    active_ms: tuple[int, ...]
    revolutions: tuple[int, ...]
    settlements: int
    funded: int
    charge_on_chain: int | None
    charge_recomputed: int | None
    owed: int | None
    refund: int
    disputed_back: int
    samples: SampleTally | None = None
    """What came of its samples; None where they were not looked at."""

    @property
    def difference(self) -> int | None:
        """Charge on chain less charge recomputed."""
        if self.charge_on_chain is None or self.charge_recomputed is None:
            return None
        return self.charge_on_chain - self.charge_recomputed


@dataclass(frozen=True, slots=True)
class Scope:
    """What was looked at, and how."""

    chain_id: int
    contract: str
    endpoint: str
    asset: str
    first_block: int
    last_block: int
    last_hash: str
    from_deployment: bool
    depth: str
    headers: int
    receipts_blocks: int
    events: int
    readings: int
    signatures_verified: int
    views_compared: int
    slots_proven: int
    requests: int
    samples: SampleScope | None
    """None where no samples were looked at."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """The whole of it."""

    scope: Scope
    bills: tuple[Bill, ...]
    findings: Findings

    @property
    def difference(self) -> int:
        """The sum of all bills' differences, each counted positive."""
        return sum(abs(bill.difference or 0) for bill in self.bills)


def bills_of(
    books: Books,
    charges: Mapping[int, int],
    only: int | None,
    samples: Mapping[int, SampleTally] | None = None,
) -> tuple[Bill, ...]:
    """A bill for each rental; `charges` are those on chain, else the last event's counts."""
    return tuple(
        _bill(number, books, charges.get(number), (samples or {}).get(number))
        for number in sorted(books.rentals)
        if only in (None, number)
    )


def _bill(
    number: int, books: Books, charge_on_chain: int | None, samples: SampleTally | None
) -> Bill:
    rental = books.rentals[number]
    tariff, meter = books.tariff_of(rental), rental.now()
    known = tariff is not None
    if charge_on_chain is None:
        charge_on_chain = rental.logged_charge
    return Bill(
        rental=number,
        customer=to_checksum_address(rental.customer),
        drill=rental.drill,
        tariff=rental.tariff,
        state=STATES[rental.state],
        opened_at=rental.opened_at,
        until=meter.until,
        active_ms=meter.active_ms,
        revolutions=meter.revolutions,
        settlements=rental.settlements,
        funded=rental.funded,
        charge_on_chain=charge_on_chain,
        charge_recomputed=rental.charge_of(meter, tariff) if tariff is not None else None,
        owed=books.owed(rental) if known else None,
        refund=rental.refund,
        disputed_back=rental.refunded,
        samples=samples,
    )
