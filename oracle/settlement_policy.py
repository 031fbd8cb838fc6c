"""When a rental's usage goes to the chain: the settlement decision, a pure function of values.

A rental settles when it has ended, when what it used reaches what it funded, when its runway is
short, when the longest interval has passed, and otherwise when the unsettled charge is a worthwhile
share of the balance. Only the last of these waits for gas to be cheap beside the charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from oracle.lease_policy import Credit
from oracle.views import RentalView
from protocol.records import Tariff

WEI_PER_ETHER = 10**18

SETTLE_GAS = 55_000
"""Gas of a settlement of one reading, the design's upper aim; a batch costs less for each."""

RUNWAY_PARTS = 3
"""A short runway settles after a third of what is left, so ever more often towards the end: ten
settlements from five minutes down to nothing, and not one each interval."""


class Due(IntEnum):
    """Why a rental settles now, the most urgent first."""

    ENDED = 1
    USED_UP = 2
    RUNWAY = 3
    INTERVAL = 4
    SHARE = 5


@dataclass(frozen=True, slots=True)
class SettlementLimits:
    """The limits of the settlement decision; see SettlementSettings for their reasons."""

    share_of_balance_per_mille: int
    gas_share_per_mille: int
    least_runway_seconds: int
    least_interval_ms: int
    longest_interval_ms: int
    asset_units_per_ether: int


def gas_cost(gas_price_wei: int, limits: SettlementLimits) -> int:
    """What one settlement costs, in the asset's smallest unit, rounded up."""
    return -(-SETTLE_GAS * gas_price_wei * limits.asset_units_per_ether // WEI_PER_ETHER)


def settlement_due(
    rental: RentalView,
    tariff: Tariff,
    usage: Credit,
    until_ms: int,
    *,
    gas_price_wei: int,
    limits: SettlementLimits,
) -> Due | None:
    """Why the open `rental`, used up to `until_ms` as `usage` says, settles now, or None.

    `rental` is the newest state, so that what is mined but not deep yet is not sent again.
    """
    since_ms = until_ms - max(rental.until, rental.opened_ms)
    settled = rental.settled_charge(tariff)
    unsettled = usage.charge - settled
    if since_ms <= 0 or unsettled <= 0 or settled >= rental.funded:
        return None
    if usage.charge >= rental.funded:
        return Due.USED_UP
    pause_ms = max(limits.least_interval_ms, usage.runway_seconds * 1000 // RUNWAY_PARTS)
    if usage.runway_seconds < limits.least_runway_seconds and since_ms >= pause_ms:
        return Due.RUNWAY
    if since_ms >= limits.longest_interval_ms:
        return Due.INTERVAL
    worthwhile = unsettled * 1000 >= limits.share_of_balance_per_mille * (rental.funded - settled)
    cost = gas_cost(gas_price_wei, limits)
    affordable = cost * 1000 <= limits.gas_share_per_mille * unsettled
    if worthwhile and affordable and since_ms >= limits.least_interval_ms:
        return Due.SHARE
    return None


FIRST_RETRY_MS = 30_000
LONGEST_RETRY_MS = 3_600_000
"""A reading that the contract rejected is tried again after 30 s, then after twice as long each
time, up to an hour: what made it wrong needs a person, and each try costs gas."""


def retry_pause_ms(count: int) -> int:
    """How long to wait after the `count`-th rejection of a rental's readings."""
    return int(min(FIRST_RETRY_MS * 2 ** min(max(count, 1) - 1, 10), LONGEST_RETRY_MS))
