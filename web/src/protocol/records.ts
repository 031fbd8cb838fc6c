/**
 * Records of the protocol, spelt as in the contract. All numbers are bigint: nothing here ever
 * passes through floating point. Times are Unix ms, `opened_at` and `ended_at` Unix s.
 */

export interface LevelRate {
  readonly price_per_second: bigint
  readonly price_per_1000_revolutions: bigint
  readonly max_rpm: bigint
}

export interface Tariff {
  readonly levels: readonly [LevelRate, LevelRate, LevelRate]
  readonly standing_price_per_second: bigint
  readonly least_reserve: bigint
}

/** Where a level stands in lists of three: nothing stands in for one that is missing. */
export const PLACES = [0, 1, 2] as const

export interface Registers {
  readonly active_ms_1: bigint
  readonly active_ms_2: bigint
  readonly active_ms_3: bigint
  readonly revolutions_1: bigint
  readonly revolutions_2: bigint
  readonly revolutions_3: bigint
}

export const REGISTERS = [
  'active_ms_1',
  'active_ms_2',
  'active_ms_3',
  'revolutions_1',
  'revolutions_2',
  'revolutions_3',
] as const

export const NO_REGISTERS: Registers = {
  active_ms_1: 0n,
  active_ms_2: 0n,
  active_ms_3: 0n,
  revolutions_1: 0n,
  revolutions_2: 0n,
  revolutions_3: 0n,
}

export interface Caps {
  readonly per_rental: bigint
  readonly per_hour: bigint
}

export type Hex = `0x${string}`

export interface Reading extends Registers {
  readonly rental: bigint
  readonly until: bigint
  readonly log_size: bigint
  readonly log_root: Hex
}

export interface Lease {
  readonly drill: bigint
  readonly rental: bigint
  readonly issued_at: bigint
  readonly expires_at: bigint
  readonly block_number: bigint
  readonly nonce: bigint
}

/** Where a signature is valid: one contract on one chain. */
export interface Domain {
  readonly chain_id: bigint
  readonly contract: Hex
}

export function activeMs(registers: Registers): readonly [bigint, bigint, bigint] {
  return [registers.active_ms_1, registers.active_ms_2, registers.active_ms_3]
}

export function revolutions(registers: Registers): readonly [bigint, bigint, bigint] {
  return [registers.revolutions_1, registers.revolutions_2, registers.revolutions_3]
}

/** Whether no register is lower than in `before`. */
export function noLowerThan(after: Registers, before: Registers): boolean {
  return REGISTERS.every((name) => after[name] >= before[name])
}
