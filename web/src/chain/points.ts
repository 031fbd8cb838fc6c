/**
 * The points of P-256 keys: no view of the contract has them, its storage does. Nothing is searched
 * for, so it does not matter how long the chain is.
 */

import { type Address, concat, keccak256, numberToHex, type PublicClient, pad } from 'viem'
import { POINTS_SLOT } from '../generated/protocol'
import { type Point, pointAddress } from '../protocol/p256'
import type { Site } from '../site/site'

type Reader = Pick<PublicClient, 'getStorageAt'>

/**
 * The point of one key, which proves itself: the key's address follows from it. Throws when the
 * endpoint does not have it.
 */
export async function readPoint(client: Reader, site: Site, key: Address): Promise<Point> {
  // Source: `entry_slot` in protocol/storage.py.
  const first = BigInt(keccak256(concat([numberToHex(POINTS_SLOT, { size: 32 }), pad(key)])))
  const word = async (slot: bigint) => {
    const data = await client.getStorageAt({ address: site.contract, slot: numberToHex(slot, { size: 32 }) })
    if (data === undefined) throw new Error(`no answer for the P-256 key ${key}`)
    return BigInt(data)
  }
  const [x, y] = await Promise.all([word(first), word(first + 1n)])
  if (pointAddress({ x, y }) !== key.toLowerCase()) throw new Error(`no P-256 key ${key} is enrolled`)
  return { x, y }
}
