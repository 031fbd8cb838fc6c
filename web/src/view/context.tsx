/** What every view needs: the site, the connections, the wallet, and the list of transactions. */

import { QueryClient, QueryClientProvider, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from 'react'
import type { Address, PublicClient } from 'viem'
import { useConnection, useWalletClient, WagmiProvider } from 'wagmi'
import { type Chain, connect, POLL_MS } from '../chain/clients'
import { Ledger, type Transaction } from '../chain/ledger'
import { readPoint } from '../chain/points'
import { type Oracle, readFunds, readOffers, readRental } from '../chain/reads'
import { type Call, transact, watch } from '../chain/transact'
import type { Point } from '../protocol/p256'
import { memory } from '../site/memory'
import type { FoundSite, Site } from '../site/site'

interface Base {
  readonly site: Site
  readonly from: FoundSite['from']
  readonly client: PublicClient
  readonly ledger: Ledger
}

const Shared = createContext<Base | undefined>(undefined)

export function useBase(): Base {
  const base = useContext(Shared)
  if (base === undefined) throw new Error('outside of the site')
  return base
}

const RESUME_MS = 5000
/** How often an endpoint is asked again for a key that it did not have. */
const LOOK_MS = 10_000

const QUERY = {
  refetchInterval: 2 * POLL_MS,
  retry: 1,
  retryDelay: 500,
  staleTime: 1000,
  networkMode: 'always',
} as const

export function SiteProvider({ found, children }: { readonly found: FoundSite; readonly children: ReactNode }) {
  const { site, from } = found
  const chain: Chain = useMemo(() => connect(site), [site])
  const queries = useMemo(() => new QueryClient({ defaultOptions: { queries: QUERY } }), [])
  const base = useMemo(() => {
    const key = `smart-drill transactions ${site.chain_id} ${site.contract.toLowerCase()}`
    return { site, from, client: chain.client, ledger: new Ledger(key, memory) }
  }, [site, from, chain])

  useEffect(() => {
    const { ledger, client } = base
    window.addEventListener('storage', ledger.reload)
    const resume = () => {
      for (const { id, state } of ledger.all()) {
        if (state === 'sent' || state === 'mined') {
          void watch({ client, ledger, confirmations: site.confirmations }, id)
        }
      }
    }
    resume()
    const again = setInterval(resume, RESUME_MS)
    return () => {
      window.removeEventListener('storage', ledger.reload)
      clearInterval(again)
    }
  }, [base, site])

  return (
    <WagmiProvider config={chain.config}>
      <QueryClientProvider client={queries}>
        <Shared.Provider value={base}>{children}</Shared.Provider>
      </QueryClientProvider>
    </WagmiProvider>
  )
}

/** The wallet: its address, whether it is on the right chain, and a way to send. */
export function useWallet() {
  const { site, client, ledger } = useBase()
  const connection = useConnection()
  const wallet = useWalletClient({ chainId: site.chain_id, query: { retry: 1 } })
  const queries = useQueryClient()
  const address = connection.address as Address | undefined
  const rightChain = connection.chainId === site.chain_id
  return {
    address,
    rightChain,
    ready: address !== undefined && rightChain && wallet.data !== undefined,
    walletClient: wallet.data,
    /** True when it was mined; every figure is read anew then. */
    send: async (call: Call): Promise<boolean> => {
      if (wallet.data === undefined || address === undefined) return false
      const ports = { client, wallet: wallet.data, ledger, sender: address, confirmations: site.confirmations }
      const done = await transact(ports, call)
      await queries.invalidateQueries()
      return done
    },
  }
}

export function useTransactions(): readonly Transaction[] {
  const { ledger } = useBase()
  return useSyncExternalStore(ledger.subscribe, ledger.all)
}

export function useOffers() {
  const { site, client } = useBase()
  return useQuery({ queryKey: ['offers'], queryFn: () => readOffers(client, site) })
}

export function useRental(number: bigint) {
  const { site, client } = useBase()
  return useQuery({
    queryKey: ['rental', String(number)],
    queryFn: () => readRental(client, site, number),
    refetchInterval: POLL_MS,
    enabled: number > 0n,
  })
}

/** The point of this oracle's key, if it is one of P-256 and once it is read; it never changes. */
export function usePoint(oracle: Oracle | undefined): Point | undefined {
  const { site, client } = useBase()
  const key = oracle?.is_p256 === true ? oracle.key : undefined
  const read = useQuery({
    queryKey: ['point', key],
    queryFn: () => readPoint(client, site, key as Address),
    enabled: key !== undefined,
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.data === undefined ? LOOK_MS : false),
  })
  return read.data
}

export function useFunds(owner: Address | undefined) {
  const { site, client } = useBase()
  return useQuery({
    queryKey: ['funds', owner],
    queryFn: () => readFunds(client, site, owner as Address),
    enabled: owner !== undefined,
  })
}
