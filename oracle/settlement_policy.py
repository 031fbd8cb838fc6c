"""When a rental's usage goes to the chain: the settlement decision, a pure function of values.

A rental settles when it has ended, when what it used reaches the limit of what may be owed, when a
capped one has credit again, when its runway is short, when the longest interval has passed, and
otherwise when what is owed and unsettled is a worthwhile share of the balance. Only the last of
these waits for gas to be cheap beside it.

An hourly cap comes and goes with the clock and no money is lost at it: it makes no runway short,
and what it lets be owed later follows at the longest interval, or as a worthwhile share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from oracle.lease_policy import Credit
from oracle.views import RentalView
from protocol.records import Tariff
from protocol.tariff import runway_seconds

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
    CREDIT_AGAIN = 3
    RUNWAY = 4
    INTERVAL = 5
    SHARE = 6


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


def settlement_due(  # noqa: PLR0911  # one line a reason
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
    settled = rental.settled_owed(tariff)
    unsettled = unsettled_owed(rental, tariff, usage)
    was_at_limit = settled >= rental.limit(rental.until)
    if since_ms <= 0:
        return None
    if was_at_limit and usage.headroom > 0 and since_ms >= limits.least_interval_ms:
        # With headroom, not at the first unit: a cap of just the standing price would flicker.
        return Due.CREDIT_AGAIN
    if unsettled <= 0:
        return None
    if usage.charge >= usage.limit and not was_at_limit:
        return Due.USED_UP
    runway = runway_seconds(tariff, usage.headroom + rental.ceiling - usage.limit)
    pause_ms = max(limits.least_interval_ms, runway * 1000 // RUNWAY_PARTS)
    short = usage.charge < usage.limit and runway < limits.least_runway_seconds
    if short and since_ms >= pause_ms:
        return Due.RUNWAY
    if since_ms >= limits.longest_interval_ms:
        return Due.INTERVAL
    worthwhile = unsettled * 1000 >= limits.share_of_balance_per_mille * (rental.ceiling - settled)
    cost = gas_cost(gas_price_wei, limits)
    affordable = cost * 1000 <= limits.gas_share_per_mille * unsettled
    if worthwhile and affordable and since_ms >= limits.least_interval_ms:
        return Due.SHARE
    return None


def grace_over(rental: RentalView, head_timestamp: int, grace_seconds: int) -> bool:
    """Whether a block of that time (Unix s) settles an ended rental no more."""
    return rental.ended_ms is not None and head_timestamp >= rental.ended_at + grace_seconds


def unsettled_owed(rental: RentalView, tariff: Tariff, usage: Credit) -> int:
    """What `usage` lets be owed over what the settled registers do."""
    return min(usage.charge, usage.limit) - rental.settled_owed(tariff)


FIRST_RETRY_MS = 30_000
LONGEST_RETRY_MS = 3_600_000
"""A reading that the contract rejected is tried again after 30 s, then after twice as long each
time, up to an hour: what made it wrong needs a person, and each try costs gas."""


def retry_pause_ms(count: int) -> int:
    """How long to wait after the `count`-th rejection of a rental's readings."""
    return int(min(FIRST_RETRY_MS * 2 ** min(max(count, 1) - 1, 10), LONGEST_RETRY_MS))
