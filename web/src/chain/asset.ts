/**
 * The payment asset: the chain's coin, or a token. What a token says of itself is read from it and
 * never guessed: without its decimals there is no amount.
 */

import {
  type Address,
  BaseError,
  ExecutionRevertedError,
  encodeFunctionData,
  type Hex,
  hexToBytes,
  type PublicClient,
  parseAbi,
} from 'viem'
import { TokenError } from './faults'

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
  // Some answer true and some nothing; what an approval did shows in the allowance.
  'function approve(address spender, uint256 amount)',
])

export type TokenView = 'symbol' | 'decimals' | 'name' | 'version' | 'nonces' | 'DOMAIN_SEPARATOR' | 'allowance'

type Caller = Pick<PublicClient, 'call'>

/**
 * What the token answers, as it comes; undefined when it has no such function. Throws when the
 * endpoint gives no answer, which says nothing about the token.
 */
export async function askToken(
  client: Caller,
  token: Address,
  name: TokenView,
  args: readonly unknown[] = [],
): Promise<Hex | undefined> {
  const data = encodeFunctionData({ abi: TOKEN_ABI, functionName: name, args } as never)
  try {
    return (await client.call({ to: token, data })).data
  } catch (error) {
    const reverted = error instanceof BaseError && error.walk((one) => one instanceof ExecutionRevertedError) !== null
    if (reverted) return undefined
    throw error
  }
}

const WORD = 32
/** A larger power of ten does not fit into an amount. */
const MOST_DECIMALS = 77n

/** Throws TokenError when the token gives no number or an impossible one, and passes on what the endpoint raises. */
export async function readDecimals(client: Caller, token: Address): Promise<number> {
  const data = await askToken(client, token, 'decimals')
  if (data === undefined || data.length < 2 + 2 * WORD) throw new TokenError('no-decimals')
  const decimals = BigInt(data.slice(0, 2 + 2 * WORD))
  if (decimals > MOST_DECIMALS) throw new TokenError('no-decimals')
  return Number(decimals)
}

/** The token's short name; null for a token without one. */
export async function readSymbol(client: Caller, token: Address): Promise<string | null> {
  const data = await askToken(client, token, 'symbol')
  return (data === undefined ? undefined : decodeText(data)) ?? null
}

const LONGEST_SYMBOL = 16

/** Text as tokens answer it: a string, or bytes32 filled up with zeros as the earliest ones did. */
export function decodeText(data: Hex, longest = LONGEST_SYMBOL): string | undefined {
  const bytes = hexToBytes(data)
  const text = bytes.length === WORD ? bytes : stringIn(bytes)
  if (text === undefined) return undefined
  const end = text.indexOf(0)
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? text : text.subarray(0, end))
    // Control and direction characters would let a token write over what stands beside it.
    const shown = [...decoded.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()].slice(0, longest).join('')
    return shown === '' ? undefined : shown
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** The bytes of an ABI-encoded string: an offset, a length, and the text. */
function stringIn(bytes: Uint8Array): Uint8Array | undefined {
  const word = (at: number) => (at + WORD <= bytes.length ? wordAt(bytes, at) : undefined)
  const offset = word(0)
  if (offset === undefined || offset > BigInt(bytes.length)) return undefined
  const length = word(Number(offset))
  if (length === undefined || offset + 32n + length > BigInt(bytes.length)) return undefined
  const start = Number(offset) + WORD
  return bytes.subarray(start, start + Number(length))
}

function wordAt(bytes: Uint8Array, at: number): bigint {
  return bytes.subarray(at, at + WORD).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
}
