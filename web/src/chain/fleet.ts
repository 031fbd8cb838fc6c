/** What the provider looks at: drills with their rentals, money, tariffs and oracles. */

import type { Address, PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { Site } from '../site/site'
import { readOffer, readRental, type Offer, type Oracle, type RentalFacts, type TariffTerms } from './reads'

export interface Fleet {
  readonly owner: Address
  readonly paused: boolean
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
  return { owner, paused, revenue, running, held, bond, drills: rows, tariffs: terms, oracles: boxes }
}
