"""When a rental's usage goes to the chain: the settlement decision, a pure function of values.

Until it is settled, usage costs the provider nothing but the risk that this box and its journal are
lost: leases reckon with all usage, settled or not, so it never exceeds what the funds cover. A
settlement is an insurance, then, and is made for what has changed and for what that is worth:

- at once when the rental has ended, when what it used reaches the limit of what may be owed, and
  when a capped one has credit again;
- when what is owed and unsettled is a worthwhile share of the funds, and gas is cheap beside it, so
  that settling on the way never takes more of a rental than that, however soon its funds are used;
- when the longest interval has passed, and gas is cheap beside it, however small a part of the
  funds it is.

So a rental settles ten times with a share of a tenth, and by time only for what is worth it: all
that goes by share or time takes no more gas than the gas share of what it settles, however long a
rental lasts, and what is at risk meanwhile is the share of the funds or what gas is not cheap
beside, whichever is more. One that stands idle changes by its standing price alone: it never
settles more than once in the longest interval, and by time alone once in a day of those.

An hourly cap comes and goes with the clock and no money is lost at it: what it lets be owed later
follows at the longest interval, or as a worthwhile share. Reaching it and having credit again are
two settlements, between which a reserve's worth at least is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from chain.views import RentalView
from oracle.leasing.lease_policy import Credit
from protocol.records import Tariff
from protocol.tariff import charge

WEI_PER_ETHER = 10**18

IDLE_INTERVALS = 24
"""What a lost box costs of a standing price is little and certain: a day of it by default."""


class Due(IntEnum):
    """Why a rental settles now, the most urgent first."""

    ENDED = 1
    USED_UP = 2
    CREDIT_AGAIN = 3
    INTERVAL = 4
    SHARE = 5


@dataclass(frozen=True, slots=True)
class SettlementLimits:
    """The limits of the settlement decision; see SettlementSettings for their reasons."""

    share_of_balance_per_mille: int
    gas_share_per_mille: int
    least_interval_ms: int
    longest_interval_ms: int
    asset_units_per_ether: int
    gas: int


def gas_cost(gas_price_wei: int, limits: SettlementLimits) -> int:
    """What one settlement costs, in the asset's smallest unit, rounded up."""
    return -(-limits.gas * gas_price_wei * limits.asset_units_per_ether // WEI_PER_ETHER)


def settlement_due(  # noqa: PLR0911  # one line a reason
    rental: RentalView,
    tariff: Tariff,
    usage: Credit,
    until_ms: int,
    *,
    gas_price_wei: int | None,
    limits: SettlementLimits,
) -> Due | None:
    """Why the open `rental`, used up to `until_ms` as `usage` says, settles now, or None.

    `rental` is the newest state, so that what is mined but not deep yet is not sent again. While
    nobody can tell the price of gas (None), nothing is weighed against it and nothing goes for it.
    """
    since_ms = until_ms - max(rental.until, rental.opened_ms)
    unsettled = unsettled_owed(rental, tariff, usage)
    was_at_limit = rental.settled_owed(tariff) >= rental.limit(rental.until)
    if since_ms <= 0:
        return None
    if was_at_limit and usage.headroom > 0 and since_ms >= limits.least_interval_ms:
        # With headroom, not at the first unit: a cap of just the standing price would flicker.
        return Due.CREDIT_AGAIN
    if unsettled <= 0:
        return None
    if usage.charge >= usage.limit and not was_at_limit:
        return Due.USED_UP
    if gas_price_wei is None:
        return None
    idle = unsettled <= _standing(rental, tariff, until_ms)
    if since_ms < (limits.longest_interval_ms if idle else limits.least_interval_ms):
        return None
    cost = gas_cost(gas_price_wei, limits)
    if cost * 1000 > limits.gas_share_per_mille * unsettled:
        return None
    if unsettled * 1000 >= limits.share_of_balance_per_mille * rental.ceiling:
        return Due.SHARE
    longest_ms = limits.longest_interval_ms * (IDLE_INTERVALS if idle else 1)
    return Due.INTERVAL if since_ms >= longest_ms else None


def _standing(rental: RentalView, tariff: Tariff, until_ms: int) -> int:
    """What the time since the settled reading costs if nothing but time has passed."""
    charged = charge(tariff, rental.registers, rental.elapsed_ms(until_ms))
    return charged - rental.settled_charge(tariff)


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
