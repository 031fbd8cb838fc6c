"""Follows the chain: block by block with parent hashes, from its events to the state they changed.

The events say which rentals to read again; what is believed is the state, read at a block of a
known hash. A block whose parent is not the one remembered reveals a reorganisation: everything
derived from vanished blocks is forgotten and read anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType

import structlog

from chain.deep import DeepStates
from chain.errors import ChainError, WrongChainError
from chain.finality import Tier
from chain.ports import KEPT_BLOCKS, BlockStore, Chain
from chain.views import BalanceEvidence, BlockSummary, ChainEvent, ChainView, DrillView, RentalView
from host.clock import Clock
from protocol.records import RentalState, Tariff

SPAN_BLOCKS = 1_000
"""Blocks whose events are fetched in one look while catching up."""

SPAN_MS = 2_000
"""The longest time for that: the look's age is what leases and settlements go by."""

BEHIND_MS = 60_000
"""How often it is said how many blocks are left to read."""

BLOCKS_PER_POLL = 128
"""Blocks followed one by one in one poll, if they take no longer than SPAN_MS."""

REFRESH_MS = 300_000
"""How often everything is read again, whatever the events said."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WatchScope:
    """What to follow: this oracle's drills, from the block of the deployment on."""

    oracle: int
    drills: tuple[int, ...]
    first_block: int
    finality: tuple[Tier, ...]


