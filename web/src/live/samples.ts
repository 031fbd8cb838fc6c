/**
 * The samples behind a reading. They are not signed one by one: a signed reading carries the root
 * of the sample log, and samples count when the log that ends with them has that very root.
 */

import { hexToBytes } from 'viem'
import { rootOf } from '../protocol/merkle'
import type { LogMessage, ReadingMessage } from '../protocol/messages'
import { decodeSample, SAMPLE_BYTES, type Sample } from '../protocol/sample'

const MINUTE_MS = 60_000n
const HASH_BYTES = 32

function parts(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

/** Whether a reading is the one whose root the samples can be held against. */
export function belongs(log: LogMessage, { drill, reading }: ReadingMessage): boolean {
  return log.drill === drill && log.rental === reading.rental && log.log_size === reading.log_size
}

/** The samples, oldest first, or undefined when the signed log does not end with them. */
export function proven(log: LogMessage, message: ReadingMessage): readonly Sample[] | undefined {
  const leaves = parts(hexToBytes(log.samples), SAMPLE_BYTES)
  const peaks = parts(hexToBytes(log.peaks), HASH_BYTES)
  if (rootOf(log.log_size, peaks, leaves) !== message.reading.log_root) return undefined
  return leaves.map(decodeSample)
}

/** The samples of the last minute with newer ones added; what is there already comes once. */
export function append(known: readonly Sample[], added: readonly Sample[]): readonly Sample[] {
  const last = known.at(-1)?.sequence ?? 0n
  const all = [...known, ...added.filter((one) => one.sequence > last)]
  const from = (all.at(-1)?.time_ms ?? 0n) - MINUTE_MS
  return all.filter((one) => one.time_ms >= from)
}
