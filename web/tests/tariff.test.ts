import { expect, test } from 'vitest'
import { ENDLESS_RUNWAY_SECONDS } from '../src/generated/protocol'
import type { LevelRate, Registers, Tariff } from '../src/protocol/records'
import { balance, charge, highestCharge, limit, owed, runwaySeconds } from '../src/protocol/tariff'
import { type Texts, vectors, whole } from './vectors'

interface Charge {
  levels: Texts[]
  standing_price_per_second: string
  registers: Texts
  elapsed_ms: string
  charge: string
  balances: { funded: string; balance: string }[]
}

function tariffOf(levels: readonly Texts[], standing: string): Tariff {
  const [low, medium, high] = levels.map((level) => whole<LevelRate>(level))
  if (low === undefined || medium === undefined || high === undefined) throw new Error('a tariff has three levels')
  return {
    levels: [low, medium, high],
    standing_price_per_second: BigInt(standing),
    least_reserve: 0n,
  }
}

test('test_charge__shared_vectors__agree', () => {
  const { cases } = vectors<{ cases: Charge[] }>('charges.json')
  expect(cases.length).toBeGreaterThan(10)
  for (const one of cases) {
    const tariff = tariffOf(one.levels, one.standing_price_per_second)
    const charged = charge(tariff, whole<Registers>(one.registers), BigInt(one.elapsed_ms))
    expect(charged).toBe(BigInt(one.charge))
    for (const { funded, balance: left } of one.balances) {
      expect(balance(BigInt(funded), charged)).toBe(BigInt(left))
    }
  }
})

test('test_owed__shared_vectors__agree', () => {
  const { cases } = vectors<{ cases: Texts[] }>('caps.json')
  expect(cases.length).toBeGreaterThan(100)
  for (const one of cases) {
    const c = whole<Record<string, bigint>>(one) as Record<
      'funded' | 'per_rental' | 'per_hour' | 'elapsed_ms' | 'charge' | 'limit' | 'owed' | 'balance',
      bigint
    >
    expect(limit(c.funded, c, c.elapsed_ms)).toBe(c.limit)
    expect(owed(c.charge, c.funded, c, c.elapsed_ms)).toBe(c.owed)
    expect(balance(c.funded, c.owed)).toBe(c.balance)
  }
})

const STEADY: Tariff = {
  levels: [
    { price_per_second: 2n, price_per_1000_revolutions: 5n, max_rpm: 3000n },
    { price_per_second: 4n, price_per_1000_revolutions: 7n, max_rpm: 1200n },
    { price_per_second: 8n, price_per_1000_revolutions: 9n, max_rpm: 700n },
  ],
  standing_price_per_second: 1n,
  least_reserve: 10n,
}

test('test_highest_charge__level_with_most_turns__counts_them_and_rounds_up', () => {
  // Level 1: 2/s and 5 * 3000 / 60,000 = 0.25/s; level 3: 8 + 0.105; with standing 9.105/s.
  expect(highestCharge(STEADY, 1_000_000n)).toBe(9105n)
  expect(highestCharge(STEADY, 1000n)).toBe(10n)
})

test('test_runway__headroom_used_up__is_zero', () => {
  expect(runwaySeconds(STEADY, -5n)).toBe(0n)
  expect(runwaySeconds(STEADY, 9105n)).toBe(1000n)
})

test('test_runway__tariff_without_prices__is_endless', () => {
  const nothing = { price_per_second: 0n, price_per_1000_revolutions: 0n, max_rpm: 1000n }
  const free: Tariff = { ...STEADY, levels: [nothing, nothing, nothing], standing_price_per_second: 0n }
  expect(runwaySeconds(free, 1n)).toBe(ENDLESS_RUNWAY_SECONDS)
})