class ChainWatcher:
    """Keeps a ChainView up to date; each `poll` is one bounded look at the chain."""

    def __init__(self, chain: Chain, journal: BlockStore, clock: Clock, scope: WatchScope) -> None:
        self._chain, self._journal, self._clock, self._scope = chain, journal, clock, scope
        self._deep = DeepStates(chain, scope.finality)
        self._latest: dict[int, RentalView] = {}
        self._drills: dict[int, DrillView] = {}
        self._tariffs: dict[int, Tariff] = {}
        self._evidence: dict[int, BalanceEvidence] = {}
        self._touched: set[int] = set()
        self._moved: set[int] = set()
        self._branch = 0
        self._refreshed_ms: int | None = None
        self._behind_ms: int | None = None
        self._priceless = False
        self.view: ChainView | None = None

    def poll(self) -> ChainView:
        """Read what is new; returns the view. Raises ChainError and keeps the old view then."""
        now_ms = self._clock.now_ms()
        head = self._chain.head()
        cursor = self._rewind(head)
        if self.view is not None and cursor == head.number and self.view.head.hash == head.hash:
            self.view = replace(self.view, polled_ms=now_ms)
            return self.view
        cursor = self._follow(cursor, head)
        if cursor != head.number:
            self.view = self._describe(head, head, now_ms, catching_up=True)
            return self.view
        confirmed = self._read_states(head, now_ms)
        self.view = self._describe(head, confirmed, now_ms, catching_up=False)
        return self.view

    def _rewind(self, head: BlockSummary) -> int:
        """The number of the newest block that is both remembered and still in the chain."""
        cursor = self._journal.cursor()
        if cursor is None:
            return self._scope.first_block - 1
        number = min(cursor.number, head.number)
        while (known := self._journal.block_hash(number)) is not None:
            found = head if number == head.number else self._chain.header(number)
            if found.hash == known:
                break
            number -= 1
        else:
            number = self._scope.first_block - 1
        if number == cursor.number:
            return number
        log.warning("reorganisation", from_block=number + 1, to_block=cursor.number)
        # In this order: a roll back that fails after it was durable is not seen again.
        self._forget()
        self._journal.roll_back(number)
        return number

    def _forget(self) -> None:
        """Everything in memory may rest on vanished blocks."""
        for known in (self._latest, self._drills, self._tariffs, self._evidence):
            known.clear()
        self._deep.forget()
        self._touched.clear()
        self._branch += 1
        self._refreshed_ms = None
        self.view = None

    def _follow(self, cursor: int, head: BlockSummary) -> int:
        """Read events after `cursor`: spans while far behind, then block by block."""
        if cursor < head.number - KEPT_BLOCKS:
            # To well within what is followed one by one, for blocks come in the meantime.
            return self._read_span(cursor, head.number - KEPT_BLOCKS // 2)
        began_ms = self._clock.now_ms()
        for number in range(cursor + 1, min(cursor + BLOCKS_PER_POLL, head.number) + 1):
            header = head if number == head.number else self._chain.header(number)
            parent = self._journal.block_hash(number - 1)
            if parent is not None and parent != header.parent_hash:
                raise ChainError(f"block {number} does not follow the one before it; reading again")
            self._digest(header, self._chain.events_of(header))
            cursor = number
            if not 0 <= self._clock.now_ms() - began_ms < SPAN_MS:
                break
        return cursor

    def _read_span(self, cursor: int, near: int) -> int:
        """Read the events of blocks long past, for as long as a look may take; endpoints that serve
        ten blocks at a time are asked often."""
        began_ms, last = self._clock.now_ms(), min(cursor + SPAN_BLOCKS, near)
        self._say_behind(near - cursor, began_ms)
        found: list[ChainEvent] = []
        upto = cursor
        while upto < last and 0 <= self._clock.now_ms() - began_ms < SPAN_MS:
            events, upto = self._chain.events_between(upto + 1, last)
            found += events
        if upto > cursor:
            self._digest(self._chain.header(upto), found)
        return upto

    def _say_behind(self, blocks: int, now_ms: int) -> None:
        if self._behind_ms is None or not 0 <= now_ms - self._behind_ms < BEHIND_MS:
            self._behind_ms = now_ms
            log.info("reading past blocks", blocks=blocks)

    def _digest(self, header: BlockSummary, events: list[ChainEvent]) -> None:
        """Remember a block with what its events say, at once: a later failure loses nothing."""
        self._note(events)
        self._journal.add_block(header, self._evidence_in(events))

    def _evidence_in(self, events: list[ChainEvent]) -> list[BalanceEvidence]:
        found = [
            BalanceEvidence(
                rental=event.number("rental"),
                drill=event.number("drill"),
                balance=event.number("balance"),
                block_number=event.block_number,
                block_hash=event.block_hash,
                transaction_hash=event.transaction_hash,
                log_index=event.log_index,
            )
            for event in events
            if event.name == "BalancePositive" and event.args["drill"] in self._scope.drills
        ]
        for one in found:
            self._evidence[one.rental] = one
        return found

    def _note(self, events: list[ChainEvent]) -> None:
        """Note which rentals and drills to read again."""
        for event in events:
            drill = event.args.get("drill")
            if drill is not None and drill not in self._scope.drills:
                continue
            if drill is not None:
                self._moved.add(event.number("drill"))
            if "rental" not in event.args:
                continue
            rental = event.number("rental")
            if drill is not None or rental in self._latest or rental in self._touched:
                self._touched.add(rental)
                self._deep.touch(rental, event.block_number)

    def _read_states(self, head: BlockSummary, now_ms: int) -> BlockSummary:
        """Read what the events have changed; returns the block that every policy accepts."""
        headers = self._deep.headers(head)
        now: set[int] = set()
        since_ms = None if self._refreshed_ms is None else now_ms - self._refreshed_ms
        refresh = since_ms is None or not 0 <= since_ms <= REFRESH_MS
        if refresh:
            self._moved |= {*self._scope.drills}
            self._read_drills(head)
            now = {*self._latest, *(one.rental for one in self._drills.values() if one.rental)}
            now |= self._unfinished()
        for rental in self._touched | now:
            self._read_rental(rental, head)
        open_rentals = [
            rental for rental, view in self._latest.items() if view.state is not RentalState.CLOSED
        ]
        self._deep.read(headers, now & self._latest.keys(), open_rentals)
        self._touched.clear()
        if refresh:
            self._catch_up(now & self._latest.keys(), head)
            self._refreshed_ms = now_ms
        self._drop_past()
        self._read_drills(head)
        return headers[-1]

    def _catch_up(self, rentals: Iterable[int], head: BlockSummary) -> None:
        """Their events may have been read before a restart or below a reorganisation: what they
        were funded by is deep when its block is, and the rest when the head is."""
        for rental in rentals:
            evidence = self._evidence.get(rental)
            blocks = [] if evidence is None else [evidence.block_number]
            self._deep.catch_up(rental, self._latest[rental], (*blocks, head.number))

    def _read_rental(self, rental: int, head: BlockSummary) -> None:
        latest = self._chain.rental(rental, head)
        if latest is None:
            self._latest.pop(rental, None)
            self._deep.drop(rental)
            return
        if latest.tariff not in self._tariffs:
            self._tariffs[latest.tariff] = self._chain.tariff(latest.tariff, head)
        if rental not in self._evidence and (found := self._journal.evidence(rental)) is not None:
            self._evidence[rental] = found
        self._moved.add(latest.drill)
        self._latest[rental] = latest

    def _unfinished(self) -> set[int]:
        """The rentals in the outbox: of one that closed while nobody looked, no drill tells."""
        return self._journal.unsettled_rentals()

    def _drop_past(self) -> None:
        """Forget closed rentals of a drill once it has a newer one, a view has shown them closed,
        and the outbox is done with them: who follows views misses no end."""
        shown = {} if self.view is None else self.view.deep
        newest: dict[int, int] = {}
        for rental, view in self._latest.items():
            newest[view.drill] = max(rental, newest.get(view.drill, 0))
        past = {
            rental
            for rental, view in self._latest.items()
            if rental < newest[view.drill]
            and (old := shown.get(rental)) is not None
            and old.state is RentalState.CLOSED
        }
        for rental in past - self._unfinished() if past else past:
            self._deep.drop(rental)
            for known in (self._latest, self._evidence):
                known.pop(rental, None)

    def _read_drills(self, head: BlockSummary) -> None:
        for drill in sorted(self._moved):
            found = self._chain.drill(drill, head)
            if found is None:
                self._drills.pop(drill, None)
            else:
                self._drills[drill] = found
            self._moved.discard(drill)

    def _describe(
        self, head: BlockSummary, confirmed: BlockSummary, now_ms: int, *, catching_up: bool
    ) -> ChainView:
        oracle = self._chain.oracle(self._scope.oracle, head)
        if oracle is None:
            raise WrongChainError(f"there is no oracle {self._scope.oracle} in the contract")
        deep, rested = self._deep.chosen()
        return ChainView(
            head=head,
            confirmed=confirmed,
            polled_ms=now_ms,
            oracle=oracle,
            gas_price_wei=self._gas_price_wei(head),
            drills=MappingProxyType(dict(self._drills)),
            latest=MappingProxyType(dict(self._latest)),
            deep=MappingProxyType(deep),
            rested=MappingProxyType(rested),
            tariffs=MappingProxyType(dict(self._tariffs)),
            evidence=MappingProxyType(dict(self._evidence)),
            catching_up=catching_up,
            branch=self._branch,
        )

    def _gas_price_wei(self, head: BlockSummary) -> int | None:
        """None while no endpoint can tell; leases and final readings do not wait for it."""
        try:
            found = self._chain.gas_price_wei(head)
        except ChainError as error:
            if not self._priceless:
                log.warning("price of gas unknown", reason=str(error))
            self._priceless = True
            return None
        self._priceless = False
        return found
