/**
 * P-256 keys, as secure elements hold them. The contract calls such a key by an address and keeps
 * its point. Source: contracts/modules/keys.vy.
 */

import { type Address, concat, keccak256, numberToHex } from 'viem'
import type { Hex } from './records'

export interface Point {
  readonly x: bigint
  readonly y: bigint
}

const word = (value: bigint): Hex => numberToHex(value, { size: 32 })

/** The address that the contract calls a point by, in lower case: the end of keccak256(x || y). */
export function pointAddress({ x, y }: Point): Address {
  return `0x${keccak256(concat([word(x), word(y)])).slice(-40)}`
}

/**
 * Whether the key of that point signed `digest` with these 65 bytes: r, s, and a v that means
 * nothing here. Either s of a pair will do, as for the chain's precompile (EIP-7951).
 */
export async function pointSigned(point: Point, digest: Hex, signature: Hex): Promise<boolean> {
  if (!/^0x[0-9a-f]{130}$/i.test(signature)) return false
  // Loaded when it is needed: most oracles' keys are of secp256k1.
  const { p256 } = await import('@noble/curves/p256')
  const key = concat(['0x04', word(point.x), word(point.y)]).slice(2)
  return p256.verify(signature.slice(2, 130), digest.slice(2), key, { prehash: false, lowS: false })
}
