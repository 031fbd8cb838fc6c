"""Events told by hand, for the tests of the replay."""

from __future__ import annotations

from typing import Any

from audit.books.books import Books, DeploymentTerms
from audit.findings import Findings
from audit.node.decode import Event
from audit.node.logs import Log
from audit.node.values import ZERO_ADDRESS
from audit.replay import Replay
from protocol.meter_word import pack_meter
from protocol.records import Domain, Registers

PROVIDER, CUSTOMER, STRANGER = ("0x" + digit * 40 for digit in "123")
KEY, NEXT_KEY = "0x" + "a" * 40, "0x" + "b" * 40
GRACE, EVIDENCE, PENALTY = 3_600, 86_400, 7
WEEK = 7 * 86_400
LEVELS = ((1_000, 0, 6_000),) * 3
"""One unit for each active millisecond."""

FUNDED = 100_000


class Story:
    """Events told one after the other, each a second later unless told; `find` names are kept."""

    def __init__(self) -> None:
        self.books = Books(DeploymentTerms(ZERO_ADDRESS, GRACE, EVIDENCE, PENALTY))
        self.findings = Findings()
        domain = Domain(1, "0x" + "77" * 20)
        self.replay = Replay(self.books, self.findings, domain)
        self.now, self.count = 1_700_000_000, 0
        self.tell("OwnershipTransferred", previous_owner=ZERO_ADDRESS, new_owner=PROVIDER)

    def tell(self, name: str, later: int = 1, **args: Any) -> None:
        self.now += later
        self.count += 1
        place = f"0x{self.count:064x}"
        log = Log(self.count, place, place, 0, 0, (), "0x")
        self.replay.apply(Event(name, args, log, self.now), {})

    def furnish(self) -> None:
        self.tell(
            "TariffPublished",
            tariff=1,
            levels=LEVELS,
            standing_price_per_second=0,
            least_reserve=1,
        )
        self.tell("OracleRegistered", oracle=1, key=KEY)
        self.tell("DrillListed", drill=1, oracle=1, tariff=1, label="one")
        self.tell("Deposited", account=CUSTOMER, payer=CUSTOMER, amount=10 * FUNDED)
        self.tell("BondPosted", amount=50_000, bond=50_000)

    def open(self, **changes: Any) -> None:
        args = {"customer": CUSTOMER, "drill": 1, "tariff": 1, "oracle": 1, "funded": FUNDED}
        self.tell("RentalOpened", rental=1, **{**args, **changes})
        self.tell("BalancePositive", 0, rental=1, drill=1, customer=CUSTOMER, balance=FUNDED)

    def settle(self, active_ms: int, later: int = 100, until: int | None = None) -> None:
        self.now += later
        date = self.now * 1000 if until is None else until
        word = pack_meter(date, Registers(active_ms_1=active_ms))
        args = {"log_size": 1, "log_root": "0x" + "00" * 32, "charge": active_ms}
        self.tell("UsageSettled", 0, rental=1, until=date, meter=word, **args)

    def end(self) -> None:
        self.tell("RentalEnded", rental=1, by=CUSTOMER, ended_at=self.now + 1)

    def close(self, later: int, charge: int, refund: int) -> None:
        self.tell("RentalClosed", later, rental=1, customer=CUSTOMER, charge=charge, refund=refund)

    def dispute(self, later: int, active_ms: int, refund: int, penalty: int, **args: Any) -> None:
        self.now += later
        rental = self.books.rentals[1]
        if not rental.ended_at:
            self.tell("RentalEnded", 0, rental=1, by=STRANGER, ended_at=self.now)
        if not rental.closed:
            left = rental.funded - self.books.owed(rental)
            self.close(0, rental.logged_charge, left)
        args.setdefault("from_revenue", min(refund, self.books.revenue))
        suspends = args.pop("suspends", True)
        until = args.pop("until", self.now * 1000)
        word = pack_meter(until, Registers(active_ms_1=active_ms))
        told = {"key": KEY, "until": until, "meter": word, "refund": refund, "penalty": penalty}
        self.tell("UsageDisputed", 0, rental=1, **{**told, **args})
        if suspends:
            self.tell("OracleSuspended", 0, oracle=1, key=KEY)

    @property
    def found(self) -> set[str]:
        self.replay.finish_block()
        # The story has no calldata to check signatures with.
        return set(self.findings.counts) - {"signature-unchecked"}
