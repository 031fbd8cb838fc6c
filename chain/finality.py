"""How deep a block must lie to count, by what is at stake: pure decisions.

Tiers go from the shallowest to the deepest policy. Funds up to a tier's `up_to` are believed at its
block, more only at the next one's; so a top-up beyond a limit never takes away the credit that was
there before, and waits for its own tier only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chain.views import BlockSummary, RentalView, Rest

DEEPEST = 256
"""Blocks; as many are remembered one by one."""

TAGS = ("safe", "finalized")
"""What nodes of chains with proof of stake call their two kinds of settled block."""

_LATEST = re.compile(r"latest(?:-([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Policy:
    """Blocks below the newest one, or a tag whose block the nodes name."""

    text: str
    depth: int
    tag: str = ""

    @property
    def order(self) -> tuple[int, int]:
        """Rises with how sure a block is."""
        return (1 + TAGS.index(self.tag) if self.tag else 0), self.depth


@dataclass(frozen=True, slots=True)
class Tier:
    """Funds up to `up_to` (the asset's smallest unit; None: any) count at `policy`'s block."""

    policy: Policy
    up_to: int | None = None

    def counted(self, rental: RentalView) -> RentalView:
        """The rental with no more funds than this tier believes."""
        if self.up_to is None or rental.funded <= self.up_to:
            return rental
        return replace(rental, funded=self.up_to)


def parse_policy(text: str) -> Policy:
    """`latest`, `latest-N`, `safe` or `finalized`; raises ValueError."""
    if text in TAGS:
        return Policy(text, 0, text)
    match = _LATEST.fullmatch(text)
    if match is None or int(match[1] or 0) > DEEPEST:
        raise ValueError(
            f"{text!r} is not a finality policy; take latest, latest-1 to latest-{DEEPEST}, "
            "safe or finalized"
        )
    return Policy(text, int(match[1] or 0))


def in_words(tiers: Sequence[Tier]) -> str:
    """For people: how much money counts how early, and what a reorganisation could cost."""
    told = []
    for tier in tiers:
        amount = "any amount" if tier.up_to is None else f"up to {tier.up_to} smallest units"
        told.append(f"{amount} as soon as {_blocks(tier.policy)}")
    return "a rental's money counts: " + "; ".join(told)


def _blocks(policy: Policy) -> str:
    if policy.tag:
        return f"its block is {policy.tag}, as the nodes call it"
    if policy.depth == 0:
        return "it is in the newest block, which may vanish: a rental without its money"
    return (
        f"{policy.depth} more blocks are on top, so that a reorganisation of "
        f"{policy.depth + 1} blocks takes it away again"
    )


def require_rising(tiers: Sequence[Tier]) -> None:
    """Raise ValueError unless amounts and depths rise, and the last tier takes any amount."""
    if not tiers or tiers[-1].up_to is not None:
        raise ValueError("the last tier must have no up_to, so that it covers any amount")
    for before, after in pairwise(tiers):
        if before.up_to is None:
            raise ValueError(f"the tier before {after.policy.text} has no up_to")
        if after.up_to is not None and after.up_to <= before.up_to:
            raise ValueError(f"up_to must rise, and {after.up_to} follows {before.up_to}")
        if after.policy.order <= before.policy.order:
            raise ValueError(
                f"more money needs a deeper block, and {after.policy.text} follows "
                f"{before.policy.text}"
            )


def choose(
    tiers: Sequence[Tier], states: Mapping[int, tuple[BlockSummary, RentalView | None]]
) -> tuple[RentalView, Rest] | None:
    """The state with the most funds that are believed, the shallowest of equals; None if no tier's
    block knows the rental. `states` holds what each tier's block says, by the tier's place."""
    best: tuple[RentalView, Rest] | None = None
    for place, tier in enumerate(tiers):
        header, found = states.get(place, (None, None))
        if header is None or found is None:
            continue
        counted = tier.counted(found)
        if best is None or counted.funded > best[0].funded:
            best = counted, Rest(header, tier.policy.text)
    return best
