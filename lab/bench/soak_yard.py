"""What the soak runs on: anvil, mosquitto, a deployed contract with a rental on every drill, and
the oracle's daemon with the settings of production but for how often it settles and publishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.rig import plan
from lab.rig.offer import send_all
from lab.rig.plan import UNBOUND
from lab.rig.premises import Premises
from lab.rig.process import wait_until
from lab.rig.yard import TARIFFS

FUNDS = 5 * 10**18
"""For each rental: credit is not to run out, and anvil's accounts have enough for thousands."""

BLOCK_SECONDS = 2
CLOSED = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the box settles each rental and publishes, in seconds."""

    settle_least: int
    settle_longest: int
    publish: int

    @classmethod
    def of(cls, seconds: int) -> Pace:
        """Several settlements within so many seconds, at most one a minute."""
        longest = min(60, max(seconds // 4, 2))
        return cls(min(10, longest // 2), longest, min(20, max(seconds // 10, 1)))


class SoakYard(Premises):
    """Use it in a `with` statement."""

    def __init__(self, folder: Path, drills: int, pace: Pace) -> None:
        names = {drill: f"drill {drill}" for drill in range(1, drills + 1)}
        super().__init__(
            folder, drills=names, tariffs=TARIFFS, penalty=0, block_seconds=BLOCK_SECONDS
        )
        self._pace = pace

    def _start(self) -> None:
        super()._start()
        self.start_oracle()

    @staticmethod
    def tariff(drill: int) -> int:
        """The drill's tariff, in turn."""
        return 1 + (drill - 1) % len(TARIFFS)

    def highest(self, drill: int) -> list[int]:
        """The highest speeds that the drill's tariff bills, by level."""
        return [rate.max_rpm for rate in TARIFFS[self.tariff(drill) - 1].levels]

    def open(self) -> None:
        """Open a rental of every drill, and wait until the oracle has taken them up."""
        functions = self.contract.functions
        opening = [
            (
                functions.open_rental(drill, self.tariff(drill), FUNDS, *UNBOUND),
                self._customer(drill),
                FUNDS,
            )
            for drill in self.numbers
        ]
        send_all(self.web3, opening)
        events: Any = self.contract.events["RentalOpened"].get_logs(from_block=0)
        self.rentals = {int(one["args"]["drill"]): int(one["args"]["rental"]) for one in events}
        self.wait_for_oracle("rentals are taken up")

    def wait_for_oracle(self, what: str, since: int = 0) -> None:
        """Return when the oracle has taken up all rentals, by its log from byte `since` on."""

        def taken() -> bool:
            with self.oracle.log.open("rb") as log:
                log.seek(since)
                return log.read().count(b"rental taken up") >= len(self.numbers)

        wait_until(what, taken, daemon=self.oracle)

    def end(self) -> None:
        """End all of them."""
        end = self.contract.functions.end_rental
        send_all(
            self.web3, [(end(self.rentals[one]), self._customer(one), 0) for one in self.numbers]
        )

    def closed(self) -> bool:
        """Whether all are closed."""
        functions = self.contract.functions
        return all(functions.rental(one).call()[4] == CLOSED for one in self.rentals.values())

    def _customer(self, drill: int) -> str:
        people = [self.customer, *self.others]
        return people[drill % len(people)]

    def oracle_sections(self) -> plan.Sections:
        """Those of production, but for the pace."""
        sections = plan.oracle_sections(
            self.folder,
            drills=self.numbers,
            rpc_url=self.anvil.url,
            broker_port=self.broker.port,
            record=self.record,
        )
        pace = self._pace
        sections["settlement"] = {
            "least_interval_seconds": pace.settle_least,
            "longest_interval_seconds": pace.settle_longest,
        }
        sections["publication"] = {"folder": str(self.samples), "period_seconds": pace.publish}
        return sections
