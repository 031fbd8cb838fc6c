/**
 * The arithmetic of a bill, in the asset's smallest unit. Source: protocol/tariff.py.
 *
 *     charge  = floor((sum over levels (active_ms * price_per_second
 *                                       + revolutions * price_per_1000_revolutions)
 *                      + elapsed_ms * standing_price_per_second) / 1000)
 *     limit   = min(funded, per_rental, floor(per_hour * (elapsed_ms + 1 h) / 1 h))
 *     owed    = min(charge, limit)
 *     balance = funded - owed
 */

import { ENDLESS_RUNWAY_SECONDS, MS_PER_HOUR, MS_PER_MINUTE } from '../generated/protocol'
import { activeMs, type Caps, PLACES, type Registers, revolutions, type Tariff } from './records'

/** What the registers cost after `elapsed_ms` of rental, rounded down; not capped by funds. */
export function charge(tariff: Tariff, registers: Registers, elapsed_ms: bigint): bigint {
  const active = activeMs(registers)
  const turns = revolutions(registers)
  let thousandths = elapsed_ms * tariff.standing_price_per_second
  for (const level of PLACES) {
    thousandths += active[level] * tariff.levels[level].price_per_second
    thousandths += turns[level] * tariff.levels[level].price_per_1000_revolutions
  }
  return thousandths / 1000n
}

/** The most that may be owed after `elapsed_ms` of rental, rounded down; it never falls. */
export function limit(funded: bigint, caps: Caps, elapsed_ms: bigint): bigint {
  const byNow = (caps.per_hour * (elapsed_ms + MS_PER_HOUR)) / MS_PER_HOUR
  return least(funded, caps.per_rental, byNow)
}

/** What a charge comes to within funds and caps. */
export function owed(charged: bigint, funded: bigint, caps: Caps, elapsed_ms: bigint): bigint {
  return least(charged, limit(funded, caps, elapsed_ms))
}

/** What is left of `funded` when so much is owed; never below zero. */
export function balance(funded: bigint, owing: bigint): bigint {
  return funded - least(owing, funded)
}

/** The most that any drilling of `duration_ms` can cost under the tariff, rounded up. */
export function highestCharge(tariff: Tariff, duration_ms: bigint): bigint {
  const highest = tariff.levels
    .map((r) => r.price_per_second * MS_PER_MINUTE + r.price_per_1000_revolutions * r.max_rpm)
    .reduce((a, b) => (a > b ? a : b), 0n)
  const numerator = duration_ms * (highest + tariff.standing_price_per_second * MS_PER_MINUTE)
  const denominator = 1000n * MS_PER_MINUTE
  return (numerator + denominator - 1n) / denominator
}

/** Whole seconds for which `headroom` pays at the highest rate; 0 when it is used up. */
export function runwaySeconds(tariff: Tariff, headroom: bigint): bigint {
  const per1000Seconds = highestCharge(tariff, 1_000_000n)
  if (per1000Seconds === 0n) return ENDLESS_RUNWAY_SECONDS
  const left = headroom > 0n ? headroom : 0n
  return least((left * 1000n) / per1000Seconds, ENDLESS_RUNWAY_SECONDS)
}

function least(first: bigint, ...others: bigint[]): bigint {
  return others.reduce((a, b) => (a < b ? a : b), first)
}
