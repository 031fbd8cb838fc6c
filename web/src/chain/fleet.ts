/** What the provider looks at: drills with their rentals, money, tariffs and oracles. */

import type { Address, PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { Site } from '../site/site'
import { type Offer, type Oracle, type RentalFacts, readOffer, readOffers, readRental, type TariffTerms } from './reads'
import { countRentals, pieces, readOpened } from './search'

export interface Fleet {
  readonly owner: Address
  readonly paused: boolean
  /** Of the newest block, Unix s. */
  readonly head_time: bigint
  readonly revenue: bigint
  readonly running: bigint
  readonly held: bigint
  readonly bond: { readonly posted: bigint; readonly releasing: bigint; readonly releasable_at: bigint }
  readonly drills: readonly { readonly offer: Offer; readonly rental: RentalFacts | undefined }[]
  readonly tariffs: readonly (TariffTerms & { readonly number: number })[]
  readonly oracles: readonly (Oracle & { readonly number: number })[]
}

const numbers = (count: bigint) => Array.from({ length: Number(count) }, (_, i) => i + 1)

export async function readFleet(client: PublicClient, site: Site): Promise<Fleet> {
  const at = { address: site.contract, abi } as const
  const [owner, paused, revenue, held, bond, drills, tariffs, oracles] = await Promise.all([
    client.readContract({ ...at, functionName: 'owner' }),
    client.readContract({ ...at, functionName: 'paused' }),
    client.readContract({ ...at, functionName: 'revenue' }),
    client.readContract({ ...at, functionName: 'held' }),
    client.readContract({ ...at, functionName: 'bond' }),
    client.readContract({ ...at, functionName: 'drill_count' }),
    client.readContract({ ...at, functionName: 'tariff_count' }),
    client.readContract({ ...at, functionName: 'oracle_count' }),
  ])
  const rows = await Promise.all(
    numbers(drills).map(async (number) => {
      const offer = await readOffer(client, site, number)
      const rented = offer.drill.rental
      return { offer, rental: rented > 0n ? await readRental(client, site, rented) : undefined }
    }),
  )
  const running = rows.reduce((sum, { rental }) => {
    if (rental === undefined) return sum
    return sum + rental.rental.funded - rental.balance - rental.rental.collected
  }, 0n)
  const [terms, boxes] = await Promise.all([
    Promise.all(
      numbers(tariffs).map(async (number) => ({
        ...(await client.readContract({ ...at, functionName: 'tariff', args: [BigInt(number)] })),
        number,
      })),
    ),
    Promise.all(
      numbers(oracles).map(async (number) => ({
        ...(await client.readContract({ ...at, functionName: 'oracle', args: [BigInt(number)] })),
        number,
      })),
    ),
  ])
  const head = await client.getBlock()
  return {
    owner,
    paused,
    head_time: head.timestamp,
    revenue,
    running,
    held,
    bond,
    drills: rows,
    tariffs: terms,
    oracles: boxes,
  }
}

const MONTH_SECONDS = 30n * 86_400n

interface Span {
  readonly from: bigint
  readonly to: bigint
}

/** The share of `offered` that `rented` covers after `since`, in percent, rounded down. */
export function share(offered: readonly Span[], rented: readonly Span[], since: bigint): bigint {
  const sum = (spans: readonly Span[]) =>
    spans.reduce((all, { from, to }) => {
      const start = from > since ? from : since
      return to > start ? all + (to - start) : all
    }, 0n)
  const whole = sum(offered)
  return whole === 0n ? 0n : (sum(rented) * 100n) / whole
}

/** With more rentals than this to go through, the figure is left unknown. */
const MOST_RENTALS = 5000n

/**
 * How much the drills now on offer were rented in the last 30 days, or since the contract began if
 * that is later, in percent; undefined where that takes too many questions. Rentals are gone through
 * from the newest on, until each drill has one that began before.
 */
export async function readRented(client: PublicClient, site: Site): Promise<bigint | null> {
  const [head, first, count, offers] = await Promise.all([
    client.getBlock(),
    client.getBlock({ blockNumber: BigInt(site.block_number) }),
    countRentals(client, site),
    readOffers(client, site),
  ])
  const month = head.timestamp - MONTH_SECONDS
  const since = month > first.timestamp ? month : first.timestamp
  const open = new Set(offers.map(({ drill }) => BigInt(drill.number)))
  const offered = [...open].map(() => ({ from: since, to: head.timestamp }))
  const rented: Span[] = []
  for (const numbers of pieces(count, 1n)) {
    if (open.size === 0) break
    if (count - (numbers[0] ?? count) > MOST_RENTALS) return null
    for (const { drill, opened_at, ended_at } of await readOpened(client, site, numbers)) {
      if (!open.has(drill)) continue
      rented.push({ from: opened_at, to: ended_at > 0n ? ended_at : head.timestamp })
      if (opened_at <= since) open.delete(drill)
    }
  }
  return share(offered, rented, since)
}
