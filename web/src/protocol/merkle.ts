/**
 * The sample log, an append-only Merkle tree (RFC 6962 with SHA-256). Source: protocol/merkle.py.
 *
 *     leaf = SHA-256(0x00 || data)        node = SHA-256(0x01 || left || right)
 */

import { bytesToHex, concat, sha256 } from 'viem'
import type { Hex } from './records'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

const leafHash = (data: Uint8Array) => sha256(concat([LEAF, data]), 'bytes')
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(concat([NODE, left, right]), 'bytes')

/** How many ones `size` has in binary: so many full subtrees has a log of that size. */
function subtrees(size: bigint): number {
  return size.toString(2).replaceAll('0', '').length
}

/**
 * The root of a log of `size` leaves that ends with `leaves`, oldest first, after what the `peaks`
 * stand for, largest first. Undefined when the number of peaks does not fit the size.
 */
export function rootOf(size: bigint, peaks: readonly Uint8Array[], leaves: readonly Uint8Array[]): Hex | undefined {
  let at = size - BigInt(leaves.length)
  if (at < 0n || subtrees(at) !== peaks.length) return undefined
  const stack = [...peaks]
  for (const data of leaves) {
    let carry = leafHash(data)
    for (let below = at; (below & 1n) === 1n; below >>= 1n) carry = nodeHash(stack.pop() as Uint8Array, carry)
    stack.push(carry)
    at += 1n
  }
  let root = stack.pop() ?? sha256(new Uint8Array(), 'bytes')
  while (stack.length > 0) root = nodeHash(stack.pop() as Uint8Array, root)
  return bytesToHex(root)
}
