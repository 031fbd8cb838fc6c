/** What the provider looks at: drills with their rentals, money, tariffs and oracles. */

import { getAbiItem, type Address, type PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { Site } from '../site/site'
import { inParts, readOffer, readRental, type Offer, type Oracle, type RentalFacts, type TariffTerms } from './reads'

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
  return { owner, paused, head_time: head.timestamp, revenue, running, held, bond, drills: rows, tariffs: terms, oracles: boxes }
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

const EVENTS = [
  getAbiItem({ abi, name: 'DrillListed' }),
  getAbiItem({ abi, name: 'DrillRetired' }),
  getAbiItem({ abi, name: 'RentalOpened' }),
  getAbiItem({ abi, name: 'RentalEnded' }),
] as const

/**
 * Of the time that drills were on offer in the last 30 days, how much they were rented, in percent:
 * from the chain's own events. A block's time is asked for once.
 */
export async function readRented(client: PublicClient, site: Site): Promise<bigint> {
  const head = await client.getBlock()
  const since = head.timestamp > MONTH_SECONDS ? head.timestamp - MONTH_SECONDS : 0n
  const logs = await inParts(BigInt(site.block_number), head.number, (fromBlock, toBlock) =>
    client.getLogs({ address: site.contract, events: EVENTS, fromBlock, toBlock, strict: true }),
  )
  const listed = logs.filter((log) => log.eventName === 'DrillListed')
  const retired = logs.filter((log) => log.eventName === 'DrillRetired')
  const opened = logs.filter((log) => log.eventName === 'RentalOpened')
  const ended = logs.filter((log) => log.eventName === 'RentalEnded')
  const times = new Map<bigint, bigint>()
  for (const { blockNumber } of [...listed, ...retired, ...opened]) {
    if (times.has(blockNumber)) continue
    times.set(blockNumber, (await client.getBlock({ blockNumber })).timestamp)
  }
  const at = (block: bigint) => times.get(block) ?? head.timestamp
  const gone = new Map(retired.map((log) => [log.args.drill, at(log.blockNumber)]))
  const over = new Map(ended.map((log) => [log.args.rental, log.args.ended_at]))
  return share(
    listed.map(({ args, blockNumber }) => ({ from: at(blockNumber), to: gone.get(args.drill) ?? head.timestamp })),
    opened.map(({ args, blockNumber }) => ({ from: at(blockNumber), to: over.get(args.rental) ?? head.timestamp })),
    since,
  )
}
