/** Connections: reading through the site's endpoint or else the wallet, writing through the wallet. */

import { createPublicClient, custom, defineChain, type EIP1193Provider, fallback, http, type PublicClient } from 'viem'
import { type Config, createConfig, createStorage, injected } from 'wagmi'
import { memory } from '../site/memory'
import type { Site } from '../site/site'

export interface Chain {
  readonly config: Config
  readonly client: PublicClient
}

export const POLL_MS = 2000

/** What wagmi and viem are told about the chain; the wallet is told the same when it is added. */
export function chainOf(site: Site) {
  return defineChain({
    id: site.chain_id,
    name: site.chain_name,
    nativeCurrency: { name: site.coin.symbol, symbol: site.coin.symbol, decimals: site.coin.decimals },
    rpcUrls: { default: { http: [site.rpc_url] } },
  })
}

export function connect(site: Site): Chain {
  const chain = chainOf(site)
  const endpoint = http(site.rpc_url, { batch: { wait: 8 }, timeout: 6000, retryCount: 1, retryDelay: 200 })
  const config = createConfig({
    chains: [chain],
    connectors: [injected()],
    // Its own choice would fail where site data is blocked.
    storage: createStorage({ storage: memory }),
    multiInjectedProviderDiscovery: true,
    transports: { [chain.id]: endpoint },
  })
  const wallet = custom({ request: (call) => askWallet(config, site, call) }, { retryCount: 0 })
  const client = createPublicClient({
    chain,
    pollingInterval: POLL_MS,
    transport: fallback([endpoint, wallet], { retryCount: 0 }),
  }) as PublicClient
  return { config, client }
}

/** A read through the wallet's own endpoint, for when ours is gone. */
async function askWallet(config: Config, site: Site, call: { method: string; params?: unknown }): Promise<unknown> {
  const current = config.state.current
  const connection = current === null ? undefined : config.state.connections.get(current)
  if (connection === undefined || connection.chainId !== site.chain_id) {
    throw new Error('the chain does not answer, and no wallet on it is connected')
  }
  const provider = (await connection.connector.getProvider()) as EIP1193Provider
  return provider.request(call as never)
}
