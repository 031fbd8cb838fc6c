/**
 * Verified readings, kept in this browser as the customer's evidence: the newest of a rental, and
 * one for every five minutes before. A receipt that contradicts what was settled can be disputed.
 */

import type { ReadingMessage } from '../protocol/messages'
import type { Store } from '../site/memory'
import type { Site } from '../site/site'

const EVERY_MS = 300_000
const MOST = 300

export type Receipt = Readonly<Record<string, unknown>>

function place(site: Site, rental: bigint): string {
  return `smart-drill receipts ${site.chain_id} ${site.contract.toLowerCase()} ${rental}`
}

export function receiptsOf(store: Store, site: Site, rental: bigint): Receipt[] {
  const text = store.getItem(place(site, rental))
  if (text === null) return []
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? (found as Receipt[]) : []
  } catch {
    // Cut off by a full disk: what follows is kept again.
    return []
  }
}

/** Keeps a verified reading; older ones thin out to one for every five minutes. */
export function keep(store: Store, site: Site, message: ReadingMessage): void {
  const { rental, until } = message.reading
  const kept = receiptsOf(store, site, rental)
  const newest = kept.at(-1)
  const before = kept.at(-2)
  if (newest !== undefined && Number(newest['until']) >= Number(until)) return
  const newestIsInside =
    newest !== undefined && before !== undefined && Number(newest['until']) - Number(before['until']) < EVERY_MS
  const base = newestIsInside ? kept.slice(0, -1) : kept
  store.setItem(place(site, rental), JSON.stringify([...base, message.raw].slice(-MOST)))
}

/** What is saved to a file: the receipts, and where their signatures are valid. */
export function receiptFile(site: Site, receipts: readonly Receipt[]): string {
  const { chain_id, contract } = site
  return `${JSON.stringify({ format: 'smart-drill receipts 1', chain_id, contract, receipts }, null, 1)}\n`
}
