/** The meter word: `until` and the six registers in 256 bits. Source: protocol/meter_word.py. */

import { METER_BITS } from '../generated/protocol'
import type { Registers } from './records'

type Fields = Registers & { readonly until: bigint }

const PLACES = Object.entries(METER_BITS) as [keyof Fields, number][]

/** The word; throws RangeError when a field is wider than its place. */
export function packMeter(fields: Fields): bigint {
  let word = 0n
  let shift = 0n
  for (const [name, bits] of PLACES) {
    const value = fields[name]
    if (value < 0n || value >> BigInt(bits) !== 0n) {
      throw new RangeError(`${name} must lie in 0 .. 2^${bits}-1, not ${value}`)
    }
    word |= value << shift
    shift += BigInt(bits)
  }
  return word
}

/** The fields of a word; throws RangeError for anything but a uint256. */
export function unpackMeter(word: bigint): Fields {
  if (word < 0n || word >> 256n !== 0n) throw new RangeError(`no uint256: ${word}`)
  const fields: Partial<Record<keyof Fields, bigint>> = {}
  let rest = word
  for (const [name, bits] of PLACES) {
    fields[name] = rest & ((1n << BigInt(bits)) - 1n)
    rest >>= BigInt(bits)
  }
  return fields as Fields
}
