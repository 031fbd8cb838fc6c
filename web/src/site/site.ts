/**
 * Where the contract is and what the page needs to know besides. It comes from the endpoint that
 * serves the page, or from site.json beside it on a static host, or from what this browser
 * remembers of the last visit, so that the page works on when our own servers are gone.
 */

import type { Hex } from '../protocol/records'

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

export class SiteError extends Error {}

/** The site; throws SiteError when neither endpoint, file nor memory has one. */
export async function loadSite(): Promise<FoundSite> {
  const sources = [
    ['endpoint', `${API}/site`],
    ['file', 'site.json'],
  ] as const
  for (const [from, path] of sources) {
    const found = await ask(path)
    if (found !== undefined) {
      const site = parseSite(found)
      remember(site)
      return { site, from }
    }
  }
  const remembered = localStorage.getItem(MEMORY)
  if (remembered === null) throw new SiteError('no site')
  return { site: parseSite(JSON.parse(remembered)), from: 'memory' }
}

function remember(site: Site): void {
  localStorage.setItem(MEMORY, JSON.stringify(site))
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
  if (typeof value !== 'object' || value === null) throw new SiteError('the site is no object')
  const v = value as Record<string, unknown>
  for (const name of ['contract', 'asset']) {
    if (!/^0x[0-9a-fA-F]{40}$/.test(String(v[name]))) throw new SiteError(`${name} is no address`)
  }
  for (const name of ['chain_id', 'block_number', 'grace_period_seconds', 'confirmations', 'reserve_seconds']) {
    if (!Number.isSafeInteger(v[name])) throw new SiteError(`${name} is no whole number`)
  }
  if (!/^https?:\/\//.test(String(v['rpc_url']))) throw new SiteError('rpc_url is no address')
  if (typeof v['coin'] !== 'object' || v['coin'] === null) throw new SiteError('coin is missing')
  if (!Array.isArray(v['drills'])) throw new SiteError('drills is no list')
  return value as Site
}
