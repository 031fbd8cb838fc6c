"""Transactions of the gas account: made, stored, broadcast, repeated, and their fees raised.

A transaction's raw bytes are stored before they are broadcast, so that a crash in between repeats
the same transaction and never makes a second one. One job is on its way at a time, because the next
one would take the same nonce; once it is given up or forgotten the next one does, for a higher fee.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from eth_utils.address import to_checksum_address

from chain.errors import TransactionRefusedError
from chain.ports import (
    GasSigner,
    SendingChain,
    SentTransaction,
    TransactionReceipt,
    TransactionStore,
)
from chain.refusals import wants_legacy
from host.clock import Clock
from protocol.records import Domain

GAS_MARGIN_PERCENT = 30
"""Above the estimate: registers that go from zero to non-zero in between cost more."""

REBROADCAST_MS = 5_000
"""A transaction that is not mined is offered to the node again, in case it forgot it."""

BUMP_PERCENT = 15
"""Nodes take a replacement from 10 % more on; a little above that survives rounding."""

FEE_TYPE = b"\x02"
"""The first byte of a transaction that names a highest and a priority fee (EIP-1559)."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fees:
    """Highest and priority fee, wei per gas; one price, twice, where `legacy`."""

    highest_wei: int
    priority_wei: int
    legacy: bool


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """When a transaction's fee is raised, and how far."""

    bump_after_ms: int
    highest_fee_wei: int


@dataclass(frozen=True, slots=True)
class Job:
    """What a transaction is for: a batch by its number, or closing a rental by minus its number."""

    number: int
    name: str


