/**
 * What a receipt says against what was settled. Source: contracts/modules/disputes.vy and
 * `_within` in contracts/modules/meter.vy.
 */

import { MS_PER_MINUTE } from '../generated/protocol'
import { PLACES, type Registers, type Tariff } from './records'

export interface Metered {
  readonly until: bigint
  readonly registers: Registers
}

/**
 * The settled registers, each cut to what the receipt allows: what it shows and, where it is older,
 * what wall clock and highest rpm could have added since, turns rounded up.
 */
export function within(settled: Metered, receipt: Metered, tariff: Tariff): Registers {
  const elapsed = settled.until > receipt.until ? settled.until - receipt.until : 0n
  const cut = { ...settled.registers }
  for (const place of PLACES) {
    const level = (place + 1) as 1 | 2 | 3
    const active = `active_ms_${level}` as const
    const turns = `revolutions_${level}` as const
    const rpm = tariff.levels[place].max_rpm
    const turned = (elapsed * rpm + MS_PER_MINUTE - 1n) / MS_PER_MINUTE
    cut[active] = least(cut[active], receipt.registers[active] + elapsed)
    cut[turns] = least(cut[turns], receipt.registers[turns] + turned)
  }
  return cut
}

const least = (a: bigint, b: bigint) => (a < b ? a : b)
