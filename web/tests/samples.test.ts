import { type Hex, hexToBytes } from 'viem'
import { expect, test } from 'vitest'
import { append, belongs, proven } from '../src/live/samples'
import { rootOf } from '../src/protocol/merkle'
import { parseLog, parseReading } from '../src/protocol/messages'
import { decodeSample, type Sample } from '../src/protocol/sample'
import { type Texts, vectors } from './vectors'

const MERKLE = vectors<{ leaves: Hex[]; roots: Hex[] }>('merkle.json')
const SAMPLES = vectors<{ samples: { fields: Texts; bytes: Hex }[] }>('samples.json').samples

const leaves = MERKLE.leaves.map((leaf) => hexToBytes(leaf))
const root = (size: number) => MERKLE.roots[size] as Hex

test('test_root_of__shared_vectors__all_leaves_or_those_after_a_peak', () => {
  for (let size = 0; size <= leaves.length; size += 1) {
    expect(rootOf(BigInt(size), [], leaves.slice(0, size))).toBe(root(size))
  }
  for (let size = 4; size <= leaves.length; size += 1) {
    expect(rootOf(BigInt(size), [hexToBytes(root(4))], leaves.slice(4, size))).toBe(root(size))
  }
})

test('test_root_of__peaks_that_do_not_fit__is_nothing', () => {
  expect(rootOf(3n, [], leaves.slice(0, 2))).toBeUndefined()
  expect(rootOf(2n, [hexToBytes(root(1))], leaves.slice(0, 2))).toBeUndefined()
  expect(rootOf(1n, [], leaves.slice(0, 2))).toBeUndefined()
})

test.each(SAMPLES.map((one) => [one.fields['sequence'], one] as const))(
  'test_decode_sample__vector_%s__agrees',
  (_, one) => {
    const found = decodeSample(hexToBytes(one.bytes))
    for (const name of ['sequence', 'time_ms', 'drill', 'level', 'rpm', 'torque_mnm', 'rental'] as const) {
      expect(String(found[name])).toBe(one.fields[name])
    }
    expect(found.motor_on).toBe((Number(one.fields['flags']) & 1) === 1)
  },
)

const bytes = SAMPLES[1]?.bytes as Hex
const log = parseLog({ drill: 1, rental: 4, log_size: 1, peaks: '0x', samples: bytes })

function reading(log_root: Hex) {
  const registers = Object.fromEntries(
    [1, 2, 3].flatMap((n) => [
      [`active_ms_${n}`, 0],
      [`revolutions_${n}`, 0],
    ]),
  )
  return parseReading({
    chain_id: 1,
    contract: `0x${'5f'.repeat(20)}`,
    drill: 1,
    oracle: 1,
    rental: 4,
    until: 1,
    ...registers,
    log_size: 1,
    log_root,
    signature: `0x${'00'.repeat(65)}`,
    charge: '0',
    balance: '0',
    headroom: '0',
    runway_seconds: 0,
    settled_until: 0,
    settled_charge: '0',
    warning: 'none',
  })
}

test('test_proven__root_of_the_reading__samples_or_nothing', () => {
  const good = reading(rootOf(1n, [], [hexToBytes(bytes)]) as Hex)
  expect(belongs(log, good)).toBe(true)
  expect(proven(log, good)?.map((one) => one.torque_mnm)).toEqual([7104])
  const changed = { ...log, samples: bytes.replace('00001bc0', '00001bc1') as Hex }
  expect(changed.samples).not.toBe(bytes)
  expect(proven(changed, good)).toBeUndefined()
  expect(belongs({ ...log, rental: 5n }, good)).toBe(false)
  expect(belongs({ ...log, log_size: 2n }, good)).toBe(false)
})

test('test_append__overlap_and_older_than_a_minute__once_and_gone', () => {
  const at = (sequence: bigint, time_ms: bigint): Sample => ({ ...decodeSample(hexToBytes(bytes)), sequence, time_ms })
  const known = [at(1n, 1000n), at(2n, 2000n)]
  expect(append(known, [at(2n, 2000n), at(3n, 61_500n)]).map((one) => one.sequence)).toEqual([2n, 3n])
})
