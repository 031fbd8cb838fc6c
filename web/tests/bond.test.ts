import { expect, test } from 'vitest'
import { RELEASE_WINDOW_SECONDS, securityOf } from '../src/chain/bond'

const DUE = 1_700_000_000n

test('test_securityOf__nothing_announced__all_of_it_stands', () => {
  const bond = { posted: 50n, releasing: 0n, releasable_at: 0n }
  expect(securityOf(bond, DUE)).toEqual({ standing: 50n, leaving: 0n, leaves_at: 0n })
})

test.each([
  ['long before it is due', DUE - 1_000_000n],
  ['in the second it is due', DUE],
  ['in the last second of its week', DUE + RELEASE_WINDOW_SECONDS - 1n],
])('test_securityOf__announced__does_not_count %s', (_when, now) => {
  const bond = { posted: 50n, releasing: 20n, releasable_at: DUE }
  expect(securityOf(bond, now)).toEqual({ standing: 30n, leaving: 20n, leaves_at: DUE })
})

test('test_securityOf__week_is_over__counts_again', () => {
  const bond = { posted: 50n, releasing: 20n, releasable_at: DUE }
  expect(securityOf(bond, DUE + RELEASE_WINDOW_SECONDS).standing).toBe(50n)
})
