/**
 * What this browser keeps for the page: transactions on their way, receipts, the language. A browser
 * may refuse (site data blocked) or have no room; the page then goes on without, and says so.
 */

/** What is used of the browser's store. */
export interface Store {
  readonly getItem: (key: string) => string | null
  readonly setItem: (key: string, value: string) => void
  readonly removeItem: (key: string) => void
}

export type Health = 'kept' | 'blocked' | 'full'

/** A store that never fails: what the browser does not keep lasts as long as the page is open. */
export class Memory implements Store {
  private readonly own = new Map<string, string | null>()
  private readonly listeners = new Set<() => void>()
  private state: Health = 'kept'

  /** `open` gives the browser's store, and may throw where that is blocked. */
  constructor(private readonly open: () => Store) {}

  readonly health = (): Health => this.state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly getItem = (key: string): string | null => {
    const own = this.own.get(key)
    if (own !== undefined) return own
    return this.attempt((store) => store.getItem(key)) ?? null
  }

  readonly setItem = (key: string, value: string): void => {
    this.own.set(key, value)
    this.write(key, (store) => store.setItem(key, value))
  }

  readonly removeItem = (key: string): void => {
    this.own.set(key, null)
    this.write(key, (store) => store.removeItem(key))
  }

  /** What the browser has taken is its own from then on, so that other tabs are heard. */
  private write(key: string, work: (store: Store) => void): void {
    const done = this.attempt((store) => {
      work(store)
      return true
    })
    if (done !== true) return
    this.own.delete(key)
    if (this.own.size === 0) this.set('kept')
  }

  private attempt<T>(work: (store: Store) => T): T | undefined {
    try {
      return work(this.open())
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
      this.set(error.name === 'QuotaExceededError' ? 'full' : 'blocked')
      return undefined
    }
  }

  private set(state: Health): void {
    if (state === this.state) return
    this.state = state
    for (const listener of this.listeners) listener()
  }
}

/** The page's only one. */
export const memory = new Memory(() => window.localStorage)
