"""A drill's condition as text of 80 columns, and as JSON."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from condition.book import BookEntry
from condition.life import PARTS
from condition.tickets import Ticket

COLUMNS = 80


def status_text(entry: BookEntry) -> str:
    """All that a person needs to know of a drill."""
    now = entry.condition
    life, drift = now.life, now.drift
    hours = sum(life.on_ms) / 3_600_000
    when = _date(now.newest_ms) if now.samples else "none"
    lines = [
        f"drill {entry.drill}: {now.holes} holes, {hours:.1f} h with the motor on, "
        f"newest sample {when}"
    ]
    if drift.enough:
        high = "?" if drift.left_high is None else f"{drift.left_high:.0f}"
        lines += [
            f"  bit: {drift.wear:+.0%} torque ({drift.low:+.0%} to {drift.high:+.0%}), "
            f"{drift.left:.0f} holes left ({drift.left_low:.0f} to {high})"
        ]
    lines += _folded(f"  bit: {drift.why}")
    used = ", ".join(f"{part} {life.used[part]:.1%}" for part in PARTS)
    lines.append(f"  counted life used: {used}")
    lines += _folded(
        f"  starts {'/'.join(map(str, life.starts))} at levels 1/2/3, overloads {life.overloads} "
        f"({life.overload_ms / 1000:.0f} s), stalls {life.stalls}, too hot "
        f"{life.hot_ms / 1000:.0f} s, unseen {sum(life.unseen_ms) / 1000:.0f} s"
    )
    if now.finder.troubles:
        told = ", ".join(f"{name} {many}" for name, many in now.finder.troubles.items())
        lines += _folded(f"  samples: {told}")
    for ticket in now.desk.tickets:
        if ticket.open:
            lines += _folded(
                f"  TICKET {ticket.number} ({_date(ticket.opened_ms)}) {ticket.part}: "
                f"{ticket.reason}; {ticket.what_to_do}"
            )
    return "\n".join(lines)


def ticket_json(drill: int, ticket: Ticket) -> dict[str, Any]:
    """A ticket for programs."""
    return {"drill": drill} | asdict(ticket)


def status_json(entry: BookEntry) -> dict[str, Any]:
    """The same as the text, for programs; units are in the names."""
    now = entry.condition
    life = now.life.to_dict()
    return {
        "drill": entry.drill,
        "after_sequence": entry.after,
        "newest_ms": now.newest_ms,
        "holes": now.holes,
        "bit": now.drift.to_dict(),
        "life": {name: value for name, value in life.items() if name not in {"last", "odometer"}},
        "changed_ms": now.changed_ms,
        "troubles": now.finder.troubles,
        "tickets": [ticket_json(entry.drill, one) for one in now.desk.tickets],
    }


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, subsequent_indent="    ")


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
