/** Whether a receipt that was kept proves that what was settled was made up. */

import type { PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { RentalFacts } from '../chain/reads'
import { packMeter } from '../protocol/meterWord'
import { MessageError, parseReading, type ReadingMessage } from '../protocol/messages'
import { batchDigest, signerOf } from '../protocol/signed'
import { within } from '../protocol/dispute'
import { charge, owed } from '../protocol/tariff'
import type { Site } from '../site/site'
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
  for (const { receipt, due } of claims) {
    const args = await disputeArgs(site, receipt)
    if (args !== undefined && (await holds(client, site, facts, args))) {
      return { refunded, bond: bond.posted, evidence: { receipt, due, args } }
    }
  }
  return { refunded, bond: bond.posted, evidence: undefined }
}

/** What somebody has changed in this browser's store is no receipt, and spoils no other. */
function readingIn(receipt: Receipt): ReadingMessage[] {
  try {
    return [parseReading(receipt)]
  } catch (error) {
    if (error instanceof MessageError) return []
    throw error
  }
}

async function disputeArgs(site: Site, { reading, signature }: ReadingMessage): Promise<readonly unknown[] | undefined> {
  const domain = { chain_id: BigInt(site.chain_id), contract: site.contract }
  const key = await signerOf(batchDigest(domain, [reading]), signature)
  if (key === undefined) return undefined
  const { rental, log_size, log_root } = reading
  // EIP-2098: the parity of v in the highest bit of s.
  const parity = signature.endsWith('1c') ? 1n << 255n : 0n
  const vs = BigInt(`0x${signature.slice(66, 130)}`) | parity
  const packed = { rental, meter: packMeter(reading), log_size, log_root }
  return [packed, key, `0x${signature.slice(2, 66)}`, `0x${vs.toString(16).padStart(64, '0')}`]
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
