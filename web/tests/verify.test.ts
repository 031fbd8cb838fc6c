import { p256 } from '@noble/curves/p256'
import { privateKeyToAccount } from 'viem/accounts'
import { beforeAll, expect, test } from 'vitest'
import type { RentalFacts } from '../src/chain/reads'
import { figures, judge, leaseHolds, levelBetween, rpmBetween } from '../src/live/verify'
import { parseReading, type ReadingMessage } from '../src/protocol/messages'
import { pointAddress } from '../src/protocol/p256'
import { type Domain, type Hex, type Lease, NO_REGISTERS } from '../src/protocol/records'
import { batchDigest, leaseDigest } from '../src/protocol/signed'

const oracle = privateKeyToAccount(`0x${'11'.repeat(32)}`)
const stranger = privateKeyToAccount(`0x${'22'.repeat(32)}`)
const domain: Domain = { chain_id: 31337n, contract: `0x${'5f'.repeat(20)}` }

const rate = (price: bigint) => ({ price_per_second: price, price_per_1000_revolutions: 0n, max_rpm: 1000n })

const facts: RentalFacts = {
  rental: {
    number: 4n,
    customer: stranger.address,
    drill: 1n,
    tariff: 1n,
    oracle: 1n,
    state: 1,
    opened_at: 1_790_000_000n,
    ended_at: 0n,
    until: 0n,
    funded: 1000n,
    collected: 0n,
  },
  terms: {
    levels: [rate(1n), rate(2n), rate(3n)],
    standing_price_per_second: 0n,
    least_reserve: 1n,
    retired: false,
  },
  oracle: { key: oracle.address, epoch: 1n, revoked: false, suspended: false, is_p256: false },
  caps: { per_rental: 10n ** 9n, per_hour: 10n ** 9n },
  registers: NO_REGISTERS,
  charge: 0n,
  balance: 1000n,
  head_time: 1_790_000_100n,
}

async function message(change: Record<string, unknown> = {}, signer = oracle): Promise<ReadingMessage> {
  const fields = {
    chain_id: 31337,
    contract: domain.contract,
    drill: 1,
    oracle: 1,
    rental: 4,
    until: 1_790_000_010_000,
    active_ms_1: 5000,
    active_ms_2: 0,
    active_ms_3: 0,
    revolutions_1: 50,
    revolutions_2: 0,
    revolutions_3: 0,
    log_size: 3,
    log_root: `0x${'ab'.repeat(32)}`,
    signature: `0x${'00'.repeat(65)}`,
    charge: '0',
    balance: '0',
    headroom: '0',
    runway_seconds: 0,
    settled_until: 0,
    settled_charge: '0',
    warning: 'none',
    ...change,
  }
  const signature = await signer.sign({ hash: batchDigest(domain, [parseReading(fields).reading]) })
  return parseReading({ ...fields, signature })
}

let good: ReadingMessage

beforeAll(async () => {
  good = await message()
})

test('test_judge__signed_by_the_oracle__is_verified', async () => {
  expect(await judge(domain, facts, good, undefined)).toBe('verified')
})

test('test_judge__signed_by_somebody_else__is_not_signed', async () => {
  expect(await judge(domain, facts, await message({}, stranger), undefined)).toBe('not-signed')
})

test('test_judge__a_register_changed_after_signing__is_not_signed', async () => {
  const forged = { ...good, reading: { ...good.reading, active_ms_1: 4999n } }
  expect(await judge(domain, facts, forged, undefined)).toBe('not-signed')
})

test.each([
  ['other-rental', { rental: 5 }],
  ['other-oracle', { oracle: 2 }],
  ['other-deployment', { chain_id: 1 }],
  ['other-deployment', { contract: `0x${'5e'.repeat(20)}` }],
])('test_judge__%s__is_said', async (verdict, change) => {
  expect(await judge(domain, facts, await message(change), undefined)).toBe(verdict)
})

test('test_judge__lower_than_before_or_than_settled__is_falling', async () => {
  const later = await message({ until: 1_790_000_011_000, active_ms_1: 4000 })
  expect(await judge(domain, facts, later, good)).toBe('falling')
  const settled = { ...facts, registers: { ...NO_REGISTERS, active_ms_1: 6000n } }
  expect(await judge(domain, settled, good, undefined)).toBe('falling')
})

test('test_judge__key_withdrawn__is_said', async () => {
  const suspended = { ...facts, oracle: { ...facts.oracle, suspended: true } }
  expect(await judge(domain, suspended, good, undefined)).toBe('key-withdrawn')
})

const secret = '33'.repeat(32)
const { x, y } = p256.ProjectivePoint.fromPrivateKey(secret).toAffine()
const point = { x, y }
const element = { ...facts, oracle: { ...facts.oracle, key: pointAddress(point), is_p256: true } }

async function byElement(change: Record<string, unknown> = {}): Promise<ReadingMessage> {
  const unsigned = await message(change)
  const digest = batchDigest(domain, [unsigned.reading])
  return { ...unsigned, signature: `0x${p256.sign(digest.slice(2), secret).toCompactHex()}1b` }
}

test('test_judge__signed_by_a_secure_element__is_verified', async () => {
  expect(await judge(domain, element, await byElement(), undefined, point)).toBe('verified')
})

test('test_judge__forged_or_of_the_other_curve__is_not_signed', async () => {
  const real = await byElement()
  const forged = { ...real, reading: { ...real.reading, active_ms_1: 4999n } }
  expect(await judge(domain, element, forged, undefined, point)).toBe('not-signed')
  expect(await judge(domain, element, good, undefined, point)).toBe('not-signed')
  expect(await judge(domain, facts, real, undefined, point)).toBe('not-signed')
})

test('test_judge__point_not_read_or_of_another_key__is_said', async () => {
  const real = await byElement()
  expect(await judge(domain, element, real, undefined)).toBe('key-unread')
  expect(await judge(domain, element, real, undefined, { x: y, y: x })).toBe('key-unread')
})

test('test_lease_holds__signed_by_either_curve__only_by_the_oracles_own', async () => {
  const lease: Lease = { drill: 1n, rental: 4n, issued_at: 5n, expires_at: 6n, block_number: 7n, nonce: 8n }
  const digest = leaseDigest(domain, lease)
  const signature: Hex = `0x${p256.sign(digest.slice(2), secret).toCompactHex()}1b`
  const signed = { kind: 'lease', drill: 1, lease, signature } as const
  expect(await leaseHolds(domain, element, signed, point)).toBe(true)
  expect(await leaseHolds(domain, element, signed)).toBe(false)
  expect(await leaseHolds(domain, facts, signed)).toBe(false)
})

test('test_figures__claims_of_the_message__are_not_used', () => {
  const shown = figures(facts, good.reading, good.reading.until)
  expect(shown.charge).toBe(5n) // 5 s at 1 a second, whatever the message says
  expect(shown.balance).toBe(995n)
  expect(shown.runway_seconds).toBe(331n)
})

test('test_rpm_between__turns_and_time__gives_speed_and_level', async () => {
  const later = await message({ until: 1_790_000_011_000, active_ms_2: 1000, revolutions_2: 10 })
  expect(rpmBetween(good, later)).toBe(600n)
  expect(levelBetween(good, later)).toBe(2)
  expect(rpmBetween(good, good)).toBeUndefined()
  expect(levelBetween(good, good)).toBe(0)
})
