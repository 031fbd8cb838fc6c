"""How long the gas key lasts, and the word about it before it is empty.

With an empty gas key nothing settles and nothing closes, on every drill of the box. Drills go on as
long as their rentals have credit, so the warning must come while somebody can still send money.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from chain.ports import Chain
from chain.transact import GAS_MARGIN_PERCENT
from chain.views import BlockSummary, ChainView, GasLeft, GasState
from host.clock import Clock
from oracle.journal.chain_journal import ChainJournal
from protocol.records import RentalState

LOOK_MS = 60_000
"""How often the account is read: a settlement takes longer to be due again."""

DAY_MS = 86_400_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GasLimits:
    """Gas of one settlement, and the hours below which the key is called low."""

    gas: int
    warning_hours: int


def gas_left(
    money_wei: int, gas_price_wei: int, head: BlockSummary, *, per_day: int, limits: GasLimits
) -> GasLeft:
    """What so much money lasts for at this price of gas (wei) and so many settlements a day.

    A node takes a transaction only if the account could pay its whole gas limit at its highest fee,
    so the last settlement needs more than it will cost.
    """
    advance = limits.gas * (gas_price_wei + head.base_fee_wei) * (100 + GAS_MARGIN_PERCENT) // 100
    cost = max(limits.gas * gas_price_wei, 1)
    settlements = 0 if money_wei < advance else 1 + (money_wei - advance) // cost
    hours = settlements * 24 // max(per_day, 1)
    state = GasState.ENOUGH
    if settlements == 0:
        state = GasState.EMPTY
    elif hours < limits.warning_hours:
        state = GasState.LOW
    return GasLeft(state, money_wei, settlements, hours)


def settlements_a_day(sent_in_a_day: int, view: ChainView) -> int:
    """What to reckon with: the last day again, or one for each rental that is not closed."""
    to_come = sum(one.state is not RentalState.CLOSED for one in view.latest.values())
    return max(sent_in_a_day, to_come, 1)


class GasWatch:
    """Looks at the gas account once a minute; `step` makes one call at most."""

    def __init__(
        self, chain: Chain, journal: ChainJournal, clock: Clock, address: str, limits: GasLimits
    ) -> None:
        self._chain, self._journal, self._clock = chain, journal, clock
        self._address, self._limits = address, limits
        self._looked_ms: int | None = None
        self.left: GasLeft | None = None

    def step(self, view: ChainView) -> None:
        """Look if it is time, and say when the state is another; raises ChainError."""
        now_ms = self._clock.now_ms()
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < LOOK_MS:
            return
        if view.gas_price_wei is None:
            return
        money_wei = self._chain.gas_money_wei(self._address)
        self._looked_ms = now_ms
        sent = self._journal.sent_since(now_ms - DAY_MS)
        found = gas_left(
            money_wei,
            view.gas_price_wei,
            view.head,
            per_day=settlements_a_day(sent, view),
            limits=self._limits,
        )
        before, self.left = self.left, found
        if found.state is not (GasState.ENOUGH if before is None else before.state):
            self._say(found)

    def _say(self, left: GasLeft) -> None:
        say = {GasState.ENOUGH: log.info, GasState.LOW: log.warning, GasState.EMPTY: log.error}
        say[left.state](
            left.state.value,
            address=self._address,
            money_wei=left.money_wei,
            settlements=left.settlements,
            hours=left.hours,
        )
