"""The chain as a quorum of endpoints agrees on it, and as one honest proof shows it.

Headers are what a quorum agrees on. With a header agreed, state needs no second opinion: each word
is proven against its state root, and log entries against its receipts root. What nothing proves
(what a call would do, what became of a transaction) is the quorum's word again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from statistics import median_high
from typing import Any

import structlog

from chain.contract import DrillMeter, content, find_log
from chain.endpoint import Logs, RpcEndpoint
from chain.errors import (
    CallRevertedError,
    ChainError,
    DisagreementError,
    RefusedCallError,
    TransactionRefusedError,
    UncoveredReceiptsError,
    WrongChainError,
)
from chain.pool import Member, Pool
from chain.ports import TransactionReceipt
from chain.views import BalanceEvidence, BlockSummary, ChainEvent, DrillView, OracleView, RentalView
from protocol.answers import hexadecimal
from protocol.errors import AnswerError
from protocol.headers import Header
from protocol.lease_proof import EventProof, LeaseProof
from protocol.meter_word import unpack_meter
from protocol.quorum import Disagreement, Undecided, agree, majority
from protocol.receipt_trie import receipt_nodes
from protocol.records import Reading, Tariff
from protocol.storage import (
    caps_of,
    customer_of,
    drill_of,
    drill_slot,
    oracle_of,
    oracle_slot,
    rental_slots,
    tariff_of,
    tariff_slots,
    terms_of,
)

KEPT_HEADERS = 600
"""More than the blocks that are followed one by one, twice: after a reorganisation and before."""

MOST_BLOCKS = 1_000
"""Blocks whose log entries are asked for at a time, until an endpoint refuses so many."""

FEWEST_HEADERS, MOST_HEADERS = 4, 32
"""In one request, twice as many each time: there is a block or two between two looks, and a box
that was away gets some hundred a second even of an endpoint that answers after 250 ms."""

LAG_SECONDS = 5.0
"""An agreed block that lies below one agreed before means endpoints that are behind; for so long
the higher one stays in force. After that it counts as gone."""

log = structlog.get_logger()


class QuorumChain:
    """Implements the port `Chain`. For one thread at a time."""

    def __init__(
        self,
        endpoints: Sequence[RpcEndpoint],
        quorum: int,
        contract: DrillMeter,
        timeout_seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        member: type[Member[RpcEndpoint]] = Member,
    ) -> None:
        """`now` tells the time in s, `member` who asks; a simulation has others."""
        self.pool = Pool(endpoints, quorum, timeout_seconds, now, member)
        self._now = now
        self._contract = contract
        self._headers: OrderedDict[str, Header] = OrderedDict()
        self._last: Header | None = None
        self._last_seen = 0.0
        self._receipts_missing = False
        self._span = MOST_BLOCKS

    def require_deployment(self) -> None:
        """Raise WrongChainError when any endpoint serves another chain or the contract is not
        there, ChainError when too few endpoints answer."""
        for found in self.pool.each(lambda endpoint: endpoint.require_chain()).values():
            if isinstance(found, WrongChainError):
                raise found
        self._words((), self.head())

    def head(self) -> BlockSummary:
        """The newest block that a quorum has."""
        found = self._settle(lambda endpoint: endpoint.block("latest"))
        now = self._now()
        last = self._last
        if last is not None and found.number < last.number and now - self._last_seen < LAG_SECONDS:
            known = self._ancestor(found.number)
            if known is not None and known.hash == found.hash:
                return _brief(last)
        self._last, self._last_seen = found, now
        return _brief(found)

    def header(self, number: int) -> BlockSummary:
        """The block of that number: an ancestor of the head, or what a quorum says."""
        known = self._ancestor(number) or self._descend(number)
        return _brief(known or self._settle(lambda endpoint: endpoint.block(number)))

    def full_header(self, number: int) -> Header:
        """The same with all fields."""
        return self._ancestor(number) or self._settle(lambda endpoint: endpoint.block(number))

    def block_receipts(self, of: Header) -> list[Any]:
        """All receipts of a block, from the first endpoint that has them; they prove themselves."""
        return self.pool.first(lambda endpoint: endpoint.block_receipts(of))

    def transaction_input(self, transaction_hash: object) -> bytes:
        """What a mined transaction carried, as a quorum says."""
        found = self.pool.gather(lambda endpoint: endpoint.transaction_input(transaction_hash))
        told = majority(found, self.pool.quorum)
        if told is None:
            raise DisagreementError(f"endpoints disagree about transaction {transaction_hash}")
        return told

    def tagged(self, tag: str) -> BlockSummary:
        """The `safe` or `finalized` block that a quorum has reached."""
        return _brief(self._settle(lambda endpoint: endpoint.block(tag)))

    def events_of(self, header: BlockSummary) -> list[ChainEvent]:
        """The contract's log entries in that block.

        None where the header's bloom rules them out, or a quorum knows of none; else those that
        the receipts hold, which hash to the header's root.
        """
        full = self._full(header)
        if not full.may_log(self._contract.address):
            return []
        told = self.pool.gather(lambda endpoint: endpoint.logs_of(full))
        if not any(told.values()):
            return []
        try:
            receipts = self._receipts(full)
        except ChainError as error:
            self._miss_receipts(error)
            return self._events(self._by_quorum(told, f"block {header.number}"))
        own = {content(log): log for log in self._contract.own_logs(full, receipts)}
        for name, logs in told.items():
            if logs.keys() != own.keys():
                self.pool.lies(name, _difference(full.number, logs.keys(), own.keys()))
        return self._events([*own.values()])

    def events_between(self, first: int, last: int) -> tuple[list[ChainEvent], int]:
        """The contract's log entries from block `first` on as a quorum tells them, and up to which
        block: `last`, or as far as endpoints serve at a time, which is learnt from refusals."""
        while True:
            upto = min(last, first + self._span - 1)
            told, refused = self._logs_between(first, upto)
            if len(told) >= self.pool.quorum:
                return self._events(self._by_quorum(told, f"blocks {first} to {upto}")), upto
            if upto == first:
                raise refused[0]
            self._span = (upto - first + 1) // 2
            log.info("endpoints serve fewer blocks", blocks=self._span, reason=str(refused[0]))

    def _logs_between(self, first: int, last: int) -> tuple[dict[str, Logs], list[ChainError]]:
        """What endpoints answer, and the refusals of the others, which are none of their faults."""

        def ask(endpoint: RpcEndpoint) -> Logs | RefusedCallError:
            try:
                return endpoint.logs_between(first, last)
            except RefusedCallError as error:
                return error

        found = self.pool.gather(ask)
        told = {name: one for name, one in found.items() if isinstance(one, dict)}
        return told, [one for one in found.values() if isinstance(one, RefusedCallError)]

    def rental(self, rental: int, at: BlockSummary) -> RentalView | None:
        """A rental with its registers and caps, or None if that block knows none; proven."""
        words = self._words(rental_slots(rental), at)
        terms = terms_of(words[0])
        if terms is None:
            return None
        until, registers = unpack_meter(words[2])
        return RentalView(
            rental=rental,
            customer=customer_of(words[1]),
            drill=terms.drill,
            tariff=terms.tariff,
            oracle=terms.oracle,
            state=terms.state,
            opened_at=terms.opened_at,
            ended_at=terms.ended_at,
            until=until,
            funded=terms.funded,
            registers=registers,
            caps=caps_of(words[3]),
        )

    def drill(self, drill: int, at: BlockSummary) -> DrillView | None:
        """A drill, or None if that block knows none; proven."""
        found = drill_of(self._words((drill_slot(drill),), at)[0])
        if found is None:
            return None
        return DrillView(drill, found.oracle, found.rental, found.retired)

    def tariff(self, tariff: int, at: BlockSummary) -> Tariff:
        """A tariff; raises ChainError if that block knows none; proven."""
        found = tariff_of(self._words(tariff_slots(tariff), at))
        if found is None:
            raise ChainError(f"there is no tariff {tariff} at block {at.number}")
        return found

    def oracle(self, oracle: int, at: BlockSummary) -> OracleView | None:
        """An oracle, or None if that block knows none; proven."""
        found = oracle_of(self._words((oracle_slot(oracle),), at)[0])
        if found is None:
            return None
        return OracleView(found.key, found.revoked, found.suspended, found.is_p256)

    def event_proof(self, evidence: BalanceEvidence) -> EventProof:
        """Proof of a BalancePositive entry in its block's receipts."""
        full = self._by_hash(hexadecimal(evidence.block_hash))
        receipts = self.pool.first(lambda endpoint: endpoint.block_receipts(full, covered=True))
        place, index = find_log(receipts, evidence.log_index)
        header = self.pool.first(lambda endpoint: endpoint.header_rlp(full))
        return EventProof(header, tuple(receipt_nodes(receipts, place)), place, index)

    def lease_proof(self, rental: RentalView, event: EventProof, at: BlockSummary) -> bytes:
        """Proof of the rental, its drill, tariff and oracle at that block, and of its event."""
        full = self._full(at)
        terms, _party, meter, caps = rental_slots(rental.rental)
        slots = (
            terms,
            meter,
            caps,
            drill_slot(rental.drill),
            *tariff_slots(rental.tariff),
            oracle_slot(rental.oracle),
        )
        found = self.pool.first(lambda endpoint: endpoint.words(slots, full))
        if found is None:
            raise WrongChainError(f"there is no contract at block {at.number}")
        header = self.pool.first(lambda endpoint: endpoint.header_rlp(full))
        return LeaseProof(header, found.nodes, event).to_bytes()

    def gas_price_wei(self, at: BlockSummary) -> int:
        """What a unit of gas costs now, base fee and priority fee."""
        return at.base_fee_wei + self.priority_fee_wei()

    def priority_fee_wei(self) -> int:
        """The priority fee that gets a transaction mined soon: the middle of what they say."""
        found = self.pool.gather(lambda endpoint: endpoint.priority_fee_wei())
        return median_high(found.values())

    def nonce(self, address: str) -> int:
        """How many transactions of `address` are mined at the head; proven."""
        at = self._last or self._full(self.head())
        found = self.pool.first(lambda endpoint: endpoint.account(address, at))
        return 0 if found is None else found.nonce

    def gas_money_wei(self, address: str) -> int:
        """The native coin that `address` has at the head; proven."""
        at = self._last or self._full(self.head())
        found = self.pool.first(lambda endpoint: endpoint.account(address, at))
        return 0 if found is None else found.balance

    def simulate(self, sender: str, data: bytes) -> int:
        """The gas that a call of the contract needs, by the middle of what they say.

        Raises CallRevertedError if a quorum says that it fails, and no endpoint that it works.
        """

        def ask(endpoint: RpcEndpoint) -> int | CallRevertedError:
            try:
                return endpoint.simulate(sender, data)
            except CallRevertedError as error:
                return error

        found = self.pool.gather(ask).values()
        gas = [one for one in found if isinstance(one, int)]
        if gas:
            return median_high(gas)
        for one in found:
            if isinstance(one, CallRevertedError):
                raise one
        raise ChainError("no endpoint says what a call would do")

    def broadcast(self, raw: bytes) -> None:
        """Send a signed transaction by every endpoint; one that takes it is enough.

        Raises TransactionRefusedError when none takes it.
        """

        def ask(endpoint: RpcEndpoint) -> TransactionRefusedError | None:
            try:
                endpoint.broadcast(raw)
            except TransactionRefusedError as error:
                return error
            return None

        refusals = [*self.pool.gather(ask).values()]
        if None not in refusals and refusals[0] is not None:
            raise refusals[0]

    def transaction_receipt(self, transaction_hash: bytes) -> TransactionReceipt | None:
        """The receipt that a quorum tells of, or None while the transaction is not mined at the
        head; raises ChainError when there is a quorum for neither."""
        highest = None if self._last is None else self._last.number

        def ask(endpoint: RpcEndpoint) -> TransactionReceipt | None:
            found = endpoint.transaction_receipt(transaction_hash)
            return None if found is None or found.block_number > (highest or 2**63) else found

        told = self.pool.gather(ask)
        votes = {name: (found,) for name, found in told.items()}
        winner = majority(votes, self.pool.quorum)
        if winner is None:
            raise ChainError(
                f"endpoints disagree about transaction {hexadecimal(transaction_hash)}"
            )
        return winner[0]

    def settlement_data(self, oracle: int, signature: bytes, readings: Sequence[Reading]) -> bytes:
        """The calldata of `settle` for one batch."""
        return self._contract.settlement_data(oracle, signature, readings)

    def closing_data(self, rental: int) -> bytes:
        """The calldata of `close_rental`."""
        return self._contract.closing_data(rental)

    def _settle(self, ask: Callable[[RpcEndpoint], Header]) -> Header:
        """The newest block that a quorum has, by the blocks that they answer with."""
        newest = self.pool.gather(ask)
        older: dict[str, Header] = {}
        result = agree(newest, older, self.pool.quorum)
        if isinstance(result, Undecided):
            number = result.number
            older = self.pool.gather(lambda endpoint: endpoint.block(number), result.names)
            result = agree(newest, older or newest, self.pool.quorum)
        if isinstance(result, Disagreement | Undecided):
            raise DisagreementError(str(result))
        for header in (*newest.values(), *older.values()):
            if header.hash == result.hash:
                self._keep(header)
        return self._by_hash(result.hash)

    def _keep(self, header: Header) -> None:
        self._headers[header.hash] = header
        self._headers.move_to_end(header.hash)
        while len(self._headers) > KEPT_HEADERS:
            self._headers.popitem(last=False)

    def _by_hash(self, hash_: str) -> Header:
        """The header of that hash; one endpoint is enough, for it hashes to it."""
        if hash_ not in self._headers:
            self._keep(self.pool.first(lambda endpoint: endpoint.block(hash_)))
        return self._headers[hash_]

    def _full(self, header: BlockSummary) -> Header:
        return self._by_hash(hexadecimal(header.hash))

    def _ancestor(self, number: int) -> Header | None:
        """The head's ancestor of that number, as far as the headers are remembered."""
        found = self._last
        while found is not None and found.number > number:
            found = self._headers.get(found.parent_hash)
        return found if found is not None and found.number == number else None

    def _descend(self, number: int) -> Header | None:
        """The head's ancestor of that number, if it is not far below: parent hashes lead there from
        a block that is agreed, so one endpoint is enough, and it is asked for many at a time."""
        lowest, count = self._last, FEWEST_HEADERS
        if lowest is None or not 0 < lowest.number - number <= KEPT_HEADERS // 2:
            return None
        while lowest.number > number:
            known = self._headers.get(lowest.parent_hash)
            if known is None:
                first, last = max(lowest.number - count, number), lowest.number - 1
                self._keep_linked(lowest, self._headers_between(first, last))
                known = self._headers.get(lowest.parent_hash)
                count = min(2 * count, MOST_HEADERS)
            if known is None:
                return None  # it is of another branch by now: by the quorum, then
            lowest = known
        return lowest

    def _keep_linked(self, below: Header, headers: Sequence[Header]) -> None:
        """Keep of these headers, lowest first, those that parent hashes lead to from `below`."""
        for header in reversed(headers):
            if header.hash != below.parent_hash:
                return
            self._keep(header)
            below = header

    def _headers_between(self, first: int, last: int) -> list[Header]:
        return self.pool.first(lambda endpoint: endpoint.blocks(range(first, last + 1)))

    def _receipts(self, of: Header) -> list[Any]:
        """All receipts of a block, proven; raises ChainError when no endpoint has them. That one
        does not serve them says nothing against its other answers."""

        def ask(endpoint: RpcEndpoint) -> list[Any] | ChainError:
            try:
                return endpoint.block_receipts(of)
            except (RefusedCallError, UncoveredReceiptsError) as error:
                return error

        return self.pool.first(ask)

    def _words(self, slots: Sequence[int], at: BlockSummary) -> tuple[int, ...]:
        full = self._full(at)
        found = self.pool.first(lambda endpoint: endpoint.words(slots, full))
        if found is None:
            raise WrongChainError(
                f"there is no contract at {self._contract.address} at block {at.number}"
            )
        return found.words

    def _by_quorum(self, told: dict[str, dict[Any, Any]], where: str) -> list[Any]:
        """The log entries that a quorum tells of; raises DisagreementError if it is not clear."""
        counts: dict[Any, int] = {}
        logs: dict[Any, Any] = {}
        for found in told.values():
            logs |= found
            for key in found:
                counts[key] = counts.get(key, 0) + 1
        agreed = {key for key, count in counts.items() if count >= self.pool.quorum}
        for count in counts.values():
            if (count >= self.pool.quorum) == (len(told) - count >= self.pool.quorum):
                raise DisagreementError(f"endpoints disagree about the log entries of {where}")
        for name, found in told.items():
            if found.keys() != agreed:
                log.error("endpoint alone with its log entries", endpoint=name, where=where)
        return [logs[key] for key in sorted(agreed)]

    def _events(self, logs: Sequence[Any]) -> list[ChainEvent]:
        try:
            return [found for log in logs if (found := self._contract.event(log)) is not None]
        except AnswerError as error:
            raise ChainError(str(error)) from error

    def _miss_receipts(self, error: ChainError) -> None:
        if not self._receipts_missing:
            log.warning("no receipts: log entries are a quorum's word only", reason=str(error))
        self._receipts_missing = True


def _brief(header: Header) -> BlockSummary:
    return BlockSummary(
        header.number,
        bytes.fromhex(header.hash[2:]),
        bytes.fromhex(header.parent_hash[2:]),
        header.timestamp,
        header.base_fee,
    )


def _difference(number: int, told: Any, proven: Any) -> str:
    return (
        f"of block {number} it hides {len(proven - told)} log entries "
        f"and invents {len(told - proven)}"
    )
