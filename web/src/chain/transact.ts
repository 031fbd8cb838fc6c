/** One path through simulation, wallet, block and finality, for every transaction of the page. */

import { encodeFunctionData, type Abi, type Address, type Hash, type PublicClient, type WalletClient } from 'viem'
import { faultOf } from './faults'
import type { Kind, Ledger, Transaction } from './ledger'

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

const WATCH_MS = 1000
const WATCH_STEPS = 3600

/** Sends a call; true when it was mined and did what it should. Failures are in the ledger. */
export async function transact(ports: Ports, call: Call): Promise<boolean> {
  const { ledger, sender } = ports
  const id = crypto.randomUUID()
  const base: Transaction = {
    id,
    kind: call.kind,
    about: call.about,
    sender,
    state: 'checking',
    at: Date.now(),
  }
  ledger.add(base)
  try {
    await simulate(ports, call)
    ledger.change(id, { state: 'asked' })
    const hash = await ports.wallet.sendTransaction({
      account: sender,
      chain: ports.wallet.chain ?? null,
      to: call.to,
      data: encodeFunctionData({ abi: call.abi, functionName: call.name, args: [...call.args] }),
      value: call.value ?? 0n,
    })
    ledger.change(id, { state: 'sent', hash })
  } catch (error) {
    ledger.change(id, { state: 'failed', fault: faultOf(error) })
    return false
  }
  return watch(ports, id, () => simulate(ports, call))
}

function simulate(ports: Ports, call: Call): Promise<unknown> {
  return ports.client.simulateContract({
    address: call.to,
    abi: call.abi,
    functionName: call.name,
    args: [...call.args],
    account: ports.sender,
    value: call.value ?? 0n,
  } as never)
}

const watched = new Set<string>()

/** Follows what was sent until it is final, through reorganisations; resolves when it is mined. */
export async function watch(
  ports: Pick<Ports, 'client' | 'ledger' | 'confirmations'>,
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

async function follow(
  ports: Pick<Ports, 'client' | 'ledger' | 'confirmations'>,
  id: string,
  why: () => Promise<unknown>,
): Promise<boolean> {
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
  ports: Pick<Ports, 'client' | 'ledger' | 'confirmations'>,
  { id, sender, nonce }: Transaction,
  hash: Hash,
  why: () => Promise<unknown>,
): Promise<boolean | undefined> {
  const { client, ledger } = ports
  try {
    // Kept while it is known: by it a replacement is found out, should the block be dropped.
    if (nonce === undefined) await noteNonce(ports, id, hash)
    const receipt = await client.getTransactionReceipt({ hash }).catch(notFound)
    if (receipt === undefined) {
      if (ledger.find(id)?.state === 'mined') ledger.change(id, { dropped: true })
      await lookForReplacement(ports, id, sender, hash, nonce)
      return ledger.find(id)?.state === 'failed' ? false : undefined
    }
    if (receipt.status !== 'success') {
      const fault = await why().then(
        () => ({ kind: 'unknown', text: 'reverted' }) as const,
        (error: unknown) => faultOf(error),
      )
      ledger.change(id, { state: 'failed', fault, block: String(receipt.blockNumber) })
      return false
    }
    const head = await client.getBlockNumber({ cacheTime: 0 })
    const deep = head - receipt.blockNumber + 1n >= BigInt(ports.confirmations)
    ledger.change(id, { state: deep ? 'final' : 'mined', block: String(receipt.blockNumber), dropped: false })
    return true
  } catch {
    // A question went unanswered, which says nothing about the transaction: this looks again, and
    // the page says elsewhere that the chain does not answer.
    return undefined
  }
}

async function noteNonce({ client, ledger }: Pick<Ports, 'client' | 'ledger'>, id: string, hash: Hash): Promise<void> {
  const found = await client.getTransaction({ hash }).catch(() => undefined)
  if (found !== undefined) ledger.change(id, { nonce: found.nonce })
}

function notFound(error: unknown): undefined {
  if (error instanceof Error && error.name === 'TransactionReceiptNotFoundError') return undefined
  throw error
}

/** Another transaction with the same nonce was mined instead: sped up or cancelled in the wallet. */
async function lookForReplacement(
  { client, ledger }: Pick<Ports, 'client' | 'ledger'>,
  id: string,
  sender: Address,
  hash: Hash,
  nonce: number | undefined,
): Promise<void> {
  ledger.change(id, { state: 'sent' })
  if (nonce === undefined) return
  const used = await client.getTransactionCount({ address: sender })
  const receipt = await client.getTransactionReceipt({ hash }).catch(() => undefined)
  if (used > nonce && receipt === undefined) {
    ledger.change(id, { state: 'failed', fault: { kind: 'unknown', text: 'replaced' } })
  }
}
