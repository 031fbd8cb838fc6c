/**
 * A wallet for `scripts/demo --web`, so that nobody needs an extension to play with the demo. It is
 * not part of the page: only the demo's copy of index.html names it. Its key is anvil's sixth, which
 * everybody knows, and it signs for a local chain only.
 */

import { createWalletClient, defineChain, type Hex, hexToBigInt, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const KEY: Hex = '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba'
const LOCAL_CHAIN = 31337
const NAME = 'Test wallet (demo)'
const REJECTED = 4001

interface Asked {
  readonly method: string
  readonly params?: readonly unknown[]
}

interface Sent {
  readonly to: Hex
  readonly data?: Hex
  readonly value?: Hex
}

async function start(): Promise<void> {
  const site = (await (await fetch('api/v1/site')).json()) as { chain_id: number; rpc_url: string }
  if (site.chain_id !== LOCAL_CHAIN) throw new Error('the test wallet signs for a local chain only')
  const chain = defineChain({
    id: LOCAL_CHAIN,
    name: 'Local test chain',
    nativeCurrency: { name: 'ETH', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [site.rpc_url] } },
  })
  const account = privateKeyToAccount(KEY)
  const client = createWalletClient({ account, chain, transport: http(site.rpc_url) })
  let connected = false

  const request = async ({ method, params = [] }: Asked): Promise<unknown> => {
    switch (method) {
      case 'eth_requestAccounts':
      case 'wallet_requestPermissions':
        connected = true
        return method === 'eth_requestAccounts' ? [account.address] : permissions(account.address)
      case 'eth_accounts':
        return connected ? [account.address] : []
      case 'eth_chainId':
        return `0x${LOCAL_CHAIN.toString(16)}`
      case 'wallet_switchEthereumChain':
        return null
      case 'wallet_revokePermissions':
        connected = false
        return null
      case 'eth_sendTransaction': {
        const { to, data, value } = params[0] as Sent
        const amount = value === undefined ? 0n : hexToBigInt(value)
        agree(`send ${amount} wei to ${to}`)
        return client.sendTransaction({ to, value: amount, ...(data === undefined ? {} : { data }) })
      }
      case 'eth_signTypedData_v4':
        agree('sign a permission')
        return client.signTypedData(JSON.parse(String(params[1])) as never)
      default:
        return client.request({ method, params } as never)
    }
  }
  announce({ request, on: () => undefined, removeListener: () => undefined })
  mark()
}

function permissions(address: Hex) {
  const value = [address]
  return [{ parentCapability: 'eth_accounts', caveats: [{ type: 'restrictReturnedAccounts', value }] }]
}

/** What a real wallet asks in a window of its own. */
function agree(what: string): void {
  if (!window.confirm(`${NAME}, with worthless coins on a chain on this machine.\n\nAgree to ${what}?`)) {
    throw Object.assign(new Error('User rejected the request.'), { code: REJECTED })
  }
}

function announce(provider: object): void {
  const icon = 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg"/%3E'
  const info = Object.freeze({ uuid: crypto.randomUUID(), name: NAME, rdns: 'demo.test.wallet', icon })
  const say = () =>
    window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }))
  window.addEventListener('eip6963:requestProvider', say)
  say()
}

function mark(): void {
  const strip = document.createElement('p')
  strip.className = 'banner warn'
  strip.textContent = 'Demo: a built-in test wallet with worthless coins. Never send anything to its address.'
  document.body.prepend(strip)
}

void start()
