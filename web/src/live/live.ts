/** One drill's live state for its running rental: readings that were verified, and what was not. */

import { useEffect, useReducer, useRef } from 'react'
import type { RentalFacts } from '../chain/reads'
import type { InhibitMessage, LeaseMessage, LogMessage, ReadingMessage, StatusMessage } from '../protocol/messages'
import type { Point } from '../protocol/p256'
import type { Sample } from '../protocol/sample'
import { memory } from '../site/memory'
import type { Site } from '../site/site'
import { noteKey } from './keys'
import { keep } from './receipts'
import { append as appendSamples, belongs, proven } from './samples'
import { type Link, listen } from './stream'
import { judge, leaseHolds, type Verdict } from './verify'

const MINUTE_MS = 65_000n

export interface Live {
  readonly link: Link
  /** Verified readings of the last minute, oldest first. */
  readonly readings: readonly ReadingMessage[]
  /** Samples of the last minute that a verified reading's root covers, oldest first. */
  readonly samples: readonly Sample[]
  /** When the newest of them came here, ms of this browser's clock. */
  readonly heard_at: number
  /** What came last and was not counted, until a verified reading follows. */
  readonly doubt:
    | { readonly verdict: Exclude<Verdict, 'verified'> | 'malformed' | 'false-samples'; readonly why: string }
    | undefined
  readonly status: StatusMessage | undefined
  readonly command: LeaseMessage | InhibitMessage | undefined
}

const NOTHING: Live = {
  link: 'connecting',
  readings: [],
  samples: [],
  heard_at: 0,
  doubt: undefined,
  status: undefined,
  command: undefined,
}

function merge(live: Live, change: Partial<Live>): Live {
  return { ...live, ...change }
}

function append(readings: readonly ReadingMessage[], next: ReadingMessage): readonly ReadingMessage[] {
  const from = next.reading.until - MINUTE_MS
  return [...readings.filter((one) => one.reading.until > from && one.reading.until < next.reading.until), next]
}

/** Listens while `facts` are those of a rental that is not closed; `point` is its P-256 oracle's. */
export function useLive(site: Site, facts: RentalFacts | undefined, point: Point | undefined): Live {
  const [live, change] = useReducer(merge, NOTHING)
  const now = useRef({ facts, point, live })
  now.current = { facts, point, live }
  const drill = facts === undefined || facts.rental.state === 4 ? 0 : Number(facts.rental.drill)

  useEffect(() => {
    if (drill === 0) return undefined
    let over = false
    const domain = { chain_id: BigInt(site.chain_id), contract: site.contract }

    const take = async (message: ReadingMessage): Promise<void> => {
      const known = now.current.facts
      if (known === undefined) return
      const before = now.current.live.readings.at(-1)
      const verdict = await judge(domain, known, message, before, now.current.point)
      if (over) return
      if (verdict !== 'verified') {
        change({ doubt: { verdict, why: '' } })
        return
      }
      keep(memory, site, message)
      if (known.oracle.is_p256) noteKey(memory, site, known.rental.oracle, known.oracle.key)
      const readings = append(now.current.live.readings, message)
      change({ readings, heard_at: Date.now(), doubt: undefined, ...samplesUnder(message) })
    }
    // They come before the reading that has their root; whatever belongs to none is not shown.
    let log: LogMessage | undefined
    const samplesUnder = (message: ReadingMessage): Partial<Live> => {
      if (log === undefined || !belongs(log, message)) return {}
      const added = proven(log, message)
      log = undefined
      if (added === undefined) return { doubt: { verdict: 'false-samples', why: '' } }
      return { samples: appendSamples(now.current.live.samples, added) }
    }
    const takeCommand = async (message: LeaseMessage | InhibitMessage): Promise<void> => {
      const { facts: known, point: by } = now.current
      if (message.kind === 'lease' && (known === undefined || !(await leaseHolds(domain, known, message, by)))) return
      if (!over) change({ command: message })
    }
    // One after the other, so that a slow verification cannot overtake a later reading.
    let queue = Promise.resolve()
    const inOrder = (work: () => Promise<void>): void => {
      queue = queue.then(work)
    }

    const stop = listen(drill, {
      link: (link) => change({ link }),
      reading: (message) => inOrder(() => take(message)),
      log: (message) =>
        inOrder(async () => {
          log = message
        }),
      command: (message) => inOrder(() => takeCommand(message)),
      status: (status) => change({ status }),
      malformed: (why) => change({ doubt: { verdict: 'malformed', why } }),
    })
    return () => {
      over = true
      stop()
    }
  }, [drill, site])
  return live
}
