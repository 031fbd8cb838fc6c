"""How much the relay sends: for each customer, for all, and how much gas in a day."""

from __future__ import annotations

from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RelayLimits:
    """Orders in an hour, gas of one order and of a day, and the dearest unit of gas, in wei."""

    customer_orders: int = 12
    orders: int = 240
    order_gas: int = 600_000
    day_gas: int = 20_000_000
    highest_fee_wei: int = 200 * 10**9
    bump_after_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Used:
    """What was taken so far: orders in the last hour, gas in the last day."""

    customer_orders: int
    orders: int
    gas: int


def objection(limits: RelayLimits, used: Used) -> str | None:
    """Why no further order is taken now, before it is known what it would take."""
    if used.customer_orders >= limits.customer_orders:
        return f"{limits.customer_orders} orders an hour are sent for one customer; wait"
    if used.orders >= limits.orders:
        return "more orders than this relay sends in an hour; wait"
    if used.gas >= limits.day_gas:
        return "this relay's gas for a day is used up; come back tomorrow, or send it yourself"
    return None


def too_much_gas(limits: RelayLimits, used: Used, gas: int) -> str | None:
    """Why an order that takes this much gas is not taken."""
    if gas > limits.order_gas:
        return f"this would take {gas} gas, and {limits.order_gas} are the most for an order"
    if used.gas + gas > limits.day_gas:
        return "this relay's gas for a day is used up; come back tomorrow, or send it yourself"
    return None
