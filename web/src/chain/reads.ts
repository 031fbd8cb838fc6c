/** What the contract says, as values: views only, so that neither an indexer nor old logs are needed. */

import type { Address, PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { Caps, Registers, Tariff } from '../protocol/records'
import { type Site, ZERO_ADDRESS } from '../site/site'

export interface TariffTerms extends Tariff {
  readonly retired: boolean
}

export interface Oracle {
  readonly key: Address
  readonly epoch: bigint
  readonly revoked: boolean
  readonly suspended: boolean
  readonly is_p256: boolean
}

export interface Drill {
  readonly number: number
  readonly oracle: bigint
  readonly tariff: bigint
  readonly rental: bigint
  readonly retired: boolean
}

export interface Offer {
  readonly drill: Drill
  readonly terms: TariffTerms
  readonly oracle: Oracle
}

export interface Rental {
  readonly number: bigint
  readonly customer: Address
  readonly drill: bigint
  readonly tariff: bigint
  readonly oracle: bigint
  readonly state: number
  readonly opened_at: bigint
  readonly ended_at: bigint
  readonly until: bigint
  readonly funded: bigint
  readonly collected: bigint
}

export interface RentalFacts {
  readonly rental: Rental
  readonly terms: TariffTerms
  readonly oracle: Oracle
  readonly caps: Caps
  readonly registers: Registers
  readonly charge: bigint
  readonly balance: bigint
  /** Timestamp of the newest block, Unix s. */
  readonly head_time: bigint
}

export interface Funds {
  /** In the contract and not reserved. */
  readonly account: bigint
  /** In the wallet, of the payment asset. */
  readonly wallet: bigint
  /** In the wallet, of the coin that pays for gas. */
  readonly coins: bigint
}

type Reader = Pick<PublicClient, 'readContract' | 'getBalance' | 'getBlock'>

const at = (site: Site) => ({ address: site.contract, abi }) as const

export async function readOffer(client: Reader, site: Site, number: number): Promise<Offer> {
  const drill = await client.readContract({ ...at(site), functionName: 'drill', args: [BigInt(number)] })
  const [terms, oracle] = await Promise.all([
    client.readContract({ ...at(site), functionName: 'tariff', args: [drill.tariff] }),
    client.readContract({ ...at(site), functionName: 'oracle', args: [drill.oracle] }),
  ])
  return { drill: { ...drill, number }, terms, oracle }
}

/** The drills that the site names, and all of the contract's when it names none. */
export async function readOffers(client: Reader, site: Site): Promise<Offer[]> {
  const named = site.drills.map((drill) => drill.number)
  const count = await client.readContract({ ...at(site), functionName: 'drill_count' })
  const all = Array.from({ length: Number(count) }, (_, i) => i + 1)
  const numbers = named.length > 0 ? named.filter((n) => n <= Number(count)) : all
  const offers = await Promise.all(numbers.map((number) => readOffer(client, site, number)))
  return offers.filter((offer) => !offer.drill.retired)
}

export async function readRental(client: Reader, site: Site, number: bigint): Promise<RentalFacts> {
  const args = [number] as const
  const rental = await client.readContract({ ...at(site), functionName: 'rental', args })
  const [terms, oracle, caps, registers, charge, balance, head] = await Promise.all([
    client.readContract({ ...at(site), functionName: 'tariff', args: [rental.tariff] }),
    client.readContract({ ...at(site), functionName: 'oracle', args: [rental.oracle] }),
    client.readContract({ ...at(site), functionName: 'caps', args }),
    client.readContract({ ...at(site), functionName: 'registers', args }),
    client.readContract({ ...at(site), functionName: 'charge', args }),
    client.readContract({ ...at(site), functionName: 'balance_of', args }),
    client.getBlock(),
  ])
  const state = Number(rental.state)
  return {
    rental: { ...rental, state, number },
    terms,
    oracle,
    caps,
    registers,
    charge,
    balance,
    head_time: head.timestamp,
  }
}

export async function readFunds(client: Reader, site: Site, owner: Address): Promise<Funds> {
  const [account, coins] = await Promise.all([
    client.readContract({ ...at(site), functionName: 'account', args: [owner] }),
    client.getBalance({ address: owner }),
  ])
  if (site.asset === ZERO_ADDRESS) return { account, coins, wallet: coins }
  const wallet = await client.readContract({
    address: site.asset,
    abi: BALANCE_ABI,
    functionName: 'balanceOf',
    args: [owner],
  })
  return { account, coins, wallet }
}

const BALANCE_ABI = [
  {
    type: 'function',
    name: 'balanceOf',
    stateMutability: 'view',
    inputs: [{ name: 'owner', type: 'address' }],
    outputs: [{ name: '', type: 'uint256' }],
  },
] as const
