"""An audit from the first block to the report: fetch, confirm, replay, compare."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from audit.books import compare
from audit.books.books import Books, DeploymentTerms
from audit.checkpoints import final_number, resumable
from audit.errors import AuditError, EndpointError, InterruptedAuditError
from audit.findings import Findings
from audit.node.completeness import Completeness, CompletenessTally, Depth
from audit.node.decode import DecodeError, Event, decode
from audit.node.fetch import ContractEndpoint, Window
from audit.node.logs import Log
from audit.node.values import ZERO_ADDRESS
from audit.order import AuditOrder, AuditWatcher
from audit.replay import Replay
from audit.result import Result, Scope, bills_of
from audit.samples.later_keys import later_keys
from audit.samples.published import Published
from audit.samples.sample_check import Coverage, SampleCheck
from audit.samples.track import SampleTally
from audit.state import Progress, final_of, save
from audit.subject import deployed_terms, final_block, require_chain
from protocol.headers import Header
from protocol.records import Domain

MANY_BLOCKS = 100_000
"""Blocks to fetch from which notice is given: some minutes on a public node."""

HEADERS_A_MINUTE = 30_000
"""What public nodes serve to one who asks for a hundred at a time."""

SAVE_SECONDS = 10.0
SIGNED_CALLS = ("UsageSettled", "ReadingRejected", "UsageDisputed")


class Audit:
    """One audit. Raises AuditError where it cannot be finished.

    `samples` gives the published samples of a deployment; without it none are looked at.
    """

    def __init__(
        self,
        chain: ContractEndpoint,
        order: AuditOrder,
        watcher: AuditWatcher,
        samples: Callable[[Domain], Published] | None = None,
    ) -> None:
        self._chain, self._order, self._watcher = chain, order, watcher
        self._published = samples
        self._samples: SampleCheck | None = None
        self._began = time.monotonic()

    def run(self) -> Result:
        """Do it all; raises AuditError."""
        with self._chain.named():
            return self._run()

    def _run(self) -> Result:
        order, chain = self._order, self._chain
        self._domain = Domain(require_chain(chain, order), chain.contract)
        self._last = final_block(chain, order)
        self._findings = Findings()
        if not self._last.proven:
            text = f"fields that are not Ethereum's: {', '.join(self._last.strange)}"
            self._findings.add("block-hash-unchecked", f"block {self._last.number}", text)
        terms, code = deployed_terms(chain, self._last, self._domain, self._findings)
        if terms is None:
            self._open_books(Books(DeploymentTerms(ZERO_ADDRESS, 0, 0, 0)), Depth.SEEN)
            return Result(self._scope(self._last.number, Depth.SEEN, 0, 0), (), self._findings)
        first, depth = self._range()
        self._begin(terms, first, depth)
        self._history(first)
        tallies = self._unsettled(first)
        views, slots, charges = 0, 0, dict[int, int]()
        try:
            views, slots, charges = self._state(first, code)
        except EndpointError:
            # A node that was reorganised no longer knows the block that everything is asked at.
            self._require_unchanged()
            if "reorganisation" not in self._findings.counts:
                raise
        self._require_unchanged()
        if order.rental is not None and order.rental not in self._books.rentals:
            raise AuditError(self._no_such_rental(order.rental))
        return Result(
            self._scope(first, depth, views, slots, tallies),
            bills_of(self._books, charges, order.rental, tallies),
            self._findings,
        )

    def _no_such_rental(self, rental: int) -> str:
        count = len(self._books.rentals)
        told = f"there is no rental {rental} up to block {self._last.number}"
        return f"{told}: the contract has {count} of them in the range"

    def _state(self, first: int, code: bytes) -> tuple[int, int, dict[int, int]]:
        """Compare the books with the final block; how many views and slots, and the charges."""
        chain, last, books, findings = self._chain, self._last, self._books, self._findings
        account = None
        views, slots, charges = 0, 0, dict[int, int]()
        if not books.from_deployment:
            text = f"blocks before {first} were not replayed, so state was not compared"
            findings.add("history-before-range", "contract", text)
        elif self._order.proof:
            account = compare.prove_account(chain, last, findings)
            compare.check_proven_code(account, code, findings)
            slots = compare.compare_slots(chain, last, books, findings)
        else:
            views, charges = compare.compare_views(chain, last, books, findings)
        compare.check_solvency(chain, last, books, findings, account)
        return views, slots, charges

    def _range(self) -> tuple[int, Depth]:
        first = self._order.from_block
        if first is None:
            first = self._chain.deployment_block(self._last.number)
        if first > self._last.number:
            raise AuditError(f"there is nothing from block {first} to {self._last.number}")
        return first, self._order.depth or Depth.ALL

    def _give_notice(self) -> None:
        """Say before it begins that an audit takes long."""
        count = self._last.number - self._next + 1
        if count >= MANY_BLOCKS and self._complete.depth is Depth.ALL:
            self._watcher.notice(
                f"{count:,} blocks: fetching every header takes about "
                f"{count // HEADERS_A_MINUTE} minutes on a public node. With --state FILE the next "
                "audit begins where this one ends; with --no-every-block only blocks with known "
                "events are fetched, and what a node leaves out may go unseen"
            )

    def _begin(self, terms: DeploymentTerms, first: int, depth: Depth) -> None:
        """New books, or those of the state file."""
        progress, standing = self._resumed(first, depth)
        self._next = first
        if progress is not None:
            self._findings = progress.findings
            self._next = progress.last_block + 1
        elif depth is Depth.SEEN:
            text = "give --every-block to fetch each header, however long it takes"
            self._findings.add("blocks-not-scanned", "the range", text)
        self._open_books(Books(terms) if progress is None else progress.books, depth)
        if progress is not None:
            self._complete.tally = progress.tally
            self._replay.resume(progress)
            self._complete.last_header = standing
        self._give_notice()

    def _resumed(self, first: int, depth: Depth) -> tuple[Progress | None, Header | None]:
        if self._order.state is None:
            return None, None
        asked = (self._domain.chain_id, self._chain.contract, first, depth.value)
        samples = None if self._published is None else Coverage(self._order.rental)
        return resumable(self._chain, self._order.state, self._last, asked, samples)

    def _open_books(self, books: Books, depth: Depth) -> None:
        self._books = books
        if self._published is not None:
            published = self._published(self._domain)
            self._samples = SampleCheck(
                published,
                books,
                self._findings,
                self._domain,
                now=self._last.timestamp,
                later=partial(later_keys, self._chain, self._last),
                only=self._order.rental,
            )
        self._replay = Replay(books, self._findings, self._domain, self._samples)
        self._complete = Completeness(self._chain, self._findings, depth)

    def _history(self, first: int) -> None:
        """Replay every event from `_next` to the final block, saving on the way."""
        saved = time.monotonic()
        final = -1 if self._order.state is None else final_number(self._chain, self._last)
        while self._next <= self._last.number:
            until = final if self._next <= final else self._last.number
            window = self._chain.window(self._next, until)
            self._replay_window(window)
            self._next = window.last + 1
            self._watcher.progress(first, window.last, self._last.number)
            if window.last == final:
                self._save(first, final=True)
            stopping = self._watcher.stopping()
            if stopping or time.monotonic() - saved > SAVE_SECONDS:
                self._save(first)
                saved = time.monotonic()
            if stopping:
                raise InterruptedAuditError(f"stopped after block {window.last}")
        if self._complete.last_header is not None:
            # With every header linked to the one before, this one vouches for them all.
            self._require_same_last(self._complete.last_header)
        elif self._complete.depth is Depth.ALL:
            raise AuditError(f"no header from block {first} to {self._last.number} is the one")
        self._save(first)

    def _unsettled(self, first: int) -> dict[int, SampleTally]:
        """Samples of what has settled last, and what is published and has not settled."""
        if self._samples is None:
            return {}
        if self._order.state is not None:
            saved = time.monotonic()
            for _ in self._stoppable(self._samples.catch_up(), first, saving=True):
                if time.monotonic() - saved > SAVE_SECONDS:
                    self._save(first)
                    saved = time.monotonic()
            self._save(first)
        for _ in self._stoppable(self._samples.conclude(), first):
            pass
        return self._samples.results

    def _stoppable(
        self, rentals: Iterator[None], first: int, *, saving: bool = False
    ) -> Iterator[None]:
        """The same steps, unless somebody asks to stop; what is not saved is done again then."""
        for done, _ in enumerate(rentals, 1):
            self._watcher.progress(first, self._last.number, self._last.number)
            if self._watcher.stopping():
                if saving:
                    self._save(first)
                raise InterruptedAuditError(f"stopped after the samples of {done} open rentals")
            yield

    def _replay_window(self, window: Window) -> None:
        for blocks in self._complete.blocks(window):
            decoded = [
                [event for log in logs if (event := self._decode(log, header))]
                for header, logs in blocks
            ]
            calldata = self._calldata(event for events in decoded for event in events)
            for (header, _), events in zip(blocks, decoded, strict=True):
                self._require_same_last(header)
                for event in events:
                    self._replay.apply(event, calldata)
                    self._watcher.event(event, self._books, calldata)
                self._replay.finish_block()

    def _calldata(self, events: Iterable[Event]) -> Mapping[str, bytes | None]:
        """What the transactions of signed calls carried."""
        wanted = dict.fromkeys(e.log.transaction for e in events if e.name in SIGNED_CALLS)
        calldata = self._chain.inputs(list(wanted))
        for transaction in wanted.keys() - calldata.keys():
            subject = f"transaction {transaction}"
            self._findings.add("transaction-missing", subject, "the node has it not")
        return calldata

    def _decode(self, log: Log, header: Header) -> Event | None:
        try:
            return decode(log, header.timestamp)
        except DecodeError as error:
            place = f"block {log.block}, log {log.index}"
            self._findings.add("log-unknown", place, str(error), place)
            return None

    def _save(self, first: int, *, final: bool = False) -> None:
        if self._order.state is None or "reorganisation" in self._findings.counts:
            return
        last = self._complete.last_header
        if last is None or last.number != self._next - 1:
            last = self._chain.header(self._next - 1)
        save(
            final_of(self._order.state) if final else self._order.state,
            Progress(
                chain_id=self._domain.chain_id,
                contract=self._chain.contract,
                first_block=first,
                depth=self._complete.depth.value,
                last_block=last.number,
                last_hash=last.hash,
                books=self._books,
                findings=self._findings,
                tally=self._complete.tally,
                events=self._replay.events,
                readings=self._replay.readings,
                verified=self._replay.settlements.verified,
                unchecked=self._replay.settlements.unchecked,
                samples=None if self._samples is None else self._samples.progress(),
            ),
        )

    def _require_unchanged(self) -> None:
        """The final block must still be the one that the audit began with."""
        if "reorganisation" not in self._findings.counts:
            self._require_same_last(self._chain.header(self._last.number))

    def _require_same_last(self, header: Header) -> None:
        if header.number == self._last.number and header.hash != self._last.hash:
            text = f"it was {self._last.hash}, now it is {header.hash}"
            self._findings.add("reorganisation", f"block {header.number}", text)

    def _scope(
        self,
        first: int,
        depth: Depth,
        views: int,
        slots: int,
        tallies: Mapping[int, SampleTally] | None = None,
    ) -> Scope:
        tally: CompletenessTally = self._complete.tally
        samples = self._samples.scope(tallies) if self._samples and tallies is not None else None
        return Scope(
            chain_id=self._domain.chain_id,
            contract=self._chain.contract,
            endpoint=self._chain.endpoint.place,
            asset=self._books.terms.asset,
            first_block=first,
            last_block=self._last.number,
            last_hash=self._last.hash,
            from_deployment=self._books.from_deployment,
            depth=depth.value,
            headers=tally.headers,
            receipts_blocks=tally.receipts_blocks,
            events=self._replay.events,
            readings=self._replay.readings,
            signatures_verified=self._replay.settlements.verified,
            views_compared=views,
            slots_proven=slots,
            requests=self._chain.endpoint.requests_made,
            samples=samples,
            seconds=round(time.monotonic() - self._began, 3),
        )
