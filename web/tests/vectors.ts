/** The vectors that Vyper, Python and TypeScript share. */

import { readFileSync } from 'node:fs'

export type Texts = Readonly<Record<string, string>>

export function vectors<T>(name: string): T {
  const file = new URL(`../../tests/vectors/${name}`, import.meta.url)
  return JSON.parse(readFileSync(file, 'ascii')) as T
}

/** A record of decimal strings as bigints; what is hexadecimal stays. */
export function whole<T>(record: Texts): T {
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [k, v.startsWith('0x') ? v : BigInt(v)])) as T
}
