import { expect, test } from 'vitest'
import { share } from '../src/chain/fleet'

test('test_share__spans_across_the_window__counts_what_lies_in_it', () => {
  const offered = [
    { from: 0n, to: 200n },
    { from: 150n, to: 200n },
  ]
  const rented = [
    { from: 50n, to: 125n },
    { from: 190n, to: 200n },
  ]
  expect(share(offered, rented, 100n)).toBe(23n) // 35 of 150
})

test('test_share__nothing_on_offer__is_nothing', () => {
  expect(share([], [], 0n)).toBe(0n)
  expect(share([{ from: 0n, to: 50n }], [{ from: 0n, to: 50n }], 50n)).toBe(0n)
})
