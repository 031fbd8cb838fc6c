import { expect, test } from 'vitest'
import { TYPES } from '../src/generated/protocol'
import { packMeter, unpackMeter } from '../src/protocol/meterWord'
import type { Domain, Hex, Lease, Reading } from '../src/protocol/records'
import { batchDigest, leaseDigest, signerOf } from '../src/protocol/signed'
import { type Texts, vectors, whole } from './vectors'

interface Signed {
  domain: Texts
  digest: Hex
  signatures: { key: string; signature: Hex }[]
}

interface Vectors {
  keys: { name: string; address: string }[]
  batches: (Signed & { readings: Texts[] })[]
  leases: (Signed & { lease: Texts })[]
}

const { keys, batches, leases } = vectors<Vectors>('typed_data.json')
const addresses = Object.fromEntries(keys.map((key) => [key.name, key.address]))

async function requireSigners(signed: Signed, digest: Hex): Promise<void> {
  expect(digest).toBe(signed.digest)
  for (const { key, signature } of signed.signatures) {
    expect(await signerOf(digest, signature)).toBe(addresses[key])
  }
}

test('test_batch_digest__shared_vectors__agree', async () => {
  expect(batches.length).toBeGreaterThan(3)
  for (const batch of batches) {
    const readings = batch.readings.map((reading) => whole<Reading>(reading))
    await requireSigners(batch, batchDigest(whole<Domain>(batch.domain), readings))
  }
})

test('test_lease_digest__shared_vectors__agree', async () => {
  for (const one of leases) {
    await requireSigners(one, leaseDigest(whole<Domain>(one.domain), whole<Lease>(one.lease)))
  }
})

const first = batches[1]
const signature = first?.signatures[0]?.signature ?? '0x'

test('test_signer_of__another_digest__is_somebody_else', async () => {
  const digest = batches[0]?.digest ?? '0x'
  expect(await signerOf(digest, signature)).not.toBe(addresses['a'])
})

test.each([
  ['a byte short', signature.slice(0, -2)],
  ['v 29', `${signature.slice(0, -2)}1d`],
  ['v 0', `${signature.slice(0, -2)}00`],
  ['a high s', `${signature.slice(0, 66)}${'ff'.repeat(32)}1b`],
  ['an r off the curve', `0x${'ff'.repeat(32)}${signature.slice(66)}`],
  ['no hexadecimal', 'signature'],
])('test_signer_of__%s__is_nobody', async (_, bad) => {
  expect(await signerOf(first?.digest ?? '0x', bad as Hex)).toBeUndefined()
})

test('test_types__members__are_words', () => {
  const kinds = [...TYPES.UsageReading, ...TYPES.StartLease].map((member) => member.type)
  expect(new Set(kinds)).toEqual(new Set(['uint256', 'bytes32']))
})

test('test_meter_word__there_and_back__is_the_same', () => {
  const fields = {
    until: 2n ** 43n - 1n,
    active_ms_1: 1n,
    active_ms_2: 2n ** 37n - 1n,
    active_ms_3: 0n,
    revolutions_1: 2n ** 34n - 1n,
    revolutions_2: 5n,
    revolutions_3: 6n,
  }
  expect(unpackMeter(packMeter(fields))).toEqual(fields)
  expect(packMeter({ ...fields, until: 3n, active_ms_2: 0n, revolutions_1: 0n })).toBe(
    3n + (1n << 43n) + (5n << 188n) + (6n << 222n),
  )
})

test('test_pack_meter__field_too_wide__is_refused', () => {
  const zero = unpackMeter(0n)
  expect(() => packMeter({ ...zero, revolutions_3: 2n ** 34n })).toThrow('revolutions_3')
  expect(() => unpackMeter(2n ** 256n)).toThrow(RangeError)
})
