/** What the whole fleet says of itself, live: who is reachable, and when it was last heard of. */

import { useEffect, useState } from 'react'
import { type Link, listen } from './stream'

export interface Seen {
  readonly online: boolean
  readonly state: string
  /** When the drill last said something, Unix ms by its own or its oracle's clock. */
  readonly at: bigint
}

export interface FleetLive {
  readonly link: Link
  readonly drills: ReadonlyMap<number, Seen>
}

const UNSEEN: Seen = { online: false, state: '', at: 0n }

/** Listens to all drills while `wanted`. It is their own word and unsigned: nothing is billed by it. */
export function useFleetLive(wanted: boolean): FleetLive {
  const [live, set] = useState<FleetLive>({ link: 'connecting', drills: new Map() })
  useEffect(() => {
    if (!wanted) return undefined
    const note = (drill: number, at: bigint, change: Partial<Seen>): void =>
      set(({ link, drills }) => {
        const before = drills.get(drill) ?? UNSEEN
        const seen = { ...before, ...change, at: at > before.at ? at : before.at }
        return { link, drills: new Map(drills).set(drill, seen) }
      })
    return listen(undefined, {
      link: (link) => set(({ drills }) => ({ link, drills })),
      reading: ({ drill, reading }) => note(drill, reading.until, {}),
      status: ({ drill, online, link_up, state, time_ms }) =>
        note(drill, time_ms, { online: online && link_up, state }),
      log: () => undefined,
      command: () => undefined,
      malformed: () => undefined,
    })
  }, [wanted])
  return live
}
