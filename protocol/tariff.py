"""The arithmetic of a bill, in integers of the asset's smallest unit.

charge  = floor((sum over levels (active_ms * price_per_second
                                  + revolutions * price_per_1000_revolutions)
                 + elapsed_ms * standing_price_per_second) / 1000)
limit   = min(funded, per_rental, floor(per_hour * (elapsed_ms + 1 h) / 1 h))
owed    = min(charge, limit)
balance = funded - owed

Caps limit what is owed and never the registers, so that no order or loss of readings changes a
bill. Without caps the limit is what was funded.
"""

from protocol.records import Caps, Registers, Tariff, require_uint

MS_PER_MINUTE = 60_000
MS_PER_HOUR = 3_600_000

ENDLESS_RUNWAY_SECONDS = 100 * 365 * 86_400
"""A century: longer than any drill lasts, and small enough for every consumer's integers."""


def charge(tariff: Tariff, registers: Registers, elapsed_ms: int) -> int:
    """What the registers cost after `elapsed_ms` of rental, rounded down; not capped by funds."""
    require_uint("elapsed_ms", elapsed_ms)
    thousandths = elapsed_ms * tariff.standing_price_per_second
    for rate, active_ms, revolutions in zip(
        tariff.levels, registers.active_ms, registers.revolutions, strict=True
    ):
        thousandths += active_ms * rate.price_per_second
        thousandths += revolutions * rate.price_per_1000_revolutions
    return thousandths // 1000


def limit(funded: int, caps: Caps, elapsed_ms: int) -> int:
    """The most that may be owed after `elapsed_ms` of rental, rounded down; it never falls.

    The hourly cap allows one hour's worth from the start.
    """
    require_uint("elapsed_ms", elapsed_ms)
    by_now = caps.per_hour * (elapsed_ms + MS_PER_HOUR) // MS_PER_HOUR
    return min(funded, caps.per_rental, by_now)


def owed(charged: int, funded: int, caps: Caps, elapsed_ms: int) -> int:
    """What a charge comes to within funds and caps."""
    return min(charged, limit(funded, caps, elapsed_ms))


def balance(funded: int, owing: int) -> int:
    """What is left of `funded` when so much is owed; never below zero."""
    return funded - min(owing, funded)


def highest_charge(tariff: Tariff, duration_ms: int) -> int:
    """The most that any drilling of `duration_ms` can cost under the tariff, rounded up.

    It assumes the most expensive level at its highest rpm throughout, plus the standing price.
    """
    require_uint("duration_ms", duration_ms)
    highest = max(
        rate.price_per_second * MS_PER_MINUTE + rate.price_per_1000_revolutions * rate.max_rpm
        for rate in tariff.levels
    )
    numerator = duration_ms * (highest + tariff.standing_price_per_second * MS_PER_MINUTE)
    return -(-numerator // (1000 * MS_PER_MINUTE))


def runway_seconds(tariff: Tariff, headroom: int) -> int:
    """Whole seconds for which `headroom` pays at the highest rate; 0 when it is used up.

    At most ENDLESS_RUNWAY_SECONDS, which is also the runway of a tariff that charges nothing.
    """
    per_1000_seconds = highest_charge(tariff, 1_000_000)
    if per_1000_seconds == 0:
        return ENDLESS_RUNWAY_SECONDS
    return min(max(headroom, 0) * 1000 // per_1000_seconds, ENDLESS_RUNWAY_SECONDS)
