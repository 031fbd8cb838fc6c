/** What a customer who was overcharged is paid from: the provider's bond. */

import type { PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import type { Site } from '../site/site'

export interface Bond {
  readonly posted: bigint
  readonly releasing: bigint
  /** Unix s; 0 when nothing was announced. */
  readonly releasable_at: bigint
}

export interface Security {
  /** What disputes can count on: the bond, less what may be taken out on notice. */
  readonly standing: bigint
  /** What may be taken out on notice. */
  readonly leaving: bigint
  /** From when on, Unix s. */
  readonly leaves_at: bigint
}

/** An announced release that is not taken within this time after its notice lapses. */
export const RELEASE_WINDOW_SECONDS = 7n * 24n * 60n * 60n

/** What of a bond counts at `now` (Unix s). */
export function securityOf(bond: Bond, now: bigint): Security {
  const lapsed = now >= bond.releasable_at + RELEASE_WINDOW_SECONDS
  const leaving = lapsed ? 0n : bond.releasing
  return { standing: bond.posted - leaving, leaving, leaves_at: bond.releasable_at }
}

export async function readSecurity(client: PublicClient, site: Site): Promise<Security> {
  const [bond, head] = await Promise.all([
    client.readContract({ address: site.contract, abi, functionName: 'bond' }),
    client.getBlock(),
  ])
  return securityOf(bond, head.timestamp)
}
