/** The endpoint's live stream, and whether it is alive: a silent one is said to be lost, and healed. */

import type { InhibitMessage, LeaseMessage, LogMessage, ReadingMessage, StatusMessage } from '../protocol/messages'
import { MessageError, parseCommand, parseJson, parseLog, parseReading, parseStatus } from '../protocol/messages'
import { API } from '../site/site'

/** Three beats of the endpoint. */
const SILENCE_MS = 16_000
const RETRY_MS = 3000

export type Link = 'connecting' | 'live' | 'broker-lost' | 'lost'

export interface Heard {
  readonly link: (link: Link) => void
  readonly reading: (message: ReadingMessage) => void
  readonly log: (message: LogMessage) => void
  readonly status: (message: StatusMessage) => void
  readonly command: (message: LeaseMessage | InhibitMessage) => void
  /** Something came that is not a message of the protocol. */
  readonly malformed: (what: string) => void
}

/** Listens to one drill, or to all, until the function that is returned is called. */
export function listen(drill: number | undefined, heard: Heard): () => void {
  let source: EventSource | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let over = false

  const alive = (): void => {
    clearTimeout(silence)
    silence = setTimeout(lost, SILENCE_MS)
  }

  const lost = (): void => {
    source?.close()
    clearTimeout(silence)
    if (over) return
    heard.link('lost')
    clearTimeout(retry)
    retry = setTimeout(open, RETRY_MS)
  }

  const on = <T>(name: string, parse: (value: unknown) => T, take: (message: T) => void): void => {
    source?.addEventListener(name, (event: MessageEvent<string>) => {
      alive()
      try {
        take(parse(parseJson(event.data)))
      } catch (error) {
        if (!(error instanceof MessageError)) throw error
        heard.malformed(error.message)
      }
    })
  }

  const open = (): void => {
    source = new EventSource(drill === undefined ? `${API}/stream` : `${API}/stream?drill=${drill}`)
    alive()
    source.onerror = lost
    on(
      'beat',
      (value) => value as { broker?: unknown },
      (beat) => heard.link(beat.broker === true ? 'live' : 'broker-lost'),
    )
    on('reading', parseReading, heard.reading)
    on('log', parseLog, heard.log)
    on('status', parseStatus, heard.status)
    on('lease', parseCommand, heard.command)
  }

  heard.link('connecting')
  open()
  return () => {
    over = true
    clearTimeout(retry)
    lost()
  }
}
