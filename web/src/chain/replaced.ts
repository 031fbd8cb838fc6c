/**
 * What became of a transaction whose number another one used up: wallets replace what waits, to pay
 * more for it or to cancel it, and the page knows the first hash only.
 */

import type { Address, Hash, Hex, PublicClient } from 'viem'
import { isUnanswered } from './faults'

export interface Effect {
  readonly to: Address
  readonly data: Hex
  /** In the coin's smallest unit, as decimal digits. */
  readonly value: string
}

export type Replacement =
  | { readonly kind: 'same'; readonly hash: Hash }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'replaced' }
  /** The endpoint cannot say which transaction it was. */
  | { readonly kind: 'replaced-unknown' }

type Reader = Pick<PublicClient, 'getTransactionCount' | 'getBlock' | 'getBlockNumber'>

interface Mined {
  readonly hash: Hash
  readonly to: Address | null
  readonly input: Hex
  readonly value: bigint
}

/**
 * The transaction of `sender` with this nonce, mined after block `since`: found by halving, from
 * how many it had sent by each block. Throws when the endpoint does not answer; undefined when it no
 * longer knows blocks so old.
 */
async function minedWith(client: Reader, sender: Address, nonce: number, since: bigint): Promise<Mined | undefined> {
  let [before, by] = [since, await client.getBlockNumber({ cacheTime: 0 })]
  try {
    while (by - before > 1n) {
      const middle = (before + by) / 2n
      const sent = await client.getTransactionCount({ address: sender, blockNumber: middle })
      if (sent > nonce) by = middle
      else before = middle
    }
    const block = await client.getBlock({ blockNumber: by, includeTransactions: true })
    return block.transactions.find((one) => one.from.toLowerCase() === sender.toLowerCase() && one.nonce === nonce)
  } catch (error) {
    if (isUnanswered(error)) throw error
    return undefined
  }
}

const isSame = (mined: Mined, effect: Effect) =>
  mined.to?.toLowerCase() === effect.to.toLowerCase() &&
  mined.input.toLowerCase() === effect.data.toLowerCase() &&
  mined.value === BigInt(effect.value)

/** As wallets cancel: nothing, sent to oneself. */
const isNothing = (mined: Mined, sender: Address) =>
  mined.to?.toLowerCase() === sender.toLowerCase() && mined.input === '0x' && mined.value === 0n

/** What was mined in place of a transaction with this nonce. */
export async function replacementOf(
  client: Reader,
  sender: Address,
  nonce: number,
  since: bigint,
  effect: Effect,
): Promise<Replacement> {
  const mined = await minedWith(client, sender, nonce, since)
  if (mined === undefined) return { kind: 'replaced-unknown' }
  if (isSame(mined, effect)) return { kind: 'same', hash: mined.hash }
  return { kind: isNothing(mined, sender) ? 'cancelled' : 'replaced' }
}

/** No more than these are searched: a wallet that sends so many is not a customer's. */
const MOST_NONCES = 8

/**
 * The same for a transaction that no endpoint has ever shown, so that its nonce is not known: among
 * the first that the sender has used since, the one that does the same; undefined when none does.
 */
export async function sameAmong(
  client: Reader,
  sender: Address,
  nonces: { readonly from: number; readonly to: number },
  since: bigint,
  effect: Effect,
): Promise<Hash | undefined> {
  for (let nonce = nonces.from; nonce < Math.min(nonces.to, nonces.from + MOST_NONCES); nonce += 1) {
    const mined = await minedWith(client, sender, nonce, since)
    if (mined !== undefined && isSame(mined, effect)) return mined.hash
  }
  return undefined
}
