/**
 * The P-256 keys under which this browser has verified readings. A receipt does not say whose key
 * signed it, and an oracle's key may change: by these, receipts of former keys can be disputed.
 */

import { type Address, isAddress } from 'viem'
import type { Store } from '../site/memory'
import type { Site } from '../site/site'

const MOST = 50

function place(site: Site, oracle: bigint): string {
  return `smart-drill keys ${site.chain_id} ${site.contract.toLowerCase()} ${oracle}`
}

/** Those of one oracle, oldest first. */
export function keysOf(store: Store, site: Site, oracle: bigint): readonly Address[] {
  return (store.getItem(place(site, oracle)) ?? '').split(' ').filter((one) => isAddress(one))
}

/** Remembers one more. */
export function noteKey(store: Store, site: Site, oracle: bigint, key: Address): void {
  const known = keysOf(store, site, oracle)
  if (!known.includes(key)) store.setItem(place(site, oracle), [...known, key].slice(-MOST).join(' '))
}
