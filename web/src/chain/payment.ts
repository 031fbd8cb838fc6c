/**
 * Tokens on their way into the contract: by what was allowed before, by a signed permission, or by
 * an approval, whichever wallet and token support.
 */

import { drillMeterAbi as abi } from '../generated/abi'
import type { Site } from '../site/site'
import { askToken, TOKEN_ABI } from './asset'
import { faultOf, isUnanswered, TokenError } from './faults'
import { type Permit, permitDomain, signPermit, splitSignature } from './permit'
import { type Call, isContract, type Ports, wouldWork } from './transact'

export interface Till extends Omit<Ports, 'confirmations'> {
  readonly site: Site
  readonly say: (amount: bigint) => string
  /** Sends one transaction; true when it was mined. */
  readonly send: (call: Call) => Promise<boolean>
}

const SEEN_TRIES = 10
const SEEN_MS = 1000

/** Moves `amount` of the token into the customer's account in the contract; true when it is there. */
export async function deposit(till: Till, amount: bigint): Promise<boolean> {
  const { site, sender, say } = till
  const call = { kind: 'deposit', about: say(amount), to: site.contract, abi } as const
  const plain: Call = { ...call, name: 'deposit', args: [sender, amount] }
  const permitted = await inWords(till, amount, async (asked) => {
    if ((await allowance(till)) >= amount) return plain
    const permit = await permitFor(till, amount, asked)
    if (permit === undefined) return undefined
    const { deadline, v, r, s } = permit
    const sealed: Call = { ...call, name: 'deposit_with_permit', args: [sender, amount, deadline, v, r, s] }
    // A token may know another kind of permit, or this wallet another way to sign.
    return (await wouldWork(till, sealed)) ? sealed : undefined
  })
  if (permitted === 'stopped') return false
  if (permitted !== undefined) return till.send(permitted)
  return (await allow(till, amount)) && till.send(plain)
}

/**
 * Sees to it that the contract may take `amount`: by what is allowed already if that is enough, or
 * else by an approval of just that much; true when it is so.
 */
export async function allow(till: Till, amount: bigint): Promise<boolean> {
  const { site, say, send } = till
  const approve = (much: bigint): Call => ({
    kind: much === 0n ? 'approve-nothing' : 'approve',
    about: say(much),
    to: site.asset,
    abi: TOKEN_ABI,
    name: 'approve',
    args: [site.contract, much],
  })
  let left: bigint
  let refused: boolean
  try {
    left = await allowance(till)
    if (left >= amount) return true
    refused = left > 0n && !(await wouldWork(till, approve(amount)))
  } catch (error) {
    note(till, 'approve', amount, error)
    return false
  }
  // Tokens like mainnet's USDT change an allowance only from nothing or to nothing.
  if (refused && !((await send(approve(0n))) && (await seen(till, (now) => now === 0n)))) return false
  return (await send(approve(amount))) && (await seen(till, (now) => now >= amount))
}

async function allowance({ client, site, sender }: Till): Promise<bigint> {
  const data = await askToken(client, site.asset, 'allowance', [sender, site.contract])
  if (data === undefined || data.length < 66) throw new TokenError('no-allowance')
  return BigInt(data.slice(0, 66))
}

/**
 * Waits until the endpoint shows what was mined: behind one address there may be several nodes.
 * True in any case; what is not there yet the simulation of the next call finds out.
 */
async function seen(till: Till, holds: (allowed: bigint) => boolean): Promise<boolean> {
  for (let step = 0; step < SEEN_TRIES; step += 1) {
    try {
      if (holds(await allowance(till))) return true
    } catch (error) {
      if (!isUnanswered(error)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, SEEN_MS))
  }
  return true
}

/** The customer's signed permission, or undefined where token or wallet support none. */
async function permitFor(till: Till, amount: bigint, asked: () => void): Promise<Permit | undefined> {
  const { client, wallet, site, sender } = till
  const domain = await permitDomain(client, site)
  if (domain === undefined || (await isContract(client, sender))) return undefined
  asked()
  const signed = await signPermit(client, wallet, site, domain, sender, amount)
  const parts = signed && splitSignature(signed.signature)
  if (signed === undefined || parts === undefined) throw new UnfitSignature()
  return { deadline: signed.deadline, ...parts }
}

class UnfitSignature extends Error {}

/**
 * Runs `work` with a line of its own in the list of transactions while the wallet is asked. What a
 * wallet cannot do is said there, and the outcome is undefined: an approval takes its place. What
 * the person declined, or the chain did not answer, ends the payment.
 */
async function inWords(
  till: Till,
  amount: bigint,
  work: (asked: () => void) => Promise<Call | undefined>,
): Promise<Call | 'stopped' | undefined> {
  const { ledger, sender, say } = till
  const id = crypto.randomUUID()
  let wasAsked = false
  const asked = () => {
    wasAsked = true
    ledger.change(id, { state: 'asked' })
  }
  ledger.add({ id, kind: 'permit', about: say(amount), sender, state: 'checking', at: Date.now() })
  try {
    const call = await work(asked)
    if (call === undefined && wasAsked) ledger.change(id, { state: 'failed', fault: { kind: 'no-permit' } })
    else ledger.forget(id)
    return call
  } catch (error) {
    const fault = faultOf(error)
    const cannot = wasAsked && !['rejected', 'pending', 'unreachable', 'busy'].includes(fault.kind)
    ledger.change(id, { state: 'failed', fault: cannot ? { kind: 'no-permit' } : fault })
    return cannot ? undefined : 'stopped'
  }
}

function note({ ledger, sender, say }: Till, kind: 'approve', amount: bigint, error: unknown): void {
  const id = crypto.randomUUID()
  ledger.add({ id, kind, about: say(amount), sender, state: 'failed', fault: faultOf(error), at: Date.now() })
}
