/** The language of the page, and how it writes numbers, amounts and times. */

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react'
import type { Fault } from '../chain/faults'
import { ENDLESS_RUNWAY_SECONDS } from '../generated/protocol'
import { formatAmount, placesFor } from '../protocol/amounts'
import { memory } from '../site/memory'
import { de } from './de'
import { en, type Key } from './en'
import { INHIBIT_WORDS, REVERT_WORDS } from './reasons'

export type Language = 'en' | 'de'
type Values = Readonly<Record<string, string | number | bigint>>

export interface Speech {
  readonly language: Language
  readonly setLanguage: (language: Language) => void
  readonly t: (key: Key, values?: Values) => string
  readonly point: string
  /** With three digits that matter, or as many `more` as are wanted to see it tick. */
  readonly amount: (amount: bigint, decimals: number, symbol: string, more?: number) => string
  readonly whole: (value: bigint | number) => string
  readonly duration: (seconds: bigint) => string
  readonly moment: (unixSeconds: bigint) => string
  readonly fault: (fault: Fault) => string
  readonly inhibit: (reason: string) => string
}

const MEMORY = 'smart-drill language'
const Spoken = createContext<Speech | undefined>(undefined)

export function useSpeech(): Speech {
  const speech = useContext(Spoken)
  if (speech === undefined) throw new Error('no language chosen')
  return speech
}

export function firstLanguage(stored: string | null, wanted: readonly string[]): Language {
  if (stored === 'en' || stored === 'de') return stored
  const first = wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === 'de' || tag === 'en')
  return first === 'de' ? 'de' : 'en'
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => (name in values ? String(values[name]) : hole))
}

export function speak(language: Language, setLanguage: (language: Language) => void): Speech {
  const words = language === 'de' ? de : en
  const second = language === 'de' ? 1 : 0
  const point = language === 'de' ? ',' : '.'
  const group = language === 'de' ? '.' : ','
  const t = (key: Key, values?: Values) => fill(words[key], values)
  const whole = (value: bigint | number) => String(value).replace(/\B(?=(\d{3})+$)/g, group)
  return {
    language,
    setLanguage,
    t,
    point,
    whole,
    amount: (amount, decimals, symbol, more = 0) => {
      const places = Math.min(decimals, placesFor(amount, decimals) + more)
      return `${formatAmount(amount, decimals, { point, places })}\u00a0${symbol}`
    },
    duration: (seconds) => {
      if (seconds >= ENDLESS_RUNWAY_SECONDS) return t('time.endless')
      if (seconds < 60n) return t('time.seconds', { n: seconds })
      if (seconds < 3600n) return t('time.minutes', { m: seconds / 60n, s: seconds % 60n })
      if (seconds < 172_800n) return t('time.hours', { h: seconds / 3600n, m: (seconds % 3600n) / 60n })
      return t('time.days', { d: whole(seconds / 86_400n) })
    },
    moment: (unixSeconds) =>
      new Intl.DateTimeFormat(language === 'de' ? 'de-DE' : 'en-GB', {
        dateStyle: 'medium',
        timeStyle: 'short',
      }).format(new Date(Number(unixSeconds) * 1000)),
    fault: (fault) => {
      if (fault.kind === 'reverted') {
        return t('fault.reverted', { reason: REVERT_WORDS[fault.reason]?.[second] ?? fault.reason })
      }
      if (fault.kind === 'unknown') return t('fault.unknown', { text: fault.text })
      return t(`fault.${fault.kind}`)
    },
    inhibit: (reason) => {
      const bare = reason.replace(/^inhibited: /, '')
      return (INHIBIT_WORDS as Readonly<Record<string, readonly [string, string]>>)[bare]?.[second] ?? bare
    },
  }
}

export function SpeechProvider({ children }: { readonly children: ReactNode }) {
  const [language, set] = useState(() => firstLanguage(memory.getItem(MEMORY), navigator.languages))
  const speech = useMemo(
    () =>
      speak(language, (chosen) => {
        memory.setItem(MEMORY, chosen)
        set(chosen)
      }),
    [language],
  )
  useEffect(() => {
    document.documentElement.lang = language
  }, [language])
  return <Spoken.Provider value={speech}>{children}</Spoken.Provider>
}
