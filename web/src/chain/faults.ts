/** What went wrong with a transaction or a read, sorted into kinds that the page has words for. */

import {
  BaseError,
  ContractFunctionRevertedError,
  HttpRequestError,
  InsufficientFundsError,
  TimeoutError,
  UserRejectedRequestError,
} from 'viem'
import { REVERTS } from '../generated/reasons'

export type Revert = (typeof REVERTS)[number]

export type Fault =
  | { readonly kind: 'rejected' }
  | { readonly kind: 'no-funds' }
  | { readonly kind: 'unreachable' }
  /** The endpoint refuses further requests for now. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'pending' }
  /** The wallet, or the token, has no signed permissions of the kind that is needed. */
  | { readonly kind: 'no-permit' }
  | { readonly kind: 'no-decimals' }
  | { readonly kind: 'no-allowance' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'replaced-unknown' }
  /** A smart wallet's transaction was mined and did nothing to what it was to call. */
  | { readonly kind: 'no-effect' }
  | { readonly kind: 'reverted'; readonly reason: Revert }
  | { readonly kind: 'unknown'; readonly text: string }

/** The token does not say something without which nothing can be calculated in it. */
export class TokenError extends Error {
  constructor(readonly kind: 'no-decimals' | 'no-allowance') {
    super(kind)
  }
}

const REJECTED = 4001
const TOO_MANY = 429
const ALREADY_PENDING = -32002
const LIMIT_EXCEEDED = -32005

const known = new Set<string>(REVERTS)

/** The kind of an error that a wallet, an endpoint or the contract has raised. */
export function faultOf(error: unknown): Fault {
  if (error instanceof TokenError) return { kind: error.kind }
  const chain = causes(error)
  const has = (kind: abstract new (...args: never[]) => Error) => chain.some((e) => e instanceof kind)
  const codes = chain.map((e) => (e as { code?: unknown }).code)
  if (has(UserRejectedRequestError) || codes.includes(REJECTED)) return { kind: 'rejected' }
  if (codes.includes(ALREADY_PENDING)) return { kind: 'pending' }
  const texts = chain.map((e) => e.message).join('\n')
  const reason = revertIn(chain, texts)
  if (reason !== undefined) return { kind: 'reverted', reason }
  if (has(InsufficientFundsError) || /insufficient funds/i.test(texts)) return { kind: 'no-funds' }
  if (chain.some((e) => (e as { status?: unknown }).status === TOO_MANY)) return { kind: 'busy' }
  if (has(HttpRequestError) || has(TimeoutError) || /does not answer|failed to fetch/i.test(texts)) {
    return { kind: 'unreachable' }
  }
  if (codes.includes(LIMIT_EXCEEDED) || /rate.?limit|too many requests/i.test(texts)) return { kind: 'busy' }
  const first = error instanceof BaseError ? error.shortMessage : texts.split('\n')[0]
  return { kind: 'unknown', text: (first ?? '').slice(0, 300) }
}

/** Whether the question went unanswered, so that nothing follows from it. */
export function isUnanswered(error: unknown): boolean {
  const { kind } = faultOf(error)
  return kind === 'unreachable' || kind === 'busy'
}

function causes(error: unknown): Error[] {
  const found: Error[] = []
  let next = error
  while (next instanceof Error && found.length < 20) {
    found.push(next)
    next = next.cause
  }
  if (found.length === 0) found.push(new Error(String((error as { message?: unknown })?.message ?? error)))
  return found
}

function revertIn(chain: readonly Error[], texts: string): Revert | undefined {
  for (const error of chain) {
    if (error instanceof ContractFunctionRevertedError && error.reason !== undefined && known.has(error.reason)) {
      return error.reason as Revert
    }
  }
  return REVERTS.find((reason) => texts.includes(reason))
}
