/** The points of P-256 keys: no view of the contract has them, the event of their enrolment does. */

import { getAbiItem, type Address, type PublicClient } from 'viem'
import { drillMeterAbi as abi } from '../generated/abi'
import { pointAddress, type Point } from '../protocol/p256'
import type { Site } from '../site/site'
import { inParts } from './reads'

type Reader = Pick<PublicClient, 'getLogs' | 'getBlockNumber'>

/**
 * The points of those of `keys` that are enrolled. A point proves itself: the key's address follows
 * from it, so whatever an endpoint makes up is left out.
 */
async function enrolled(client: Reader, site: Site, keys: readonly Address[], head: bigint): Promise<Point[]> {
  const logs = await inParts(BigInt(site.block_number), head, (fromBlock, toBlock) =>
    client.getLogs({
      address: site.contract,
      event: getAbiItem({ abi, name: 'KeyEnrolled' }),
      args: { key: [...keys] },
      fromBlock,
      toBlock,
      strict: true,
    }),
  )
  const named = new Set(keys.map((key) => key.toLowerCase()))
  return logs.map(({ args: { x, y } }) => ({ x, y })).filter((point) => named.has(pointAddress(point)))
}

/** The point of one key; throws when the chain's events do not have it. */
export async function readPoint(client: Reader, site: Site, key: Address): Promise<Point> {
  const [point] = await enrolled(client, site, [key], await client.getBlockNumber())
  if (point === undefined) throw new Error(`no P-256 key ${key} is enrolled`)
  return point
}

/** The points of all P-256 keys that this oracle has or had. */
export async function readPointsOf(client: Reader, site: Site, oracle: bigint): Promise<Point[]> {
  const head = await client.getBlockNumber()
  const keysIn = (logs: readonly { readonly args: { readonly key: Address } }[]) => logs.map(({ args }) => args.key)
  const at = { address: site.contract, args: { oracle }, strict: true } as const
  const first = BigInt(site.block_number)
  const [registered, rotated] = await Promise.all([
    inParts(first, head, (fromBlock, toBlock) =>
      client.getLogs({ ...at, event: getAbiItem({ abi, name: 'OracleRegistered' }), fromBlock, toBlock }),
    ),
    inParts(first, head, (fromBlock, toBlock) =>
      client.getLogs({ ...at, event: getAbiItem({ abi, name: 'OracleRotated' }), fromBlock, toBlock }),
    ),
  ])
  const keys = [...keysIn(registered), ...keysIn(rotated)]
  return keys.length === 0 ? [] : enrolled(client, site, keys, head)
}
