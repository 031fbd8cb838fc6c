# pragma version 0.4.3
# pragma nonreentrancy on
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title The meter word: when a reading was taken and its six registers
@notice A reading travels, is stored and is logged as one word, so that settling it costs one slot
        read and one slot written. Everything that looks inside the word is here: its layout, what
        an oracle signs about it, what it costs and whether it can have grown out of another one.
@dev Fields and widths, least significant first:

        until 43, active_ms_1 37, active_ms_2 37, active_ms_3 37,
        revolutions_1 34, revolutions_2 34, revolutions_3 34

     They fill the word, so every word is the meter of exactly one reading. `until` lasts until the
     year 2248; a register holds 4.3 years of active time or 1.7e10 revolutions (ten years at
     3,000 rpm) at one load level. An oracle whose register is full has to have the rental ended.
"""

from ..interfaces import IDrillMeter
from . import checks
from . import packing

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev The latest time that a meter word holds, Unix ms; also the mask of its field.
MAX_UNTIL: constant(uint256) = 2**43 - 1

# @dev The most active time at one load level, ms; also the mask of such a field.
MAX_ACTIVE_MS: constant(uint256) = 2**37 - 1

# @dev The most revolutions at one load level; also the mask of such a field.
MAX_REVOLUTIONS: constant(uint256) = 2**34 - 1

# @dev `max_rpm` is per minute, active time in ms.
MS_PER_MINUTE: constant(uint256) = 60_000

# @dev EIP-712 type hash of what an oracle signs about one rental.
READING_TYPEHASH: constant(bytes32) = keccak256(
    "UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,uint256 log_size,bytes32 log_root)"
)

# @dev EIP-712 type hash of what an oracle signs: readings of any of its rentals.
BATCH_TYPEHASH: constant(bytes32) = keccak256(
    "UsageBatch(UsageReading[] readings)UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,uint256 log_size,bytes32 log_root)"
)

# ---------------------------------------------------------------------------------------------
# Internals: layout
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _until(meter: uint256) -> uint256:
    """
    @dev The time of a reading.
    @param meter A meter word.
    @return Unix ms.
    """
    return meter & MAX_UNTIL


@internal
@pure
def _opening(opened_at: uint256) -> uint256:
    """
    @dev The meter word of a rental at its opening: that time, and registers that are all zero.
         Reverts when the time does not fit, from the year 2248 on.
    @param opened_at Unix s.
    @return The meter word.
    """
    until: uint256 = opened_at * 1000
    assert until <= MAX_UNTIL
    return until


@internal
@pure
def _registers(meter: uint256) -> IDrillMeter.Registers:
    """
    @dev The six registers of a meter word.
    @param meter A meter word.
    @return Active time in ms and revolutions, since the rental opened, by load level.
    """
    return IDrillMeter.Registers(
        active_ms_1=(meter >> 43) & MAX_ACTIVE_MS,
        active_ms_2=(meter >> 80) & MAX_ACTIVE_MS,
        active_ms_3=(meter >> 117) & MAX_ACTIVE_MS,
        revolutions_1=(meter >> 154) & MAX_REVOLUTIONS,
        revolutions_2=(meter >> 188) & MAX_REVOLUTIONS,
        revolutions_3=meter >> 222,
    )


@internal
@pure
def _pack(until: uint256, r: IDrillMeter.Registers) -> uint256:
    """
    @dev Makes a meter word. Reverts when a field does not fit.
    @param until The reading's time, Unix ms.
    @param r Its registers.
    @return The meter word.
    """
    checks._require(
        until <= MAX_UNTIL
        and (r.active_ms_1 | r.active_ms_2 | r.active_ms_3) <= MAX_ACTIVE_MS
        and (r.revolutions_1 | r.revolutions_2 | r.revolutions_3) <= MAX_REVOLUTIONS,
        "meter: out of range",
    )
    return (
        until
        | (r.active_ms_1 << 43)
        | (r.active_ms_2 << 80)
        | (r.active_ms_3 << 117)
        | (r.revolutions_1 << 154)
        | (r.revolutions_2 << 188)
        | (r.revolutions_3 << 222)
    )

# ---------------------------------------------------------------------------------------------
# Internals: what an oracle signs
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _hash_reading(r: IDrillMeter.PackedReading) -> bytes32:
    """
    @dev The EIP-712 struct hash of a UsageReading, field by field as the oracle signs it.
    @param r The reading.
    @return Its struct hash.
    """
    return keccak256(
        abi_encode(
            READING_TYPEHASH,
            r.rental,
            r.meter & MAX_UNTIL,
            (r.meter >> 43) & MAX_ACTIVE_MS,
            (r.meter >> 80) & MAX_ACTIVE_MS,
            (r.meter >> 117) & MAX_ACTIVE_MS,
            (r.meter >> 154) & MAX_REVOLUTIONS,
            (r.meter >> 188) & MAX_REVOLUTIONS,
            r.meter >> 222,
            r.log_size,
            r.log_root,
        )
    )


@internal
@pure
def _digest(domain: bytes32, hashes_hash: bytes32) -> bytes32:
    """
    @dev The EIP-712 digest of a UsageBatch: what an oracle's key signs.
    @param domain The contract's domain separator.
    @param hashes_hash The hash of the readings' struct hashes, one after the other.
    @return The digest.
    """
    return keccak256(concat(x"1901", domain, keccak256(abi_encode(BATCH_TYPEHASH, hashes_hash))))

# ---------------------------------------------------------------------------------------------
# Internals: what it costs, and whether it can be
# ---------------------------------------------------------------------------------------------

@internal
@pure
def _charge(meter: uint256, opened_at: uint256, t: packing.Rates) -> uint256:
    """
    @dev The bill: thousandths summed, then rounded down once. Not capped by funds. With 43 bits of
         time, 37 and 34 of register and 64 of price, no product exceeds 2**107 and no sum 2**110,
         so nothing overflows.
    @param meter The meter word, not older than the opening.
    @param opened_at When the rental opened, Unix s.
    @param t The rates of its tariff.
    @return The charge in the asset's smallest unit.
    """
    sum: uint256 = unsafe_mul(
        unsafe_sub(meter & MAX_UNTIL, unsafe_mul(opened_at, 1000)), t.standing_price_per_second
    )
    sum = unsafe_add(sum, unsafe_mul((meter >> 43) & MAX_ACTIVE_MS, t.price_per_second_1))
    sum = unsafe_add(sum, unsafe_mul((meter >> 80) & MAX_ACTIVE_MS, t.price_per_second_2))
    sum = unsafe_add(sum, unsafe_mul((meter >> 117) & MAX_ACTIVE_MS, t.price_per_second_3))
    sum = unsafe_add(
        sum, unsafe_mul((meter >> 154) & MAX_REVOLUTIONS, t.price_per_1000_revolutions_1)
    )
    sum = unsafe_add(
        sum, unsafe_mul((meter >> 188) & MAX_REVOLUTIONS, t.price_per_1000_revolutions_2)
    )
    sum = unsafe_add(sum, unsafe_mul(meter >> 222, t.price_per_1000_revolutions_3))
    return unsafe_div(sum, 1000)


@internal
@pure
def _within(settled: uint256, receipt: uint256, t: packing.Rates) -> uint256:
    """
    @dev The settled meter with each register cut to what the receipt allows: what it shows and,
         where it is older, what wall clock and highest rpm could have added since. Revolutions are
         floored, so two registers may differ by the true growth rounded up.
    @param settled The meter word that was settled.
    @param receipt The meter word of the receipt.
    @param t The rates of the rental's tariff.
    @return A meter word of the settled time.
    """
    elapsed: uint256 = 0
    if settled & MAX_UNTIL > receipt & MAX_UNTIL:
        elapsed = (settled & MAX_UNTIL) - (receipt & MAX_UNTIL)
    within: uint256 = settled & MAX_UNTIL
    max_rpms: uint256[3] = [t.max_rpm_1, t.max_rpm_2, t.max_rpm_3]
    for level: uint256 in range(3):
        at: uint256 = 43 + 37 * level
        active: uint256 = ((receipt >> at) & MAX_ACTIVE_MS) + elapsed
        within |= min((settled >> at) & MAX_ACTIVE_MS, active) << at
        at = 154 + 34 * level
        turned: uint256 = (receipt >> at) & MAX_REVOLUTIONS
        turned += (elapsed * max_rpms[level] + MS_PER_MINUTE - 1) // MS_PER_MINUTE
        within |= min((settled >> at) & MAX_REVOLUTIONS, turned) << at
    return within


@internal
@pure
def _plausible(now: uint256, last: uint256, t: packing.Rates) -> bool:
    """
    @dev Whether a later meter can have grown out of the last one: no register has fallen, active
         time grew by no more than the wall clock, and revolutions by no more than the highest rpm
         allows. The difference of a register that has fallen wraps to a number wider than any
         register. Revolutions are floored, so the difference of two registers may exceed the true
         one by less than a revolution; that the totals obey the same limit keeps many small
         readings from adding up what they gain by it.
    @param now The meter word of the reading, which is later than the last.
    @param last The meter word that was settled last.
    @param t The rates of the rental's tariff.
    @return Whether it can.
    """
    active_1: uint256 = (now >> 43) & MAX_ACTIVE_MS
    active_2: uint256 = (now >> 80) & MAX_ACTIVE_MS
    active_3: uint256 = (now >> 117) & MAX_ACTIVE_MS
    turned_1: uint256 = (now >> 154) & MAX_REVOLUTIONS
    turned_2: uint256 = (now >> 188) & MAX_REVOLUTIONS
    turned_3: uint256 = now >> 222
    if (
        unsafe_mul(turned_1, MS_PER_MINUTE) > unsafe_mul(active_1, t.max_rpm_1)
        or unsafe_mul(turned_2, MS_PER_MINUTE) > unsafe_mul(active_2, t.max_rpm_2)
        or unsafe_mul(turned_3, MS_PER_MINUTE) > unsafe_mul(active_3, t.max_rpm_3)
    ):
        return False
    active_1 = unsafe_sub(active_1, (last >> 43) & MAX_ACTIVE_MS)
    active_2 = unsafe_sub(active_2, (last >> 80) & MAX_ACTIVE_MS)
    active_3 = unsafe_sub(active_3, (last >> 117) & MAX_ACTIVE_MS)
    turned_1 = unsafe_sub(turned_1, (last >> 154) & MAX_REVOLUTIONS)
    turned_2 = unsafe_sub(turned_2, (last >> 188) & MAX_REVOLUTIONS)
    turned_3 = unsafe_sub(turned_3, last >> 222)
    if (active_1 | active_2 | active_3 | turned_1 | turned_2 | turned_3) > MAX_ACTIVE_MS:
        return False
    return (
        unsafe_add(unsafe_add(active_1, active_2), active_3)
        <= unsafe_sub(now & MAX_UNTIL, last & MAX_UNTIL)
        and unsafe_mul(turned_1, MS_PER_MINUTE)
        < unsafe_add(unsafe_mul(active_1, t.max_rpm_1), MS_PER_MINUTE)
        and unsafe_mul(turned_2, MS_PER_MINUTE)
        < unsafe_add(unsafe_mul(active_2, t.max_rpm_2), MS_PER_MINUTE)
        and unsafe_mul(turned_3, MS_PER_MINUTE)
        < unsafe_add(unsafe_mul(active_3, t.max_rpm_3), MS_PER_MINUTE)
    )
