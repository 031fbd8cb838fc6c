"""The highest block on which a lease of each drill rested, by finality policy; it never falls.

A chain that was rolled back to a time when there was money, or an endpoint that has gone back to
one, gets no lease until it has passed what was seen before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from oracle.journal import tables
from oracle.journal.store import Store

Height = tuple[int, str]
"""A drill and a policy."""


class LeaseHeights:
    """Read once, then kept in memory and in the journal alike."""

    def __init__(self, store: Store) -> None:
        """Raises JournalError."""
        self._store = store
        table = tables.lease_height.c
        with store.read() as connection:
            rows = connection.execute(select(table.drill, table.policy, table.block_number)).all()
        self._known: dict[int, dict[str, int]] = {}
        for drill, policy, number in rows:
            self._known.setdefault(drill, {})[policy] = number

    def of(self, drill: int) -> Mapping[str, int]:
        """A drill's heights by policy."""
        return self._known.get(drill, {})

    def raise_to(self, heights: Mapping[Height, int]) -> None:
        """Make higher ones durable, in one commit; raises JournalError, and is not raised then."""
        higher = {
            (drill, policy): number
            for (drill, policy), number in heights.items()
            if number > self.of(drill).get(policy, -1)
        }
        if not higher:
            return
        rows: list[dict[str, Any]] = [
            {"drill": drill, "policy": policy, "block_number": number}
            for (drill, policy), number in higher.items()
        ]
        table = tables.lease_height
        # Deleted first, for a commit may have been durable although its answer was lost.
        forgetting = delete(table).where(
            table.c.drill == bindparam("of_drill"), table.c.policy == bindparam("of_policy")
        )
        keys = [{"of_drill": one["drill"], "of_policy": one["policy"]} for one in rows]
        with self._store.write() as connection:
            connection.execute(forgetting, keys)
            connection.execute(insert(table), rows)
        for (drill, policy), number in higher.items():
            self._known.setdefault(drill, {})[policy] = number
