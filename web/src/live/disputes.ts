/** Whether a receipt that was kept proves that what was settled was made up. */

import type { Address, PublicClient } from 'viem'
import { readPoint } from '../chain/points'
import type { RentalFacts } from '../chain/reads'
import { drillMeterAbi as abi } from '../generated/abi'
import { within } from '../protocol/dispute'
import { MessageError, parseReading, type ReadingMessage } from '../protocol/messages'
import { packMeter } from '../protocol/meterWord'
import { type Point, pointAddress, pointSigned } from '../protocol/p256'
import type { Hex } from '../protocol/records'
import { batchDigest, signerOf } from '../protocol/signed'
import { charge, owed } from '../protocol/tariff'
import { memory } from '../site/memory'
import type { Site } from '../site/site'
import { keysOf } from './keys'
import type { Receipt } from './receipts'

export interface Evidence {
  readonly receipt: ReadingMessage
  /** What the settled registers cost over what the receipt allows, less what came back already. */
  readonly due: bigint
  /** The arguments of `dispute`. */
  readonly args: readonly unknown[]
}

export interface Disputed {
  /** What disputes have given back so far. */
  readonly refunded: bigint
  /** What the provider's bond can still give. */
  readonly bond: bigint
  readonly evidence: Evidence | undefined
}

/** What was charged over what this receipt allows; 0 when they agree. */
export function overcharged(facts: RentalFacts, receipt: ReadingMessage): bigint {
  const { rental, terms, caps, registers } = facts
  const since = rental.until - rental.opened_at * 1000n
  const elapsed = since > 0n ? since : 0n
  const cost = (of: typeof registers) => owed(charge(terms, of, elapsed), rental.funded, caps, elapsed)
  const { reading } = receipt
  const allowed = within({ until: rental.until, registers }, { until: reading.until, registers: reading }, terms)
  return cost(registers) - cost(allowed)
}

/** The receipt that brings most, if the contract itself would take it; it is asked by simulation. */
export async function readDisputed(
  client: PublicClient,
  site: Site,
  facts: RentalFacts,
  receipts: readonly Receipt[],
): Promise<Disputed> {
  const at = { address: site.contract, abi } as const
  const [refunded, bond] = await Promise.all([
    client.readContract({ ...at, functionName: 'refunded', args: [facts.rental.number] }),
    client.readContract({ ...at, functionName: 'bond' }),
  ])
  const claims = receipts
    .flatMap((one) => readingIn(one))
    .filter((one) => one.reading.rental === facts.rental.number)
    .map((receipt) => ({ receipt, due: overcharged(facts, receipt) - refunded }))
    .filter((one) => one.due > 0n)
    .sort((a, b) => (a.due < b.due ? 1 : -1))
  const first = async (signed: (receipt: ReadingMessage) => Promise<Signed | undefined>) => {
    for (const { receipt, due } of claims) {
      const by = await signed(receipt)
      const args = by && [packed(receipt), by.key, `0x${receipt.signature.slice(2, 66)}`, word(by.vs)]
      if (args !== undefined && (await holds(client, site, facts, args))) return { receipt, due, args }
    }
    return undefined
  }
  const evidence = await first((receipt) => recovered(site, receipt))
  if (evidence !== undefined || claims.length === 0 || !mayBeP256(facts)) {
    return { refunded, bond: bond.posted, evidence }
  }
  const points = await Promise.all(keysFor(site, facts).map((key) => readPoint(client, site, key)))
  return { refunded, bond: bond.posted, evidence: await first((receipt) => ofPoint(site, receipt, points)) }
}

/** Something that was tampered with in this browser's store is not a receipt, and spoils no other. */
function readingIn(receipt: Receipt): ReadingMessage[] {
  try {
    return [parseReading(receipt)]
  } catch (error) {
    if (error instanceof MessageError) return []
    throw error
  }
}

/** The key that signed, and the last argument of `dispute`. */
interface Signed {
  readonly key: Address
  readonly vs: bigint
}

/** Only an oracle that has such a key, or had another one before, can have signed with P-256. */
function mayBeP256({ oracle }: RentalFacts): boolean {
  return oracle.is_p256 || oracle.epoch > 1n
}

/** The oracle's P-256 keys that this browser knows, former ones too: it keeps no receipt of another. */
function keysFor(site: Site, { oracle, rental }: RentalFacts): readonly Address[] {
  const seen = keysOf(memory, site, rental.oracle)
  return oracle.is_p256 && !seen.includes(oracle.key) ? [...seen, oracle.key] : seen
}

function digestOf(site: Site, { reading }: ReadingMessage): Hex {
  return batchDigest({ chain_id: BigInt(site.chain_id), contract: site.contract }, [reading])
}

const sOf = (signature: Hex) => BigInt(`0x${signature.slice(66, 130)}`)
const word = (value: bigint) => `0x${value.toString(16).padStart(64, '0')}`

async function recovered(site: Site, receipt: ReadingMessage): Promise<Signed | undefined> {
  const { signature } = receipt
  const key = await signerOf(digestOf(site, receipt), signature)
  // EIP-2098: the parity of v in the highest bit of s.
  const parity = signature.endsWith('1c') ? 1n << 255n : 0n
  return key && { key, vs: sOf(signature) | parity }
}

async function ofPoint(site: Site, receipt: ReadingMessage, points: readonly Point[]): Promise<Signed | undefined> {
  const { signature } = receipt
  for (const point of points) {
    const signed = await pointSigned(point, digestOf(site, receipt), signature)
    if (signed) return { key: pointAddress(point), vs: sOf(signature) }
  }
  return undefined
}

function packed({ reading }: ReadingMessage) {
  const { rental, log_size, log_root } = reading
  return { rental, meter: packMeter(reading), log_size, log_root }
}

async function holds(client: PublicClient, site: Site, facts: RentalFacts, args: readonly unknown[]): Promise<boolean> {
  const call = { address: site.contract, abi, functionName: 'dispute', args, account: facts.rental.customer }
  try {
    await client.simulateContract(call as never)
    return true
  } catch (error) {
    // The contract refuses it: too late, or the key was no longer in force.
    if (error instanceof Error && error.name === 'ContractFunctionExecutionError') return false
    throw error
  }
}
