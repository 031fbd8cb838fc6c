import type { PublicClient } from 'viem'
import { expect, test } from 'vitest'
import { type Indexed, type Progress, pieces, searchRentals } from '../src/chain/search'
import type { Site } from '../src/site/site'

const me = `0x${'AA'.repeat(20)}` as const
const other = `0x${'bb'.repeat(20)}` as const
const site = { contract: `0x${'cc'.repeat(20)}` } as Site

/** A contract with that many rentals, every hundredth of which is mine. */
function contract(count: bigint, read: bigint[] = [], refuse = 0): PublicClient {
  let refused = 0
  return {
    readContract: async ({ functionName, args }: { functionName: string; args: readonly bigint[] }) => {
      if (functionName === 'rental_count') return count
      if (refused++ < refuse) throw new Error('rate limit')
      const number = args[0] as bigint
      read.push(number)
      return { customer: number % 100n === 0n ? me : other, drill: 1n, opened_at: number, ended_at: 0n }
    },
  } as unknown as PublicClient
}

async function all(search: AsyncGenerator<Progress>): Promise<Progress[]> {
  const seen: Progress[] = []
  for await (const one of search) seen.push(one)
  return seen
}

test('test_search__without_an_index__goes_through_all_and_says_how_far_it_is', async () => {
  const seen = await all(searchRentals(contract(420n), site, me, undefined))
  expect(seen.map((one) => one.looked)).toEqual([0n, 50n, 100n, 150n, 200n, 250n, 300n, 350n, 400n, 420n, 420n])
  expect(seen.at(-1)).toEqual({ found: [400n, 300n, 200n, 100n], looked: 420n, of: 420n, by_index: 0n, false: 0 })
})

test('test_search__with_an_index__reads_what_it_names_and_what_it_has_not_gone_through', async () => {
  const read: bigint[] = []
  const indexed: Indexed = { rentals: [300n, 200n, 100n], through: 390n }
  const last = (await all(searchRentals(contract(420n, read), site, me, indexed))).at(-1)
  expect(last).toEqual({ found: [400n, 300n, 200n, 100n], looked: 420n, of: 420n, by_index: 390n, false: 0 })
  expect(read.length).toBe(30 + 3)
})

test('test_search__index_that_names_others_rentals__shows_none_of_them', async () => {
  const indexed: Indexed = { rentals: [300n, 299n, 7n], through: 1_000_000n }
  const last = (await all(searchRentals(contract(420n), site, me, indexed))).at(-1)
  expect(last).toMatchObject({ found: [300n], false: 2, by_index: 420n })
})

test('test_search__refused_at_first__is_asked_again', async () => {
  const last = (await all(searchRentals(contract(100n, [], 1), site, me, undefined))).at(-1)
  expect(last?.found).toEqual([100n])
})

test('test_search__some_known_already__goes_through_the_newer_ones', async () => {
  const read: bigint[] = []
  const last = (await all(searchRentals(contract(420n, read), site, me, undefined, 350n))).at(-1)
  expect(last?.found).toEqual([400n])
  expect(read.length).toBe(70)
})

test('test_pieces__any_range__holds_each_number_once', () => {
  expect([...pieces(3n, 1n)]).toEqual([[3n, 2n, 1n]])
  expect([...pieces(0n, 1n)]).toEqual([])
  expect([...pieces(101n, 1n)].map((one) => one.length)).toEqual([50, 50, 1])
})
