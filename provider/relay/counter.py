"""Takes orders over the counter, and carries those taken to the chain one after the other."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

import structlog
from web3 import Web3

from chain.errors import CallRevertedError, ChainError
from chain.ports import GasSigner, SendingChain
from chain.transact import FeeLimits, Job, Transactor
from host.clock import Clock
from protocol.abi import drill_forwarder_abi
from protocol.orders import Authorization, SignedOrder, forwarder_domain
from protocol.records import Domain
from provider.relay.book import KeptOrder, NewOrder, OrderBook, OrderState
from provider.relay.limits import DAY_MS, HOUR_MS, RelayLimits, Used, objection, too_much_gas

LEAST_LEFT_SECONDS = 20
"""An order with less time left than this is hardly mined before its deadline."""

MOST_LEFT_SECONDS = 3_600
"""An order that cannot be mined holds the others up no longer than this."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """What a customer is told: an HTTP status, and the order or why it is not taken."""

    status: int
    order: int | None = None
    state: str = ""
    transaction: str | None = None
    error: str = ""

    def fields(self) -> dict[str, int | str | None]:
        """As JSON has them."""
        if self.order is None:
            return {"error": self.error}
        told: dict[str, int | str | None] = {"order": self.order, "state": self.state}
        told["transaction"] = self.transaction
        return told | ({"error": self.error} if self.error else {})


class NotTaken(Exception):  # noqa: N818  it is what happened to the order
    """An order is not taken; `status` is HTTP's."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class RelayCounter:
    """Orders in, transactions out. Its methods may be called from several threads."""

    def __init__(
        self,
        chain: SendingChain,
        book: OrderBook,
        clock: Clock,
        gas: GasSigner,
        *,
        deployment: Domain,
        limits: RelayLimits,
    ) -> None:
        self._chain, self._book, self._clock, self._gas = chain, book, clock, gas
        self._limits = limits
        domain = forwarder_domain(deployment)
        fees = FeeLimits(limits.bump_after_ms, limits.highest_fee_wei)
        self._transactor = Transactor(chain, book, clock, gas, domain=domain, limits=fees)
        self._forwarder = Web3().eth.contract(abi=drill_forwarder_abi())
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def take(self, signed: SignedOrder) -> RelayAnswer:
        """Take an order that is sound, would go through now, and is within the limits."""
        with self._lock:
            try:
                answer = self._take(signed)
            except NotTaken as error:
                answer = RelayAnswer(error.status, error=str(error))
            except ChainError as error:
                log.warning("order not looked at", reason=str(error))
                answer = RelayAnswer(503, error="the chain cannot be asked just now; try again")
            self.counts[f"answered {answer.status}"] += 1
            return answer

    def answer(self, number: int) -> RelayAnswer:
        """What has become of an order."""
        with self._lock:
            try:
                return self._told(self._kept(number), 200)
            except NotTaken as error:
                return RelayAnswer(error.status, error=str(error))

    def gas_left(self) -> int:
        """Of the day's gas."""
        with self._lock:
            since = self._clock.now_ms() - DAY_MS
            return max(self._limits.day_gas - self._book.gas_since(since), 0)

    def step(self) -> None:
        """Look after the orders taken: what became of the oldest, and its sending."""
        with self._lock:
            self._step()

    def _take(self, signed: SignedOrder) -> RelayAnswer:
        order = signed.order
        if isinstance(order, Authorization):
            raise NotTaken(422, "order: an authorisation is for the contract itself")
        data = self._calldata(signed)
        nonce: int = order.nonce  # type: ignore[attr-defined]  # of every kind that is left
        known = self._book.find(order.customer, nonce)
        if known is not None and known.state is not OrderState.FAILED:
            if known.data != data:
                raise NotTaken(409, "another order with this nonce was taken before")
            return self._told(known, 200)
        number = self._book.take(self._judged(signed, data, nonce))
        log.info("order taken", order=number, kind=order.NAME, customer=order.customer)
        try:
            self._step()
        except ChainError as error:
            log.warning("orders wait", reason=str(error))
        return self._told(self._kept(number), 202)

    def _judged(self, signed: SignedOrder, data: bytes, nonce: int) -> NewOrder:
        """What is to be kept of an order; raises NotTaken or ChainError."""
        customer = signed.order.customer
        deadline: int = signed.order.deadline  # type: ignore[attr-defined]  # of every kind that is left
        now_ms = self._clock.now_ms()
        hour = now_ms - HOUR_MS
        used = Used(
            self._book.taken_since(hour, customer),
            self._book.taken_since(hour),
            self._book.gas_since(now_ms - DAY_MS),
        )
        if (why := objection(self._limits, used)) is not None:
            raise NotTaken(429, why)
        left = deadline - self._chain.head().timestamp
        if not LEAST_LEFT_SECONDS <= left <= MOST_LEFT_SECONDS:
            bounds = f"{LEAST_LEFT_SECONDS} to {MOST_LEFT_SECONDS} s after the newest block"
            raise NotTaken(422, f"fields.deadline: {left} s are left; it has to be {bounds}")
        try:
            gas = self._chain.simulate(self._gas.address, data)
        except CallRevertedError as error:
            raise NotTaken(422, str(error)) from error
        if (why := too_much_gas(self._limits, used, gas)) is not None:
            raise NotTaken(429, why)
        return NewOrder(customer, nonce, data, deadline, gas, now_ms)

    def _kept(self, number: int) -> KeptOrder:
        kept = self._book.order(number)
        if kept is None:
            raise NotTaken(404, f"there is no order {number} here")
        return kept

    def _calldata(self, signed: SignedOrder) -> bytes:
        name, arguments = signed.call()
        whole = [
            Web3.to_checksum_address(one) if isinstance(one, str) else one for one in arguments
        ]
        return bytes.fromhex(self._forwarder.encode_abi(name, args=whole)[2:])

    def _told(self, kept: KeptOrder, status: int) -> RelayAnswer:
        sent = self._book.transactions(kept.number)
        newest = f"0x{sent[-1].hash.hex()}" if sent else None
        return RelayAnswer(status, kept.number, kept.state.value, newest, kept.note)

    def _step(self) -> None:
        first = True
        for kept in self._book.waiting():
            sent = self._book.transactions(kept.number)
            job = Job(kept.number, "order")
            receipt = self._transactor.transaction_receipt(job, sent)
            if receipt is not None:
                state = OrderState.DONE if receipt.succeeded else OrderState.FAILED
                self._finish(kept, state, "" if receipt.succeeded else "it was mined and reverted")
                continue
            if not first:
                continue
            try:
                self._transactor.send(job, kept.data, sent)
            except CallRevertedError as error:
                if not sent:
                    self._finish(kept, OrderState.FAILED, str(error))
                    continue
                # Ours may be in a block that was not looked at yet; after the deadline it is not.
                if self._chain.head().timestamp > kept.deadline:
                    self._finish(kept, OrderState.FAILED, str(error))
                    continue
            first = False

    def _finish(self, kept: KeptOrder, state: OrderState, note: str) -> None:
        self._book.finish(kept.number, state, note)
        self._transactor.forget(Job(kept.number, "order"))
        self.counts[f"order {state.value}"] += 1
        say = log.info if state is OrderState.DONE else log.warning
        say("order " + state.value, order=kept.number, customer=kept.customer, note=note)
