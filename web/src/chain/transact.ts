/** One path through simulation, wallet, block and finality, for every transaction of the page. */

import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hash,
  type PublicClient,
  type TransactionReceipt,
  type WalletClient,
} from 'viem'
import { faultOf, isUnanswered } from './faults'
import type { Kind, Ledger, Transaction } from './ledger'
import { replacementOf, sameAmong } from './replaced'

export interface Call {
  readonly kind: Kind
  readonly about: string
  readonly to: Address
  readonly abi: Abi
  readonly name: string
  readonly args: readonly unknown[]
  readonly value?: bigint
}

export interface Ports {
  readonly client: PublicClient
  readonly wallet: WalletClient
  readonly ledger: Ledger
  readonly sender: Address
  readonly confirmations: number
}

type Watching = Pick<Ports, 'client' | 'ledger' | 'confirmations'>

const WATCH_MS = 1000
const WATCH_STEPS = 3600

/** Sends a call; true when it was mined and did what it should. Failures are in the ledger. */
export async function transact(ports: Ports, call: Call): Promise<boolean> {
  const { ledger, sender, client } = ports
  const id = crypto.randomUUID()
  const data = encodeFunctionData({ abi: call.abi, functionName: call.name, args: [...call.args] })
  const value = call.value ?? 0n
  const effect = { to: call.to, data, value: String(value) }
  const { kind, about } = call
  ledger.add({ id, kind, about, sender, effect, state: 'checking', at: Date.now() })
  try {
    const [since, sent_before, smart] = await Promise.all([
      client.getBlockNumber({ cacheTime: 0 }),
      client.getTransactionCount({ address: sender }),
      isContract(client, sender),
      simulate(ports, call),
    ])
    ledger.change(id, { state: 'asked', since: String(since), sent_before, smart })
    const hash = await ports.wallet.sendTransaction({
      account: sender,
      chain: ports.wallet.chain ?? null,
      to: call.to,
      data,
      value,
    })
    ledger.change(id, { state: 'sent', hash })
  } catch (error) {
    ledger.change(id, { state: 'failed', fault: faultOf(error) })
    return false
  }
  return watch(ports, id, () => simulate(ports, call))
}

/** Whether the chain would take a call now; throws when it does not answer. */
export async function wouldWork(ports: Pick<Ports, 'client' | 'sender'>, call: Call): Promise<boolean> {
  try {
    await simulate(ports, call)
    return true
  } catch (error) {
    if (isUnanswered(error)) throw error
    return false
  }
}

function simulate(ports: Pick<Ports, 'client' | 'sender'>, call: Call): Promise<unknown> {
  return ports.client.simulateContract({
    address: call.to,
    abi: call.abi,
    functionName: call.name,
    args: [...call.args],
    account: ports.sender,
    value: call.value ?? 0n,
  } as never)
}

/** How a key's account begins that only borrows the code of a contract (EIP-7702): it signs itself. */
const DELEGATED = '0xef0100'

/** Whether an account is a contract, such as a smart wallet, and signs by no key of its own. */
export async function isContract(client: PublicClient, address: Address): Promise<boolean> {
  const code = await client.getCode({ address })
  return code !== undefined && code !== '0x' && !code.startsWith(DELEGATED)
}

const watched = new Set<string>()

/** Follows what was sent until it is final, through reorganisations; resolves when it is mined. */
export async function watch(
  ports: Watching,
  id: string,
  why: () => Promise<unknown> = () => Promise.resolve(),
): Promise<boolean> {
  if (watched.has(id)) return false
  watched.add(id)
  try {
    return await follow(ports, id, why)
  } finally {
    watched.delete(id)
  }
}

async function follow(ports: Watching, id: string, why: () => Promise<unknown>): Promise<boolean> {
  const { ledger } = ports
  let final: (done: boolean) => void = () => undefined
  const mined = new Promise<boolean>((resolve) => (final = resolve))
  void (async () => {
    for (let step = 0; step < WATCH_STEPS; step += 1) {
      const transaction = ledger.find(id)
      if (transaction?.hash === undefined || transaction.state === 'failed') return final(false)
      const done = await look(ports, transaction, transaction.hash, why)
      if (done !== undefined) final(done)
      if (done === false || ledger.find(id)?.state === 'final') return
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
    }
    final(false)
  })()
  return mined
}

