"""The state of rentals at the blocks that the finality policies accept.

A rental is read at a tier's block when an event of it has come to lie that deep. So that no lease
rests on a proof of long ago, the rentals whose proofs are oldest are read again with every block:
as many as it takes for each to have its turn within REPROVEN_SECONDS, whatever the block time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence

from chain.finality import Policy, Tier, choose
from chain.ports import Chain
from chain.views import BlockSummary, RentalView, Rest

LEAST_REPROVEN = 4
"""Rentals read again with a new block though nothing has happened: what a box with a few drills
has in all."""

REPROVEN_SECONDS = 60
"""Half of what a bridge in strict mode takes as the age of a proof (`proof_age_seconds`). A
thousand drills on a one-second chain need 17 proofs a second for it, on Ethereum 200 a block."""

MOST_REPROVEN = 250
"""At most so many at a time, a second's or two's work of a near node; what does not fit comes with
the next block. So on a chain of 12-second blocks a box with more than 1,250 drills is slower."""


def reproven(rentals: int, seconds: int) -> int:
    """How many of so many rentals to read again with a block that comes so long after the last."""
    due = -(-rentals * max(seconds, 1) // REPROVEN_SECONDS)
    return min(max(due, LEAST_REPROVEN), MOST_REPROVEN)


class DeepStates:
    """What each tier's block says of each rental. Methods may raise ChainError."""

    def __init__(self, chain: Chain, tiers: Sequence[Tier]) -> None:
        self._chain, self._tiers = chain, tiers
        self._states: dict[int, dict[int, tuple[BlockSummary, RentalView | None]]] = {}
        self._waiting: dict[int, list[int]] = {}
        self._reproven_at: int | None = None

    def forget(self) -> None:
        """Everything may rest on vanished blocks."""
        self._states.clear()
        self._waiting.clear()

    def drop(self, rental: int) -> None:
        """A rental is of no interest any more."""
        self._states.pop(rental, None)
        self._waiting.pop(rental, None)

    def touch(self, rental: int, block_number: int) -> None:
        """An event of that block changed the rental: read it where the block has become deep."""
        blocks = self._waiting.setdefault(rental, [])
        if block_number not in blocks:
            insort(blocks, block_number)

    def catch_up(self, rental: int, latest: RentalView, blocks: Iterable[int]) -> None:
        """Unless every tier shows the newest state by now, read the rental again where these blocks
        become deep: the events that made it may not come again."""
        states = self._states.get(rental, {})
        shown = [states[place][1] if place in states else None for place in range(len(self._tiers))]
        if any(state != latest for state in shown):
            for number in blocks:
                self.touch(rental, number)

    def headers(self, head: BlockSummary) -> list[BlockSummary]:
        """Each tier's block below that head, the shallowest first."""
        return [self._header(tier.policy, head) for tier in self._tiers]

    def read(
        self, headers: Sequence[BlockSummary], now: Iterable[int], open_rentals: Iterable[int]
    ) -> None:
        """Read what has become due at each tier, the rentals `now` at all of them, and of
        `open_rentals` those whose proofs are oldest."""
        read = {*now}
        for rental in sorted(read):
            for place, header in enumerate(headers):
                self._read(rental, place, header)
        for rental, blocks in list(self._waiting.items()):
            for place, header in enumerate(headers):
                if rental not in read and self._crossed(rental, place, header, blocks):
                    self._read(rental, place, header)
            while blocks and blocks[0] <= headers[-1].number:
                blocks.pop(0)
            if not blocks:
                del self._waiting[rental]
        self._prove_again(headers, open_rentals)

    def chosen(self) -> tuple[dict[int, RentalView], dict[int, Rest]]:
        """The deep state of each rental, and where it rests."""
        deep, rested = {}, {}
        for rental, states in self._states.items():
            best = choose(self._tiers, states)
            if best is not None:
                deep[rental], rested[rental] = best
        return deep, rested

    def _header(self, policy: Policy, head: BlockSummary) -> BlockSummary:
        if policy.tag:
            found = self._chain.tagged(policy.tag)
            return found if found.number < head.number else head
        if policy.depth == 0:
            return head
        return self._chain.header(max(head.number - policy.depth, 0))

    def _crossed(
        self, rental: int, place: int, header: BlockSummary, blocks: Sequence[int]
    ) -> bool:
        """Whether an event has become this deep since the tier was read."""
        state = self._states.get(rental, {}).get(place)
        seen = -1 if state is None else state[0].number
        return any(seen < number <= header.number for number in blocks)

    def _read(self, rental: int, place: int, header: BlockSummary) -> None:
        found = self._chain.rental(rental, header)
        self._states.setdefault(rental, {})[place] = header, found

    def _prove_again(self, headers: Sequence[BlockSummary], open_rentals: Iterable[int]) -> None:
        deep, rested = self.chosen()
        places = {tier.policy.text: place for place, tier in enumerate(self._tiers)}
        stale = [
            (rested[rental].header.number, rental, places[rested[rental].policy])
            for rental in open_rentals
            if rental in deep
        ]
        before, self._reproven_at = self._reproven_at, headers[0].timestamp
        seconds = 0 if before is None else headers[0].timestamp - before
        for number, rental, place in sorted(stale)[: reproven(len(stale), seconds)]:
            if number < headers[place].number:
                self._read(rental, place, headers[place])
