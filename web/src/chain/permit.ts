/** A signed permission to take tokens (EIP-2612), for tokens and wallets that have it. */

import type { Address, Hex, PublicClient, WalletClient } from 'viem'
import type { Site } from '../site/site'
import { askToken, decodeText } from './asset'

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

export interface PermitDomain {
  readonly name: string
  readonly version: string
  readonly chainId: number
  readonly verifyingContract: Address
}

export interface Permit {
  readonly deadline: bigint
  readonly v: number
  readonly r: Hex
  readonly s: Hex
}

/**
 * The domain that a token's permits are signed for, if its own separator confirms it; undefined for
 * a token without permits, or with ones of another kind: those are approved instead.
 */
export async function permitDomain(client: PublicClient, site: Site): Promise<PermitDomain | undefined> {
  const { domainSeparator } = await import('viem')
  const [name, version, separator] = await Promise.all([
    askToken(client, site.asset, 'name'),
    askToken(client, site.asset, 'version'),
    askToken(client, site.asset, 'DOMAIN_SEPARATOR'),
  ])
  const called = name === undefined ? undefined : decodeText(name, Infinity)
  if (called === undefined || separator === undefined) return undefined
  const versions = version === undefined ? undefined : decodeText(version)
  // EIP-2612 asks for no version(); what a token without it was built with is tried by its separator.
  const domain = { name: called, version: versions ?? '1', chainId: site.chain_id, verifyingContract: site.asset }
  return domainSeparator({ domain }) === separator ? domain : undefined
}

/** Asks the wallet for the customer's permission for exactly `amount`; what it answers, as it comes. */
export async function signPermit(
  client: PublicClient,
  wallet: WalletClient,
  site: Site,
  domain: PermitDomain,
  owner: Address,
  amount: bigint,
): Promise<{ readonly signature: Hex; readonly deadline: bigint } | undefined> {
  const [nonce, head] = await Promise.all([askToken(client, site.asset, 'nonces', [owner]), client.getBlock()])
  if (nonce === undefined || nonce.length < 66) return undefined
  const deadline = head.timestamp + PERMIT_SECONDS
  const signature = await wallet.signTypedData({
    account: owner,
    domain,
    types: PERMIT,
    primaryType: 'Permit',
    message: { owner, spender: site.contract, value: amount, nonce: BigInt(nonce.slice(0, 66)), deadline },
  })
  return { signature, deadline }
}

/**
 * r, s and v of 27 or 28, from what wallets answer: 65 bytes that end in 27, 28, 0 or 1, or 64 bytes
 * with the parity in the highest bit of s (EIP-2098). Undefined for anything else, such as what the
 * contract of a smart wallet checks by itself (EIP-1271): tokens do not ask that.
 */
export function splitSignature(signature: Hex): Omit<Permit, 'deadline'> | undefined {
  if (!/^0x([0-9a-f]{128}|[0-9a-f]{130})$/i.test(signature)) return undefined
  const r: Hex = `0x${signature.slice(2, 66)}`
  const s: Hex = `0x${signature.slice(66, 130)}`
  if (signature.length === 130) {
    const word = BigInt(s)
    const parity = Number(word >> 255n)
    const bare = word & ((1n << 255n) - 1n)
    return { r, s: `0x${bare.toString(16).padStart(64, '0')}`, v: 27 + parity }
  }
  const v = Number.parseInt(signature.slice(130), 16)
  if (v === 27 || v === 28) return { r, s, v }
  if (v === 0 || v === 1) return { r, s, v: v + 27 }
  return undefined
}
