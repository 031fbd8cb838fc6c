/**
 * Where the contract is and what the page needs to know besides. It comes from the endpoint that
 * serves the page, or from site.json beside it on a static host, or from what this browser
 * remembers of the last visit, so that the page works on when our own servers are gone.
 */

import type { Hex } from '../protocol/records'
import type { Store } from './memory'

export interface DrillCard {
  readonly number: number
  readonly name: string
  readonly tool: string
  readonly levels: readonly [string, string, string] | null
}

export interface Site {
  readonly chain_id: number
  readonly chain_name: string
  readonly contract: Hex
  readonly asset: Hex
  readonly block_number: number
  readonly grace_period_seconds: number
  readonly rpc_url: string
  readonly coin: { readonly symbol: string; readonly decimals: number }
  readonly confirmations: number
  readonly reserve_seconds: number
  readonly drills: readonly DrillCard[]
}

export interface FoundSite {
  readonly site: Site
  /** Whether the endpoint answered: without it there is no live stream, only the chain. */
  readonly from: 'endpoint' | 'file' | 'memory'
}

export const API = 'api/v1'
const MEMORY = 'smart-drill site'

export const ZERO_ADDRESS: Hex = `0x${'00'.repeat(20)}`

/** A description of the site that cannot be used; the message names the field. */
export class SiteError extends Error {}

/**
 * The site, or undefined when neither endpoint, file nor memory has one; throws SiteError when one
 * of them has something else.
 */
export async function loadSite(memory: Store): Promise<FoundSite | undefined> {
  const sources = [
    ['endpoint', `${API}/site`],
    ['file', 'site.json'],
  ] as const
  for (const [from, path] of sources) {
    const found = await ask(path)
    if (found !== undefined) {
      const site = parseSite(found)
      memory.setItem(MEMORY, JSON.stringify(site))
      return { site, from }
    }
  }
  const remembered = memory.getItem(MEMORY)
  return remembered === null ? undefined : { site: parseSite(parseText(remembered)), from: 'memory' }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SiteError(`what this browser remembers is not JSON: ${String(error)}`)
  }
}

async function ask(path: string): Promise<unknown> {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(6000) })
    const type = answer.headers.get('content-type') ?? ''
    if (!answer.ok || !type.includes('json')) return undefined
    return await answer.json()
  } catch {
    // Nobody there: the next source is asked.
    return undefined
  }
}

/** Checks what every other part relies on; throws SiteError that names the bad field. */
export function parseSite(value: unknown): Site {
  if (typeof value !== 'object' || value === null) throw new SiteError('the site is not an object')
  const v = value as Record<string, unknown>
  for (const name of ['contract', 'asset']) {
    if (!/^0x[0-9a-fA-F]{40}$/.test(String(v[name]))) throw new SiteError(`${name} is not an address`)
  }
  for (const name of ['chain_id', 'block_number', 'grace_period_seconds', 'confirmations', 'reserve_seconds']) {
    if (!Number.isSafeInteger(v[name])) throw new SiteError(`${name} is not a whole number`)
  }
  if (!/^https?:\/\//.test(String(v['rpc_url']))) throw new SiteError('rpc_url is not an address')
  if (typeof v['chain_name'] !== 'string') throw new SiteError('chain_name is not text')
  const coin = v['coin'] as Partial<Site['coin']> | null | undefined
  if (typeof coin !== 'object' || coin === null) throw new SiteError('coin is missing')
  if (typeof coin.symbol !== 'string') throw new SiteError('coin.symbol is not text')
  const decimals = coin.decimals
  if (decimals === undefined || !Number.isSafeInteger(decimals) || decimals < 0 || decimals > 36) {
    throw new SiteError('coin.decimals is not a number of decimals')
  }
  if (!Array.isArray(v['drills'])) throw new SiteError('drills is not a list')
  for (const drill of v['drills'] as readonly Partial<DrillCard>[]) {
    if (!Number.isSafeInteger(drill.number)) throw new SiteError('the number of a drill is not a whole number')
    if (typeof drill.name !== 'string' || typeof drill.tool !== 'string')
      throw new SiteError('a drill has no name or no tool')
  }
  return value as Site
}
