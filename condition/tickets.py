"""Tickets: one for one cause, with how long there is, what to do, and what a person said of it.

wear       the bit, judged in the cut         closed as false: its limit rises to what was seen
friction   bearing or gear, judged in the air closed as false: what is seen now is usual
life       bearing, brushes, switch, counted  closed as false: why? a count cannot be taught
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from condition.errors import WordError
from condition.idle import IdleFriction
from condition.life import PARTS, LifeCount
from condition.remaining import LIMIT, WearDrift

BIT, SPINDLE = "bit", "spindle"
WEAR, FRICTION, LIFE = "wear", "friction", "life"

CERTAIN_SHARE = 0.5
"""Of the way from new to the limit: the lower end of the wear's interval must be beyond this."""

LEAD_HOLES = 40
"""A ticket comes when the middle estimate of the holes that are left is below this."""

LEAST_CALM = 0.9
"""Nothing is said of a bit until it is so likely that no job has just begun."""

HOLES_IN_A_ROW = 2
"""That long the evidence must hold."""

LIFE_SHARE = 0.9
"""Of a counted life: the rest is the time to order the part and to change it."""

TAUGHT_MARGIN = 0.15
"""The limit lies at least so far beyond what a person has called fine."""

MAX_LIMIT = math.log(3.0)
"""Nobody needs a sensor to notice three times the torque: from here on a person must say why."""

MAX_TICKETS = 200
"""Closed ones that are kept."""

DONE, FALSE = "done", "false"

WHAT_TO_DO = {
    (BIT, WEAR): "look at the cutting edges; change or regrind the bit, and record the change",
    (SPINDLE, FRICTION): "turn the spindle by hand; look at bearing, seal and gear grease",
    ("bearing", LIFE): "plan the spindle bearing's exchange, and record it",
    ("brushes", LIFE): "measure the brushes; change them, and record it",
    ("switch", LIFE): "change the switch, and record it",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What is left, in `unit`, with an 80 percent interval; `high` None where no end is known."""

    middle: float
    low: float
    high: float | None
    unit: str


@dataclass(slots=True)
class Ticket:
    """One cause. `closed_as` is `done`, `false`, or empty while it is open."""

    number: int
    part: str
    cause: str
    opened_ms: int
    reason: str
    what_to_do: str
    left: Left
    closed_ms: int | None = None
    closed_as: str = ""
    why: str = ""

    @property
    def open(self) -> bool:
        """Whether nobody has closed it."""
        return self.closed_ms is None


@dataclass(slots=True)
class TicketDesk:
    """All tickets of a drill, and what people have taught: the bit's limit, and the wear up
    to which nothing is said, as logarithms of torque; the share of a counted life."""

    tickets: list[Ticket] = field(default_factory=list)
    issued: int = 0
    limit: float = LIMIT
    quiet: float = 0.0
    life_shares: dict[str, float] = field(default_factory=dict)
    in_a_row: int = 0

    def judge_wear(self, drift: WearDrift, time_ms: int) -> None:
        """Look at the bit, after a hole."""
        if drift.calm < LEAST_CALM:
            return
        due = (
            drift.enough
            and math.log1p(drift.low) >= max(self.quiet, CERTAIN_SHARE * self.limit)
            and drift.left <= LEAD_HOLES
        )
        self.in_a_row = self.in_a_row + 1 if due else 0
        if self.in_a_row >= HOLES_IN_A_ROW:
            left = Left(drift.left, drift.left_low, drift.left_high, "holes")
            self._open(BIT, WEAR, left, time_ms, drift.why)

    def judge_friction(self, idle: IdleFriction, time_ms: int) -> None:
        """Look at the spindle in the air, after a hole."""
        for one in idle.found():
            if one.raised:
                reason = (
                    f"turning in the air takes {one.now:.3g} instead of {one.first:.3g} N m at the "
                    "same level and speed"
                )
                left = Left(0.0, 0.0, None, "hours with the motor on")
                self._open(SPINDLE, FRICTION, left, time_ms, reason)

    def judge_life(self, life: LifeCount, time_ms: int) -> None:
        """Look at what is counted."""
        hours = sum(life.on_ms) / 3_600_000
        for part in PARTS:
            used = life.used[part]
            if used >= self.life_shares.get(part, LIFE_SHARE) and hours > 0:
                left = max(0.0, (1 - used) / used * hours)
                reason = f"{used:.0%} of the {part}'s counted life is used up"
                interval = Left(left, left / 2, left * 2, "hours with the motor on")
                self._open(part, LIFE, interval, time_ms, reason)

    def _open(self, part: str, cause: str, left: Left, time_ms: int, reason: str) -> None:
        if any(one.open and (one.part, one.cause) == (part, cause) for one in self.tickets):
            return
        self.issued += 1
        todo = WHAT_TO_DO[part, cause]
        self.tickets.append(Ticket(self.issued, part, cause, time_ms, reason, todo, left))
        closed = [one for one in self.tickets if not one.open]
        if len(closed) > MAX_TICKETS:
            self.tickets.remove(closed[0])

    def find(self, number: int) -> Ticket:
        """The open ticket of that number; raises WordError."""
        for one in self.tickets:
            if one.number == number and one.open:
                return one
        numbers = ", ".join(str(one.number) for one in self.tickets if one.open) or "none"
        raise WordError(f"there is no open ticket {number}; open: {numbers}")

    def close_false(self, ticket: Ticket, now: WearDrift, time_ms: int, why: str) -> None:
        """A person says that nothing is wrong: learn from it, or ask why."""
        if ticket.cause == WEAR:
            quiet = math.log1p(now.high)
            if quiet + TAUGHT_MARGIN > MAX_LIMIT and not why:
                raise WordError(
                    f"the next ticket would come over {math.exp(MAX_LIMIT):.0f} times the torque "
                    "of a new bit; say --why it is fine"
                )
            self.quiet, self.limit = quiet, max(self.limit, quiet + TAUGHT_MARGIN)
            self.in_a_row = 0
        elif ticket.cause == LIFE:
            if not why:
                raise WordError(
                    f"{ticket.reason}, and a count cannot be taught by a word; say --why the part "
                    "is fine, such as its type or an exchange that nobody recorded"
                )
            self.life_shares[ticket.part] = self.life_shares.get(ticket.part, LIFE_SHARE) + 0.25
        self._close(ticket, FALSE, time_ms, why)

    def close_done(self, ticket: Ticket, time_ms: int, why: str) -> None:
        """A person has done what was to do."""
        self._close(ticket, DONE, time_ms, why)

    def part_changed(self, part: str, time_ms: int) -> None:
        """What was open about the part is done."""
        self.in_a_row = 0 if part == BIT else self.in_a_row
        self.life_shares.pop(part, None)
        for one in self.tickets:
            if one.open and part in (one.part, "bearing" if one.part == SPINDLE else ""):
                self._close(one, DONE, time_ms, f"{part} was changed")

    @staticmethod
    def _close(ticket: Ticket, how: str, time_ms: int, why: str) -> None:
        ticket.closed_ms, ticket.closed_as, ticket.why = time_ms, how, why

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        plain = ("issued", "limit", "quiet", "life_shares", "in_a_row")
        tickets = [asdict(one) for one in self.tickets]
        return {"tickets": tickets} | {name: getattr(self, name) for name in plain}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> TicketDesk:
        """From JSON."""
        return cls(**found | {"tickets": [_ticket(one) for one in found["tickets"]]})


def _ticket(found: dict[str, Any]) -> Ticket:
    return Ticket(**found | {"left": Left(**found["left"])})
