"""Carries signed batches to the chain: outbox, transaction, fee bumps, and when it is done.

A transaction's raw bytes are stored before they are broadcast, so that a crash in between repeats
the same transaction and never makes a second one. A batch is done when the contract's state, some
blocks deep, shows its readings; a receipt is only a hint on the way there. What the chain holds is
the truth: after a restart everything is derived from it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from eth_utils.address import to_checksum_address

from oracle import tables
from oracle.chain_journal import ChainJournal
from oracle.errors import CallRevertedError, TransactionRefusedError
from oracle.outbox import is_open, of_another_rental, open_readings
from oracle.ports import Chain, Clock, GasSigner, Receipt, SentTransaction, SignedBatch
from oracle.views import ChainView, Rejection
from protocol.errors import RecordError
from protocol.records import Domain, Reading

GAS_MARGIN_PERCENT = 30
"""Above the estimate: registers that go from zero to non-zero in between cost more."""

REBROADCAST_MS = 5_000
"""A transaction that is not mined is offered to the node again, in case it forgot it."""

BUMP_PERCENT = 15
"""Nodes take a replacement from 10 % more on; a little above that survives rounding."""

WEI_PER_GWEI = 10**9

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SubmitLimits:
    """When a transaction's fee is raised, and how far."""

    bump_after_ms: int
    highest_fee_wei: int


