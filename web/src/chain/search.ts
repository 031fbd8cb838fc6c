/**
 * Whose rental is which: rentals are numbered from 1 on, so they are gone through by number, with
 * the contract's views and without its events. How many blocks the chain has, and how many of them an
 * endpoint lets one question span, does not matter then.
 */

import type { Address, PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import { API, type Site } from '../site/site'

type Reader = Pick<PublicClient, 'readContract'>

/** How many are asked for at once; they travel in one request. */
const PIECE = 50n
const TRIES = 4
const PAUSE_MS = 1000

export interface Opened {
  readonly number: bigint
  readonly customer: Address
  readonly drill: bigint
  readonly opened_at: bigint
  readonly ended_at: bigint
}

export function countRentals(client: Reader, site: Site): Promise<bigint> {
  return client.readContract({ address: site.contract, abi, functionName: 'rental_count' })
}

/** These rentals, read from the contract; a piece that is refused is asked for again, a few times. */
export async function readOpened(client: Reader, site: Site, numbers: readonly bigint[]): Promise<readonly Opened[]> {
  const read = async (number: bigint): Promise<Opened> => ({
    ...(await client.readContract({ address: site.contract, abi, functionName: 'rental', args: [number] })),
    number,
  })
  for (let tries = 1; ; tries += 1) {
    try {
      return await Promise.all(numbers.map(read))
    } catch (error) {
      if (tries === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tries))
    }
  }
}

/** The numbers from `newest` down to `oldest`, in pieces. */
export function* pieces(newest: bigint, oldest: bigint): Generator<readonly bigint[]> {
  for (let top = newest; top >= oldest; top -= PIECE) {
    const size = top - oldest + 1n < PIECE ? top - oldest + 1n : PIECE
    yield Array.from({ length: Number(size) }, (_, i) => top - BigInt(i))
  }
}

export interface Indexed {
  /** Newest first, among the rentals up to `through`. */
  readonly rentals: readonly bigint[]
  readonly through: bigint
}

/** What the endpoint's index has of a customer; undefined without one. None of it is believed yet. */
export async function askIndex(customer: Address): Promise<Indexed | undefined> {
  let found: unknown
  try {
    const answer = await fetch(`${API}/rentals?customer=${customer}`, { signal: AbortSignal.timeout(6000) })
    if (!answer.ok || !(answer.headers.get('content-type') ?? '').includes('json')) return undefined
    found = await answer.json()
  } catch {
    // Nobody there, or nothing of use: the search does without.
    return undefined
  }
  const { rentals, through } = (found ?? {}) as { readonly rentals?: unknown; readonly through?: unknown }
  const isNumber = (one: unknown): one is number => Number.isSafeInteger(one) && (one as number) >= 0
  if (!isNumber(through) || !Array.isArray(rentals) || !rentals.every(isNumber)) return undefined
  const within = rentals.filter((one) => one >= 1 && one <= through)
  return { rentals: [...new Set(within)].sort((a, b) => b - a).map(BigInt), through: BigInt(through) }
}

export interface Progress {
  /** The customer's, newest first. */
  readonly found: readonly bigint[]
  /** How many of `of` rentals have been gone through, by whomever. */
  readonly looked: bigint
  readonly of: bigint
  /** How many of those only the endpoint's index has gone through. */
  readonly by_index: bigint
  /** Numbers that the index gave and that are not the customer's by the contract. */
  readonly false: number
}

export const NOTHING_LOOKED: Progress = { found: [], looked: 0n, of: 0n, by_index: 0n, false: 0 }

/**
 * Searches for a customer's rentals with a number above `after` and tells how far it is. What the
 * index names is read from the contract before it counts; what the index has not gone through, and
 * all without one, is gone through here.
 */
export async function* searchRentals(
  client: Reader,
  site: Site,
  customer: Address,
  indexed: Indexed | undefined,
  after = 0n,
): AsyncGenerator<Progress> {
  const of = await countRentals(client, site)
  const through = indexed === undefined ? 0n : indexed.through < of ? indexed.through : of
  const known = through > after ? through : after
  let progress: Progress = { ...NOTHING_LOOKED, of, looked: after < of ? after : of }
  const take = (read: readonly Opened[]): readonly bigint[] =>
    read.filter((one) => one.customer.toLowerCase() === customer.toLowerCase()).map(({ number }) => number)
  yield progress
  for (const numbers of pieces(of, known + 1n)) {
    const found = [...progress.found, ...take(await readOpened(client, site, numbers))]
    progress = { ...progress, found, looked: progress.looked + BigInt(numbers.length) }
    yield progress
  }
  const named = (indexed?.rentals ?? []).filter((one) => one > after && one <= through)
  for (let at = 0; at < named.length; at += Number(PIECE)) {
    const numbers = named.slice(at, at + Number(PIECE))
    const mine = take(await readOpened(client, site, numbers))
    progress = {
      ...progress,
      found: [...progress.found, ...mine],
      false: progress.false + numbers.length - mine.length,
    }
    yield progress
  }
  yield { ...progress, looked: of, by_index: through }
}
