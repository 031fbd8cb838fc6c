/**
 * The transactions of this browser, each with its life: checked, asked, sent, mined, final, or
 * failed and why. What is sent is kept in local storage, so that a reload or another tab takes it
 * up where it was; what the wallet has not signed is not kept.
 */

import type { Address, Hash } from 'viem'
import type { Store } from '../site/memory'
import type { Fault } from './faults'
import type { Effect } from './replaced'

export type Kind =
  | 'open'
  | 'top-up'
  | 'end'
  | 'close'
  | 'dispute'
  | 'withdraw'
  | 'deposit'
  | 'approve'
  | 'approve-nothing'
  | 'permit'
  | 'provider'

export type State = 'checking' | 'asked' | 'sent' | 'mined' | 'final' | 'failed'

export interface Transaction {
  readonly id: string
  readonly kind: Kind
  readonly sender: Address
  readonly state: State
  /** What it is about, for whoever reads the list: a drill's or rental's number, a call's name. */
  readonly about: string
  readonly at: number
  readonly hash?: Hash
  readonly nonce?: number
  /** What it does, by which it is known again when the wallet has replaced it. */
  readonly effect?: Effect
  /** The newest block, and how many transactions the sender had sent, before the wallet was asked. */
  readonly since?: string
  readonly sent_before?: number
  /** How many had been sent when a replacement was last looked for. */
  readonly looked?: number
  /** The wallet has replaced it with another that does the same. */
  readonly sped_up?: boolean
  /** The sender is a contract: whoever sends its transactions, they may do nothing and succeed. */
  readonly smart?: boolean
  readonly block?: string
  /** It was in a block that the chain has dropped since. */
  readonly dropped?: boolean
  readonly fault?: Fault
}

const LONGEST_LIST = 30
const STATES_KEPT: readonly State[] = ['sent', 'mined', 'final', 'failed']

export class Ledger {
  private list: readonly Transaction[] = []
  private readonly listeners = new Set<() => void>()

  constructor(
    private readonly key: string,
    private readonly store: Store,
  ) {
    this.list = this.stored()
  }

  readonly all = (): readonly Transaction[] => this.list

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  add(transaction: Transaction): void {
    this.set([transaction, ...this.list].slice(0, LONGEST_LIST))
  }

  change(id: string, change: Partial<Transaction>): void {
    const now = this.find(id)
    if (now === undefined) return
    const names = Object.keys(change) as (keyof Transaction)[]
    if (names.every((name) => now[name] === change[name])) return
    this.set(this.list.map((one) => (one.id === id ? { ...one, ...change } : one)))
  }

  forget(id: string): void {
    this.set(this.list.filter((one) => one.id !== id))
  }

  find(id: string): Transaction | undefined {
    return this.list.find((one) => one.id === id)
  }

  /** Takes up what another tab has written; what only this tab knows stays. */
  readonly reload = (event: StorageEvent): void => {
    if (event.key !== this.key) return
    const stored = this.stored()
    const known = new Set(stored.map((one) => one.id))
    const ours = this.list.filter((one) => !known.has(one.id) && !STATES_KEPT.includes(one.state))
    this.list = [...ours, ...stored]
    this.tell()
  }

  private set(list: readonly Transaction[]): void {
    this.list = list
    const kept = list.filter((one) => STATES_KEPT.includes(one.state) && one.hash !== undefined)
    this.store.setItem(this.key, JSON.stringify(kept))
    this.tell()
  }

  private tell(): void {
    for (const listener of this.listeners) listener()
  }

  private stored(): readonly Transaction[] {
    const text = this.store.getItem(this.key)
    if (text === null) return []
    try {
      const found: unknown = JSON.parse(text)
      return Array.isArray(found) ? (found as Transaction[]) : []
    } catch {
      // Not ours, or cut off by a full disk: the chain has it all, this is a convenience.
      return []
    }
  }
}
