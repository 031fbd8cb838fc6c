"""The state of a deployment from its events alone, and the times of their blocks.

What an auditor has who never asks a view. It knows no rule of the contract but the formula of the
charge, which the README prints.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lab.fuzzing.words import Event

Fields = dict[str, Any]


@cache
def handler_name(event: str) -> str:
    """RentalOpened -> _on_rental_opened."""
    return "_on" + re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", event)


NO_CAP = 2**96 - 1


@dataclass
class Replayer:
    """Everything that the events have told so far."""

    owner: int
    pending_owner: int = 0
    operator: int = 0
    paused: bool = False
    held: int = 0
    revenue: int = 0
    bond: tuple[int, int, int] = (0, 0, 0)
    accounts: Counter[int] = field(default_factory=Counter)
    rentals: dict[int, Fields] = field(default_factory=dict)
    drills: dict[int, Fields] = field(default_factory=dict)
    tariffs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    retired_tariffs: set[int] = field(default_factory=set)
    oracles: dict[int, Fields] = field(default_factory=dict)
    keys: dict[int, Fields] = field(default_factory=dict)

    def see(self, event: Event, now: int) -> None:
        """Take in the next event, of a block of time `now`."""
        handler = getattr(self, handler_name(event[0]), None)
        assert handler is not None, f"nobody knows what {event[0]} changes"
        handler(now, *event[1:])

    # Accounts -------------------------------------------------------------------------------

    def _on_deposited(self, _: int, account: int, payer: int, amount: int) -> None:
        self.accounts[account] += amount
        self.held += amount

    def _on_withdrawn(self, _: int, account: int, to: int, amount: int) -> None:
        self.accounts[account] -= amount
        self.held -= amount

    def _on_bond_posted(self, _: int, amount: int, bond: int) -> None:
        self.bond = (bond, *self.bond[1:])
        self.held += amount

    def _on_bond_release_announced(self, _: int, amount: int, at: int) -> None:
        self.bond = (self.bond[0], amount, at)

    def _on_bond_released(self, _: int, to: int, amount: int) -> None:
        self.bond = (self.bond[0] - amount, 0, self.bond[2])
        self.held -= amount

    # Rentals --------------------------------------------------------------------------------

    def _on_rental_opened(
        self,
        now: int,
        rental: int,
        drill: int,
        customer: int,
        tariff: int,
        oracle: int,
        funded: int,
    ) -> None:
        self.accounts[customer] -= funded
        self.drills[drill]["rental"] = rental
        self.rentals[rental] = {
            "customer": customer,
            "drill": drill,
            "tariff": tariff,
            "oracle": oracle,
            "state": 1,
            "opened_at": now,
            "ended_at": 0,
            "until": now * 1000,
            "funded": funded,
            "collected": 0,
            "charge": 0,
            "meter": 0,
            "refunded": 0,
            "caps": (NO_CAP, NO_CAP),
            "refund": None,
        }

    def _on_rental_capped(self, _: int, rental: int, per_rental: int, per_hour: int) -> None:
        self.rentals[rental]["caps"] = (per_rental, per_hour)

    def _on_balance_positive(
        self, _: int, rental: int, drill: int, customer: int, balance: int
    ) -> None:
        assert balance == self.credit(rental) > 0

    def _on_balance_exhausted(self, _: int, rental: int, charge: int, limit: int) -> None:
        assert charge == self.rentals[rental]["charge"] >= limit == self.limit(rental)

    def _on_topped_up(self, _: int, rental: int, payer: int, amount: int, funded: int) -> None:
        self.accounts[payer] -= amount
        self.rentals[rental]["funded"] += amount
        assert self.rentals[rental]["funded"] == funded

    def _on_usage_settled(
        self, _: int, rental: int, until: int, meter: int, log_size: int, root: int, charge: int
    ) -> None:
        self.rentals[rental] |= {"until": until, "meter": meter >> 43, "charge": charge}

    def _on_reading_rejected(self, *_: object) -> None:
        pass

    def _on_rental_ended(self, _: int, rental: int, by: int, ended_at: int) -> None:
        self.rentals[rental] |= {"state": 2, "ended_at": ended_at}

    def _on_rental_closed(
        self, _: int, rental: int, customer: int, charge: int, refund: int
    ) -> None:
        book = self.rentals[rental]
        earned = book["funded"] - refund
        self.accounts[customer] += refund
        self.revenue += earned - book["collected"]
        book |= {"state": 4, "collected": earned, "refund": refund}
        self.drills[book["drill"]]["rental"] = 0

    def _on_revenue_collected(self, _: int, rental: int, to: int, amount: int) -> None:
        self.held -= amount
        if rental:
            self.rentals[rental]["collected"] += amount
        else:
            self.revenue -= amount

    def _on_usage_disputed(
        self,
        _: int,
        rental: int,
        key: int,
        until: int,
        meter: int,
        refund: int,
        from_revenue: int,
        penalty: int,
    ) -> None:
        book = self.rentals[rental]
        book["refunded"] += refund
        self.revenue -= from_revenue
        posted = self.bond[0] - (refund - from_revenue)
        # Where the refund has left nothing, the penalty is still to come.
        if posted:
            self._key(key)["penalised"] = True
        self.accounts[book["customer"]] += refund + penalty
        left = posted - penalty
        self.bond = (left, min(self.bond[1], left), self.bond[2])

    def limit(self, rental: int) -> int:
        """What a rental may owe at its last reading."""
        book = self.rentals[rental]
        per_rental, per_hour = book["caps"]
        elapsed = book["until"] - book["opened_at"] * 1000
        by_now = per_hour * (elapsed + 3_600_000) // 3_600_000
        return int(min(book["funded"], per_rental, NO_CAP if per_hour == NO_CAP else by_now))

    def owed(self, rental: int) -> int:
        """What of its funds a rental has earned."""
        return min(int(self.rentals[rental]["charge"]), self.limit(rental))

    def credit(self, rental: int) -> int:
        """What may still be spent."""
        return max(self.limit(rental) - int(self.rentals[rental]["charge"]), 0)

    # Provider -------------------------------------------------------------------------------

    def _on_tariff_published(self, _: int, tariff: int, *terms: int) -> None:
        self.tariffs[tariff] = terms

    def _on_tariff_retired(self, _: int, tariff: int) -> None:
        self.retired_tariffs.add(tariff)

    def _on_drill_listed(self, _: int, drill: int, oracle: int, tariff: int, label: str) -> None:
        self.drills[drill] = {"oracle": oracle, "tariff": tariff, "rental": 0, "retired": False}

    def _on_drill_reassigned(self, _: int, drill: int, oracle: int, tariff: int) -> None:
        self.drills[drill] |= {"oracle": oracle, "tariff": tariff}

    def _on_drill_retired(self, _: int, drill: int) -> None:
        self.drills[drill]["retired"] = True

    def _key(self, key: int) -> Fields:
        unknown = {"oracle": 0, "since": 0, "until": 0, "penalised": False, "is_p256": False}
        return self.keys.setdefault(key, unknown)

    def _take(self, oracle: int, key: int, now: int) -> Fields:
        record = self._key(key)
        record |= {"oracle": oracle, "since": now}
        return {"key": key, "suspended": False, "is_p256": record["is_p256"]}

    def _on_key_enrolled(self, _: int, key: int, x: int, y: int) -> None:
        self._key(key)["is_p256"] = True
        for oracle in self.oracles.values():
            oracle["is_p256"] |= oracle["key"] == key

    def _on_oracle_registered(self, now: int, oracle: int, key: int) -> None:
        self.oracles[oracle] = self._take(oracle, key, now) | {"epoch": 1, "revoked": False}

    def _on_oracle_rotated(self, now: int, oracle: int, key: int, epoch: int) -> None:
        self.keys[self.oracles[oracle]["key"]]["until"] = now
        self.oracles[oracle] |= self._take(oracle, key, now) | {"epoch": epoch}

    def _on_oracle_revoked(self, now: int, oracle: int) -> None:
        self.oracles[oracle]["revoked"] = True
        self.keys[self.oracles[oracle]["key"]]["until"] = now

    def _on_oracle_suspended(self, _: int, oracle: int, key: int) -> None:
        self.oracles[oracle]["suspended"] = True

    # Module events --------------------------------------------------------------------------

    def _on_paused(self, *_: int) -> None:
        self.paused = True

    def _on_unpaused(self, *_: int) -> None:
        self.paused = False

    def _on_operator_set(self, _: int, operator: int) -> None:
        self.operator = operator

    def _on_ownership_transfer_started(self, _: int, before: int, to: int) -> None:
        self.pending_owner = to

    def _on_ownership_transferred(self, _: int, before: int, to: int) -> None:
        self.owner, self.pending_owner = to, 0