/** True once it is mined and succeeded, false when it failed, undefined while nothing is known. */
async function look(
  ports: Watching,
  transaction: Transaction,
  hash: Hash,
  why: () => Promise<unknown>,
): Promise<boolean | undefined> {
  const { client, ledger } = ports
  const { id, nonce } = transaction
  try {
    // Kept while it is known: by it a replacement is found out, should the block be dropped.
    if (nonce === undefined) await noteNonce(ports, transaction, hash)
    const receipt = await client.getTransactionReceipt({ hash }).catch(notFound)
    if (receipt === undefined) {
      if (transaction.state === 'mined') ledger.change(id, { dropped: true })
      ledger.change(id, { state: 'sent' })
      await lookForReplacement(ports, id, hash)
      return ledger.find(id)?.state === 'failed' ? false : undefined
    }
    const block = String(receipt.blockNumber)
    if (receipt.status !== 'success') {
      const fault = await why().then(
        () => ({ kind: 'unknown', text: 'reverted' }) as const,
        (error: unknown) => faultOf(error),
      )
      ledger.change(id, { state: 'failed', fault, block })
      return false
    }
    if (didNothing(transaction, receipt)) {
      ledger.change(id, { state: 'failed', fault: { kind: 'no-effect' }, block })
      return false
    }
    const head = await client.getBlockNumber({ cacheTime: 0 })
    const deep = head - receipt.blockNumber + 1n >= BigInt(ports.confirmations)
    ledger.change(id, { state: deep ? 'final' : 'mined', block, dropped: false })
    return true
  } catch {
    // A question went unanswered, which says nothing about the transaction: this looks again, and
    // the page says elsewhere that the chain does not answer.
    return undefined
  }
}

/**
 * Every call of the contract logs something; a smart wallet's bundle succeeds without what is in it.
 * What an approval did shows in the allowance.
 */
function didNothing({ kind, smart, effect }: Transaction, receipt: TransactionReceipt): boolean {
  if (smart !== true || effect === undefined || kind === 'approve' || kind === 'approve-nothing') return false
  return receipt.logs.every((log) => log.address.toLowerCase() !== effect.to.toLowerCase())
}

async function noteNonce({ client, ledger }: Watching, { id, sender }: Transaction, hash: Hash): Promise<void> {
  const found = await client.getTransaction({ hash }).catch(() => undefined)
  // A smart wallet's transactions are sent by somebody else, whose numbers say nothing.
  if (found?.from.toLowerCase() === sender.toLowerCase()) ledger.change(id, { nonce: found.nonce })
}

function notFound(error: unknown): undefined {
  if (error instanceof Error && error.name === 'TransactionReceiptNotFoundError') return undefined
  throw error
}

/** Another transaction with the same nonce was mined instead: sped up or cancelled in the wallet. */
async function lookForReplacement({ client, ledger }: Watching, id: string, hash: Hash): Promise<void> {
  const transaction = ledger.find(id)
  if (transaction?.effect === undefined || transaction.since === undefined || transaction.sent_before === undefined)
    return
  const { sender, nonce, effect, sent_before, looked } = transaction
  const since = BigInt(transaction.since)
  const used = await client.getTransactionCount({ address: sender })
  if (used <= (nonce ?? sent_before) || used === looked) return
  if ((await client.getTransactionReceipt({ hash }).catch(notFound)) !== undefined) return
  if (nonce === undefined) {
    const found = await sameAmong(client, sender, { from: sent_before, to: used }, since, effect)
    ledger.change(id, { looked: used })
    if (found !== undefined && !isOurs(ledger, found)) ledger.change(id, { hash: found, sped_up: true })
    return
  }
  const found = await replacementOf(client, sender, nonce, since, effect)
  if (found.kind !== 'same') ledger.change(id, { state: 'failed', fault: found })
  else if (isOurs(ledger, found.hash)) ledger.change(id, { state: 'failed', fault: { kind: 'replaced' } })
  else ledger.change(id, { hash: found.hash, sped_up: true })
}

/** Whether the page has sent it itself, as something to be followed on its own. */
function isOurs(ledger: Ledger, hash: Hash): boolean {
  return ledger.all().some((one) => one.hash === hash)
}
