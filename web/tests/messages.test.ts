import { expect, test } from 'vitest'
import { MessageError, parseCommand, parseJson, parseReading, parseStatus } from '../src/protocol/messages'

const READING = {
  chain_id: 31337,
  contract: `0x${'5f'.repeat(20)}`,
  drill: 1,
  oracle: 1,
  rental: 4,
  until: 1_790_000_000_000,
  active_ms_1: 1000,
  active_ms_2: 0,
  active_ms_3: 0,
  revolutions_1: 40,
  revolutions_2: 0,
  revolutions_3: 0,
  log_size: 12,
  log_root: `0x${'ab'.repeat(32)}`,
  signature: `0x${'cd'.repeat(65)}`,
  charge: '12',
  balance: '100',
  headroom: '-4',
  runway_seconds: 0,
  settled_until: 0,
  settled_charge: '0',
  warning: 'none',
}

test('test_parse_reading__whole_message__is_in_integers', () => {
  const parsed = parseReading(READING)
  expect(parsed.reading.active_ms_1).toBe(1000n)
  expect(parsed.headroom).toBe(-4n)
  expect(parsed.raw).toEqual(READING)
})

test.each([
  ['a field missing', { drill: undefined }],
  ['a field too many', { note: 'x' }],
  ['a number that JSON rounds', { until: 2 ** 53 }],
  ['a fraction', { log_size: 1.5 }],
  ['a negative register', { revolutions_1: -1 }],
  ['drill 0', { drill: 0 }],
  ['money as a number', { charge: 12 }],
  ['money in hexadecimal', { charge: '0x12' }],
  ['a short root', { log_root: '0xab' }],
  ['an unknown warning', { warning: 'maybe' }],
])('test_parse_reading__%s__is_refused', (_, change) => {
  expect(() => parseReading({ ...READING, ...change })).toThrow(MessageError)
})

test('test_parse_reading__no_object__is_refused', () => {
  for (const value of [null, [], 'x', 1]) expect(() => parseReading(value)).toThrow(MessageError)
})

test('test_parse_command__inhibit__has_its_reason', () => {
  const inhibit = { kind: 'inhibit', drill: 1, reason: 'no rental', time_ms: 5 }
  for (const rental of [null, 0, 7]) expect(parseCommand({ ...inhibit, rental })).toEqual({ ...inhibit, time_ms: 5n })
  for (const rental of [-1, '7', undefined]) expect(() => parseCommand({ ...inhibit, rental })).toThrow(MessageError)
  expect(() => parseCommand({ ...inhibit, kind: 'other' })).toThrow(MessageError)
})

test('test_parse_status__text_for_a_truth__is_refused', () => {
  const status = { drill: 1, online: true, link_up: true, state: 'READY', reason: '', sequence: 3, time_ms: 9 }
  expect(parseStatus(status).online).toBe(true)
  expect(() => parseStatus({ ...status, online: 'yes' })).toThrow('online')
})

test('test_parse_json__too_long_or_broken__is_refused', () => {
  expect(() => parseJson(`"${'x'.repeat(9000)}"`)).toThrow(MessageError)
  expect(() => parseJson('{')).toThrow(MessageError)
})
