import { expect, test } from 'vitest'
import { pointAddress, pointSigned } from '../src/protocol/p256'
import type { Hex } from '../src/protocol/records'
import { vectors } from './vectors'

interface Vectors {
  keys: { x: string; y: string; address: string }[]
  signatures: { why: string; digest: Hex; signature: Hex; good: boolean }[]
}

const { keys, signatures } = vectors<Vectors>('p256.json')
const points = keys.map(({ x, y }) => ({ x: BigInt(x), y: BigInt(y) }))
const [point = { x: 0n, y: 0n }, other = point] = points
const [good] = signatures

test('test_point_address__shared_vectors__is_what_the_contract_calls_it', () => {
  expect(points.map(pointAddress)).toEqual(keys.map(({ address }) => address.toLowerCase()))
})

test.each(signatures)('test_point_signed__$why__is_$good', async ({ digest, signature, good }) => {
  expect(await pointSigned(point, digest, signature)).toBe(good)
})

test('test_point_signed__vectors__are_of_both_kinds', () => {
  expect(signatures.filter(({ good }) => good)).toHaveLength(4)
  expect(signatures.length).toBeGreaterThan(15)
})

test.each([
  ['another point', other],
  ['a point off the curve', { ...point, y: point.y + 1n }],
  ['the zero point', { x: 0n, y: 0n }],
])('test_point_signed__%s__is_false', async (_, wrong) => {
  expect(await pointSigned(wrong, good?.digest ?? '0x', good?.signature ?? '0x')).toBe(false)
})

test.each([
  ['a byte short', (signature: Hex) => signature.slice(0, -2)],
  ['a byte long', (signature: Hex) => `${signature}00`],
  ['no hexadecimal', (signature: Hex) => signature.replace(/^0x../, '0xzz')],
])('test_point_signed__%s__is_false', async (_, spoil) => {
  expect(await pointSigned(point, good?.digest ?? '0x', spoil(good?.signature ?? '0x') as Hex)).toBe(false)
})

test('test_point_signed__v_of_any_value__means_nothing', async () => {
  expect(await pointSigned(point, good?.digest ?? '0x', `${good?.signature.slice(0, -2)}ff` as Hex)).toBe(true)
})