class Transactor:
    """Sends calls of the contract; every method may raise ChainError or JournalError."""

    def __init__(
        self,
        chain: SendingChain,
        journal: TransactionStore,
        clock: Clock,
        gas: GasSigner,
        *,
        domain: Domain,
        limits: FeeLimits,
    ) -> None:
        self._chain, self._journal, self._clock, self._gas = chain, journal, clock, gas
        self._domain, self._limits = domain, limits
        self._mined: dict[int, TransactionReceipt] = {}
        self._broadcast_at: dict[int, int] = {}
        self._refused_ms: int | None = None
        self._newest: SentTransaction | None = None
        self._newest_given_up = False
        self._legacy = False

    def transaction_receipt(
        self, job: Job, sent: Sequence[SentTransaction]
    ) -> TransactionReceipt | None:
        """What became of a job's transactions; None while none of them is mined."""
        for one in reversed(sent):
            receipt = self._chain.transaction_receipt(one.hash)
            if receipt is not None:
                if self._mined.get(job.number) != receipt:
                    self._mined[job.number] = receipt
                    log.info(
                        f"{job.name} mined",
                        number=abs(job.number),
                        transaction=_hex(one.hash),
                        block_number=receipt.block_number,
                        gas_used=receipt.gas_used,
                    )
                return receipt
        if job.number in self._mined:
            log.warning(f"{job.name} vanished with its block", number=abs(job.number))
            del self._mined[job.number]
        return None

    def send(self, job: Job, data: bytes, sent: Sequence[SentTransaction]) -> None:
        """Make, repeat or bump a job's transaction of that calldata.

        Raises CallRevertedError when the contract would refuse it.
        """
        now_ms = self._clock.now_ms()
        if _within(self._refused_ms, now_ms, self._limits.bump_after_ms):
            return
        gas = self._chain.simulate(self._gas.address, data)
        nonce = self._chain.nonce(self._gas.address)
        if self._another_is_on_its_way(job, nonce, now_ms):
            return
        newest = sent[-1] if sent else None
        recent = _within(self._broadcast_at.get(job.number), now_ms, REBROADCAST_MS)
        if (
            newest is not None
            and newest.nonce < nonce
            and (recent or self.transaction_receipt(job, sent) is not None)
        ):
            return
        late = newest is not None and now_ms - newest.sent_ms > self._limits.bump_after_ms
        refused_type = newest is not None and self._legacy and newest.raw[:1] == FEE_TYPE
        if newest is None or newest.nonce < nonce:
            # A nonce used up without a receipt of ours belongs to another use of the account.
            made = self._make(
                job.number, (data, gas, nonce), self._fees(self._rival(nonce)), now_ms
            )
        elif late and newest.nonce > nonce:
            # What had the nonces before ours vanished with its block and is needed no more.
            made = self._make(
                job.number, (data, gas, nonce), self._fees(self._rival(nonce)), now_ms
            )
        elif refused_type or (late and self._can_bump(newest)):
            made = self._make(job.number, (data, gas, newest.nonce), self._fees(newest), now_ms)
        elif recent:
            return
        else:
            made = newest
        self._broadcast(job, made, now_ms)

    def forget(self, job: Job) -> None:
        """A job is finished or given up: the next one may have the nonce of its transaction."""
        self._mined.pop(job.number, None)
        self._broadcast_at.pop(job.number, None)
        if self._newest is not None and self._newest.batch == job.number:
            self._newest_given_up = True

    def _another_is_on_its_way(self, job: Job, nonce: int, now_ms: int) -> bool:
        """Whether another job's transaction is to be mined first. One that is not repeated any more
        is not needed any more, and may be lost: it does not hold up the others for good."""
        other = self._newest
        if other is None or other.batch == job.number or other.nonce < nonce:
            return False
        repeated_ms = self._broadcast_at.get(other.batch, other.sent_ms)
        lately = _within(repeated_ms, now_ms, self._limits.bump_after_ms + 1)
        return lately and not self._newest_given_up

    def _rival(self, nonce: int) -> SentTransaction | None:
        """The newest transaction if it has that nonce: nodes that still have it take another one
        only for a higher fee."""
        newest = self._newest
        return newest if newest is not None and newest.nonce == nonce else None

    def _fees(self, before: SentTransaction | None) -> Fees:
        """More than those of `before`. A chain without a base fee, or whose nodes have refused the
        type that names one, gets transactions that name a single price."""
        base_wei, priority = self._chain.head().base_fee_wei, self._chain.priority_fee_wei()
        legacy = self._legacy or base_wei == 0
        highest = priority + (base_wei * 5 // 4 if legacy else 2 * base_wei)
        if before is not None:
            priority = max(priority, _raised(before.priority_fee_wei))
            highest = max(highest, _raised(before.max_fee_wei))
        highest = min(highest, self._limits.highest_fee_wei)
        return Fees(highest, highest if legacy else min(priority, highest), legacy)

    def _can_bump(self, sent: SentTransaction) -> bool:
        return _raised(sent.max_fee_wei) <= self._limits.highest_fee_wei

    def _make(
        self, number: int, call: tuple[bytes, int, int], fees: Fees, now_ms: int
    ) -> SentTransaction:
        """Sign and store a transaction of `call` (calldata, gas, nonce) at `fees`; only then may it
        be broadcast."""
        data, gas, nonce = call
        fields: dict[str, Any] = {
            "chainId": self._domain.chain_id,
            "to": to_checksum_address(self._domain.contract),
            "value": 0,
            "data": data,
            "gas": gas * (100 + GAS_MARGIN_PERCENT) // 100,
            "nonce": nonce,
        }
        if fees.legacy:
            fields["gasPrice"] = fees.highest_wei
        else:
            fields |= {
                "type": 2,
                "maxFeePerGas": fees.highest_wei,
                "maxPriorityFeePerGas": fees.priority_wei,
            }
        signed = self._gas.sign_transaction(fields)
        sent = SentTransaction(
            hash=bytes(signed.hash),
            batch=number,
            nonce=nonce,
            raw=bytes(signed.raw_transaction),
            max_fee_wei=fees.highest_wei,
            priority_fee_wei=fees.priority_wei,
            sent_ms=now_ms,
        )
        self._journal.add_transaction(sent)
        return sent

    def _broadcast(self, job: Job, sent: SentTransaction, now_ms: int) -> None:
        self._broadcast_at[sent.batch] = now_ms
        try:
            self._chain.broadcast(sent.raw)
        except TransactionRefusedError as error:
            if sent.raw[:1] == FEE_TYPE and wants_legacy(error.reason):
                # The next step makes one that names a single price.
                self._legacy = True
                self._broadcast_at.pop(sent.batch, None)
            else:
                self._refused_ms = now_ms
            log.warning("transaction refused", number=abs(sent.batch), reason=str(error))
            return
        self._refused_ms, self._newest, self._newest_given_up = None, sent, False
        log.info(
            f"{job.name} sent",
            number=abs(sent.batch),
            transaction=_hex(sent.hash),
            nonce=sent.nonce,
            max_fee_wei=sent.max_fee_wei,
        )


def _within(then_ms: int | None, now_ms: int, pause_ms: int) -> bool:
    """Whether less than the pause has passed since then. What is dated in the future, because the
    clock was set back since, is nothing to wait for."""
    return then_ms is not None and 0 <= now_ms - then_ms < pause_ms


def _raised(fee_wei: int) -> int:
    return fee_wei * (100 + BUMP_PERCENT) // 100 + 1


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
