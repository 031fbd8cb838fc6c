/**
 * What the page makes of what it is sent: nothing is shown as usage unless the oracle's key, as the
 * contract names it, has signed it for this deployment and this rental. The charge, the balance and
 * the runway are worked out here, from the signed registers and the tariff on chain; what the
 * message claims about them is not used.
 */

import type { Oracle, RentalFacts } from '../chain/reads'
import type { LeaseMessage, ReadingMessage } from '../protocol/messages'
import { type Point, pointAddress, pointSigned } from '../protocol/p256'
import { type Domain, type Hex, noLowerThan, type Registers } from '../protocol/records'
import { batchDigest, leaseDigest, signerOf } from '../protocol/signed'
import { balance, charge, limit, runwaySeconds } from '../protocol/tariff'

export type Verdict =
  | 'verified'
  | 'not-signed'
  | 'other-deployment'
  | 'other-rental'
  | 'other-oracle'
  | 'falling'
  | 'key-withdrawn'
  | 'key-unread'

export interface Figures {
  readonly until: bigint
  readonly registers: Registers
  readonly charge: bigint
  readonly limit: bigint
  readonly balance: bigint
  readonly runway_seconds: bigint
}

/**
 * The verdict on a reading; `before` is the last one that was verified for this rental, `point`
 * that of the oracle's key if it is one of P-256.
 */
export async function judge(
  domain: Domain,
  facts: RentalFacts,
  message: ReadingMessage,
  before: ReadingMessage | undefined,
  point?: Point,
): Promise<Verdict> {
  const { rental, oracle } = facts
  if (message.chain_id !== domain.chain_id) return 'other-deployment'
  if (message.contract.toLowerCase() !== domain.contract.toLowerCase()) return 'other-deployment'
  if (message.reading.rental !== rental.number) return 'other-rental'
  if (message.oracle !== rental.oracle) return 'other-oracle'
  if (oracle.revoked || oracle.suspended) return 'key-withdrawn'
  if (oracle.is_p256 && !isOf(point, oracle)) return 'key-unread'
  if (!(await signedBy(oracle, point, batchDigest(domain, [message.reading]), message.signature))) return 'not-signed'
  if (!noLowerThan(message.reading, facts.registers) && message.reading.until >= rental.until) return 'falling'
  if (before !== undefined && message.reading.until >= before.reading.until) {
    if (!noLowerThan(message.reading, before.reading)) return 'falling'
  }
  return 'verified'
}

function isOf(point: Point | undefined, oracle: Oracle): point is Point {
  return point !== undefined && pointAddress(point) === oracle.key.toLowerCase()
}

async function signedBy(oracle: Oracle, point: Point | undefined, digest: Hex, signature: Hex): Promise<boolean> {
  if (oracle.is_p256) return isOf(point, oracle) && pointSigned(point, digest, signature)
  return (await signerOf(digest, signature))?.toLowerCase() === oracle.key.toLowerCase()
}

/** Whether the oracle's key, of `point` if it is one of P-256, has signed this lease for this rental. */
export async function leaseHolds(
  domain: Domain,
  facts: RentalFacts,
  message: LeaseMessage,
  point?: Point,
): Promise<boolean> {
  if (message.lease.rental !== facts.rental.number) return false
  return signedBy(facts.oracle, point, leaseDigest(domain, message.lease), message.signature)
}

/** What registers at `until` come to under the rental's own terms. */
export function figures(facts: RentalFacts, registers: Registers, until: bigint): Figures {
  const { rental, terms, caps } = facts
  const elapsed = elapsedMs(facts, until)
  const charged = charge(terms, registers, elapsed)
  const most = limit(rental.funded, caps, elapsed)
  const owing = charged < most ? charged : most
  return {
    until,
    registers,
    charge: charged,
    limit: most,
    balance: balance(rental.funded, owing),
    runway_seconds: runwaySeconds(terms, most - charged),
  }
}

/** What the chain has settled so far. */
export function settledFigures(facts: RentalFacts): Figures {
  const opened = facts.rental.opened_at * 1000n
  const until = facts.rental.until > opened ? facts.rental.until : opened
  return figures(facts, facts.registers, until)
}

function elapsedMs(facts: RentalFacts, until: bigint): bigint {
  const elapsed = until - facts.rental.opened_at * 1000n
  return elapsed > 0n ? elapsed : 0n
}

/** Turns a minute between two verified readings, rounded down; undefined without a time between. */
export function rpmBetween(before: ReadingMessage, after: ReadingMessage): bigint | undefined {
  const ms = after.reading.until - before.reading.until
  if (ms <= 0n) return undefined
  const turns = (r: Registers) => r.revolutions_1 + r.revolutions_2 + r.revolutions_3
  return ((turns(after.reading) - turns(before.reading)) * 60_000n) / ms
}

/** The level whose active time grew between two readings; 0 when none did. */
export function levelBetween(before: ReadingMessage, after: ReadingMessage): number {
  const grown = [
    after.reading.active_ms_1 - before.reading.active_ms_1,
    after.reading.active_ms_2 - before.reading.active_ms_2,
    after.reading.active_ms_3 - before.reading.active_ms_3,
  ]
  const most = grown.reduce((a, b) => (a > b ? a : b), 0n)
  return most > 0n ? grown.indexOf(most) + 1 : 0
}
