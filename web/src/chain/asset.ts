/** The payment asset: the chain's coin, or a token with what it needs to be paid. */

import { parseAbi, type Address, type Hex, type PublicClient, type WalletClient } from 'viem'
import { ZERO_ADDRESS, type Site } from '../site/site'

export interface Asset {
  readonly symbol: string
  readonly decimals: number
  readonly token: Address | undefined
}

export const TOKEN_ABI = parseAbi([
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'function name() view returns (string)',
  'function version() view returns (string)',
  'function nonces(address owner) view returns (uint256)',
  'function DOMAIN_SEPARATOR() view returns (bytes32)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
])

export async function readAsset(client: PublicClient, site: Site): Promise<Asset> {
  if (site.asset === ZERO_ADDRESS) return { ...site.coin, token: undefined }
  const at = { address: site.asset, abi: TOKEN_ABI } as const
  const [symbol, decimals] = await Promise.all([
    client.readContract({ ...at, functionName: 'symbol' }),
    client.readContract({ ...at, functionName: 'decimals' }),
  ])
  return { symbol: symbol.slice(0, 16), decimals, token: site.asset }
}

const PERMIT = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
} as const

const PERMIT_SECONDS = 3600n

export interface Permit {
  readonly deadline: bigint
  readonly v: number
  readonly r: Hex
  readonly s: Hex
}

/**
 * The customer's signed permission for exactly `amount` (EIP-2612), or undefined for a token that
 * does not offer it in the way that its own domain separator confirms: then it is approved instead.
 */
export async function signPermit(
  client: PublicClient,
  wallet: WalletClient,
  site: Site,
  owner: Address,
  amount: bigint,
): Promise<Permit | undefined> {
  const at = { address: site.asset, abi: TOKEN_ABI } as const
  const domain = await permitDomain(client, site)
  if (domain === undefined) return undefined
  const [nonce, head] = await Promise.all([
    client.readContract({ ...at, functionName: 'nonces', args: [owner] }),
    client.getBlock(),
  ])
  const deadline = head.timestamp + PERMIT_SECONDS
  const signature = await wallet.signTypedData({
    account: owner,
    domain,
    types: PERMIT,
    primaryType: 'Permit',
    message: { owner, spender: site.contract, value: amount, nonce, deadline },
  })
  return {
    deadline,
    r: `0x${signature.slice(2, 66)}`,
    s: `0x${signature.slice(66, 130)}`,
    v: Number.parseInt(signature.slice(130, 132), 16),
  }
}

async function permitDomain(client: PublicClient, site: Site) {
  const { domainSeparator } = await import('viem')
  const at = { address: site.asset, abi: TOKEN_ABI } as const
  try {
    const [name, version, separator] = await Promise.all([
      client.readContract({ ...at, functionName: 'name' }),
      client.readContract({ ...at, functionName: 'version' }).catch(() => '1'),
      client.readContract({ ...at, functionName: 'DOMAIN_SEPARATOR' }),
    ])
    const domain = { name, version, chainId: site.chain_id, verifyingContract: site.asset }
    return domainSeparator({ domain }) === separator ? domain : undefined
  } catch {
    // A token without these functions: approving works with every token.
    return undefined
  }
}