class Submitter:
    """Moves every open batch one step on; `step` makes a bounded number of calls."""

    def __init__(
        self,
        chain: Chain,
        journal: ChainJournal,
        clock: Clock,
        gas: GasSigner,
        *,
        domain: Domain,
        oracle: int,
        limits: SubmitLimits,
    ) -> None:
        self._chain, self._journal, self._clock, self._gas = chain, journal, clock, gas
        self._domain, self._oracle, self._limits = domain, oracle, limits
        self._mined: dict[int, Receipt] = {}
        self._broadcast_at: dict[int, int] = {}
        self._refused_ms: int | None = None
        self.rejections: dict[int, Rejection] = {}
        self.waiting_since_ms: int | None = None

    def step(self, view: ChainView) -> None:
        """One look at every open batch; raises ChainError when the chain cannot be asked."""
        batches = self._journal.open_batches()
        # Before anything can fail: what is not settled yet waits, whatever the chain answers.
        unsettled = [one.created_ms for one in batches if open_readings(one, view.latest)]
        self.waiting_since_ms = min(unsettled, default=None)
        waiting: list[int] = []
        for batch in batches:
            if not self._advance(batch, view, first=not waiting):
                waiting.append(batch.created_ms)
        self.waiting_since_ms = min(waiting, default=None)
        self._lift_rejections(view)

    def _advance(  # noqa: PLR0911  # one return an outcome
        self, batch: SignedBatch, view: ChainView, *, first: bool
    ) -> bool:
        """Move one batch on; True when it no longer stands in the way of the next one."""
        if not view.catching_up and all(one.rental not in view.latest for one in batch.readings):
            self._finish(batch, tables.DROPPED, "the chain knows these rentals no more")
            return True
        if of_another_rental(batch, view):
            self._finish(batch, tables.DROPPED, "a rental's number stands for another rental now")
            return True
        if not open_readings(batch, view.deep):
            self._finish(batch, tables.SETTLED, "")
            return True
        sent = self._journal.transactions(batch.number)
        receipt = self._receipt(batch, sent)
        if receipt is not None:
            return self._judge(batch, receipt, view)
        if not open_readings(batch, view.latest):
            # Settled by someone else, or not as deep as needed yet.
            return True
        if any(one.rental not in view.latest for one in batch.readings):
            self._finish(batch, tables.DROPPED, "the chain knows one of these rentals no more")
            return True
        if not first:
            return False
        if max(reading.until for reading in batch.readings) > view.head.timestamp * 1000:
            return False
        self._send(batch, sent)
        return False

    def _receipt(self, batch: SignedBatch, sent: Sequence[SentTransaction]) -> Receipt | None:
        for one in reversed(sent):
            receipt = self._chain.receipt(one.hash)
            if receipt is not None:
                if self._mined.get(batch.number) != receipt:
                    self._mined[batch.number] = receipt
                    log.info(
                        "settlement mined",
                        batch=batch.number,
                        transaction=_hex(one.hash),
                        block_number=receipt.block_number,
                        readings=len(batch.readings),
                        gas_used=receipt.gas_used,
                    )
                return receipt
        if batch.number in self._mined:
            log.warning("settlement vanished with its block", batch=batch.number)
            del self._mined[batch.number]
        return None

    def _judge(self, batch: SignedBatch, receipt: Receipt, view: ChainView) -> bool:
        """Close a mined batch whose readings will not settle any more."""
        if receipt.block_number > view.confirmed.number:
            return True
        rejected = {(rental, until): reason for rental, until, reason in receipt.rejected}
        reasons = [
            f"rental {one.rental} until {one.until}: "
            f"{rejected.get((one.rental, one.until), 'not settled')}"
            for one in open_readings(batch, view.deep)
        ]
        for one in open_readings(batch, view.deep):
            self._reject(one, rejected.get((one.rental, one.until), "not settled"))
        if not receipt.succeeded:
            reasons.insert(0, "the transaction reverted")
        self._finish(batch, tables.DROPPED, "; ".join(reasons))
        return True

    def _send(self, batch: SignedBatch, sent: Sequence[SentTransaction]) -> None:
        """Make, repeat or bump the batch's transaction."""
        now_ms = self._clock.now_ms()
        if self._refused_ms is not None and now_ms - self._refused_ms < self._limits.bump_after_ms:
            return
        try:
            data = self._chain.settlement_data(self._oracle, batch.signature, batch.readings)
            gas = self._chain.simulate(self._gas.address, data)
        except (CallRevertedError, RecordError) as error:
            for reading in batch.readings:
                self._reject(reading, str(error))
            self._finish(batch, tables.DROPPED, str(error))
            return
        nonce = self._chain.nonce(self._gas.address)
        newest = sent[-1] if sent else None
        broadcast_ms = self._broadcast_at.get(batch.number)
        recent = broadcast_ms is not None and now_ms - broadcast_ms < REBROADCAST_MS
        if (
            newest is not None
            and newest.nonce < nonce
            and (recent or self._receipt(batch, sent) is not None)
        ):
            return
        if newest is None or newest.nonce < nonce:
            # A nonce used up without a receipt of ours belongs to another use of the account.
            made = self._make(batch.number, (data, gas, nonce), self._fees(None), now_ms)
        elif now_ms - newest.sent_ms > self._limits.bump_after_ms and self._can_bump(newest):
            made = self._make(batch.number, (data, gas, newest.nonce), self._fees(newest), now_ms)
        elif recent:
            return
        else:
            made = newest
        self._broadcast(made, now_ms)

    def _fees(self, before: SentTransaction | None) -> tuple[int, int]:
        """Highest fee and priority fee, in wei per gas; more than those of `before`."""
        priority = self._chain.priority_fee_wei()
        highest = 2 * self._chain.head().base_fee_wei + priority
        if before is not None:
            priority = max(priority, _raised(before.priority_fee_wei))
            highest = max(highest, _raised(before.max_fee_wei))
        highest = min(highest, self._limits.highest_fee_wei)
        return highest, min(priority, highest)

    def _can_bump(self, sent: SentTransaction) -> bool:
        return _raised(sent.max_fee_wei) <= self._limits.highest_fee_wei

    def _make(
        self, batch: int, call: tuple[bytes, int, int], fees: tuple[int, int], now_ms: int
    ) -> SentTransaction:
        """Sign and store a transaction of `call` (calldata, gas, nonce) at `fees` (highest fee,
        priority fee, wei per gas); only then may it be broadcast."""
        data, gas, nonce = call
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._domain.chain_id,
            "to": to_checksum_address(self._domain.contract),
            "value": 0,
            "data": data,
            "gas": gas * (100 + GAS_MARGIN_PERCENT) // 100,
            "nonce": nonce,
            "maxFeePerGas": fees[0],
            "maxPriorityFeePerGas": fees[1],
        }
        signed = self._gas.sign_transaction(fields)
        sent = SentTransaction(
            hash=bytes(signed.hash),
            batch=batch,
            nonce=nonce,
            raw=bytes(signed.raw_transaction),
            max_fee_wei=fees[0],
            priority_fee_wei=fees[1],
            sent_ms=now_ms,
        )
        self._journal.add_transaction(sent)
        return sent

    def _broadcast(self, sent: SentTransaction, now_ms: int) -> None:
        self._broadcast_at[sent.batch] = now_ms
        try:
            self._chain.broadcast(sent.raw)
        except TransactionRefusedError as error:
            self._refused_ms = now_ms
            log.warning("transaction refused", batch=sent.batch, reason=str(error))
            return
        self._refused_ms = None
        log.info(
            "settlement sent",
            batch=sent.batch,
            transaction=_hex(sent.hash),
            nonce=sent.nonce,
            max_fee_wei=sent.max_fee_wei,
        )

    def _finish(self, batch: SignedBatch, state: str, note: str) -> None:
        self._journal.finish_batch(batch.number, state, note)
        self._mined.pop(batch.number, None)
        self._broadcast_at.pop(batch.number, None)
        if state == tables.SETTLED:
            log.info("settlement confirmed", batch=batch.number)
        else:
            log.error("settlement dropped", batch=batch.number, reason=note)

    def _reject(self, reading: Reading, reason: str) -> None:
        before = self.rejections.get(reading.rental)
        self.rejections[reading.rental] = Rejection(
            rental=reading.rental,
            until=reading.until,
            reason=reason,
            time_ms=self._clock.now_ms(),
            count=1 if before is None else before.count + 1,
        )

    def _lift_rejections(self, view: ChainView) -> None:
        """A rental that settled since, or is closed, is no longer rejected."""
        for rental, rejection in list(self.rejections.items()):
            known = view.latest.get(rental)
            if known is None or not is_open(known, rejection.until):
                del self.rejections[rental]

    def complete(self, view: ChainView) -> ChainView:
        """The view with what only the outbox knows."""
        return replace(
            view, rejections=dict(self.rejections), waiting_since_ms=self.waiting_since_ms
        )


def _raised(fee_wei: int) -> int:
    return fee_wei * (100 + BUMP_PERCENT) // 100 + 1


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
