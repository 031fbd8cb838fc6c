/**
 * What drills and oracles publish, checked field by field before anything is made of it. The fields
 * are generated from protocol/messages.py; integers beyond 2^53 are refused, since JSON would have
 * rounded them.
 */

import { MAX_MESSAGE_BYTES, MESSAGES } from '../generated/messages'
import type { Hex, Lease, Reading } from './records'

type Field = {
  readonly type?: string
  readonly minimum?: number
  readonly exclusiveMaximum?: number
  readonly pattern?: string
  readonly maxLength?: number
  readonly enum?: readonly string[]
  readonly nullable?: boolean
}

export interface ReadingMessage {
  readonly chain_id: bigint
  readonly contract: Hex
  readonly drill: number
  readonly oracle: bigint
  readonly reading: Reading
  readonly signature: Hex
  readonly charge: bigint
  readonly balance: bigint
  readonly settled_until: bigint
  readonly headroom: bigint
  /** What came, for whoever wants to keep the receipt. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** The newest samples of a rental's log, and the peaks before them: proof under a signed root. */
export interface LogMessage {
  readonly drill: number
  readonly rental: bigint
  readonly log_size: bigint
  readonly peaks: Hex
  readonly samples: Hex
}

export interface StatusMessage {
  readonly drill: number
  readonly online: boolean
  readonly link_up: boolean
  readonly state: string
  readonly reason: string
  readonly time_ms: bigint
}

export interface LeaseMessage {
  readonly kind: 'lease'
  readonly drill: number
  readonly lease: Lease
  readonly signature: Hex
}

export interface InhibitMessage {
  readonly kind: 'inhibit'
  readonly drill: number
  readonly reason: string
  readonly time_ms: bigint
}

export class MessageError extends Error {}

type Values = Readonly<Record<string, unknown>>

function check(name: keyof typeof MESSAGES, value: unknown): Values {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MessageError(`a ${name} must be an object`)
  }
  const fields = MESSAGES[name] as Readonly<Record<string, Field>>
  const values = value as Values
  for (const key of Object.keys(values)) {
    if (!Object.hasOwn(fields, key)) throw new MessageError(`${name}: ${key} is not a field of this message`)
  }
  for (const [key, field] of Object.entries(fields)) checkField(`${name}.${key}`, field, values[key])
  return values
}

function checkField(place: string, field: Field, value: unknown): void {
  if (field.nullable === true && value === null) return
  if (field.type === 'integer') {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < (field.minimum ?? 0)) {
      throw new MessageError(`${place} is not a whole number in range`)
    }
    if (field.exclusiveMaximum !== undefined && value >= field.exclusiveMaximum) {
      throw new MessageError(`${place} is too large`)
    }
    return
  }
  if (field.type === 'boolean') {
    if (typeof value !== 'boolean') throw new MessageError(`${place} is neither true nor false`)
    return
  }
  if (typeof value !== 'string') throw new MessageError(`${place} is not text`)
  if (field.enum !== undefined && !field.enum.includes(value)) {
    throw new MessageError(`${place} is not one of ${field.enum.join(', ')}`)
  }
  if (field.pattern !== undefined && !new RegExp(field.pattern).test(value)) {
    throw new MessageError(`${place} is malformed`)
  }
  if (field.maxLength !== undefined && value.length > field.maxLength) {
    throw new MessageError(`${place} is too long`)
  }
}

const whole = (values: Values, key: string): bigint => BigInt(values[key] as number | string)

export function parseReading(value: unknown): ReadingMessage {
  const v = check('reading', value)
  return {
    chain_id: whole(v, 'chain_id'),
    contract: v['contract'] as Hex,
    drill: v['drill'] as number,
    oracle: whole(v, 'oracle'),
    reading: {
      rental: whole(v, 'rental'),
      until: whole(v, 'until'),
      active_ms_1: whole(v, 'active_ms_1'),
      active_ms_2: whole(v, 'active_ms_2'),
      active_ms_3: whole(v, 'active_ms_3'),
      revolutions_1: whole(v, 'revolutions_1'),
      revolutions_2: whole(v, 'revolutions_2'),
      revolutions_3: whole(v, 'revolutions_3'),
      log_size: whole(v, 'log_size'),
      log_root: v['log_root'] as Hex,
    },
    signature: v['signature'] as Hex,
    charge: whole(v, 'charge'),
    balance: whole(v, 'balance'),
    settled_until: whole(v, 'settled_until'),
    headroom: whole(v, 'headroom'),
    raw: v,
  }
}

export function parseLog(value: unknown): LogMessage {
  const v = check('log', value)
  return {
    drill: v['drill'] as number,
    rental: whole(v, 'rental'),
    log_size: whole(v, 'log_size'),
    peaks: v['peaks'] as Hex,
    samples: v['samples'] as Hex,
  }
}

export function parseStatus(value: unknown): StatusMessage {
  const v = check('status', value)
  return {
    drill: v['drill'] as number,
    online: v['online'] as boolean,
    link_up: v['link_up'] as boolean,
    state: v['state'] as string,
    reason: v['reason'] as string,
    time_ms: whole(v, 'time_ms'),
  }
}

export function parseCommand(value: unknown): LeaseMessage | InhibitMessage {
  const kind = typeof value === 'object' && value !== null ? (value as Values)['kind'] : undefined
  if (kind === 'inhibit') {
    const v = check('inhibit', value)
    return {
      kind,
      drill: v['drill'] as number,
      reason: v['reason'] as string,
      time_ms: whole(v, 'time_ms'),
    }
  }
  const v = check('lease', value)
  return {
    kind: 'lease',
    drill: v['drill'] as number,
    lease: {
      drill: whole(v, 'drill'),
      rental: whole(v, 'rental'),
      issued_at: whole(v, 'issued_at'),
      expires_at: whole(v, 'expires_at'),
      block_number: whole(v, 'block_number'),
      nonce: BigInt(v['nonce'] as Hex),
    },
    signature: v['signature'] as Hex,
  }
}

/** The value in a text that may be no longer than any message is; throws MessageError. */
export function parseJson(text: string): unknown {
  if (text.length > MAX_MESSAGE_BYTES) throw new MessageError('longer than any message')
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new MessageError('no JSON')
  }
}
