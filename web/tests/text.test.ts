import { expect, test } from 'vitest'
import { INHIBITS, REVERTS } from '../src/generated/reasons'
import { parseRoute } from '../src/route'
import { parseSite } from '../src/site/site'
import { de } from '../src/text/de'
import { en } from '../src/text/en'
import { INHIBIT_WORDS, REVERT_WORDS } from '../src/text/reasons'
import { fill, firstLanguage, speak } from '../src/text/text'

const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()

test('test_words__both_languages__say_the_same_things_with_the_same_placeholders', () => {
  expect(Object.keys(de)).toEqual(Object.keys(en))
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(holes(de[key]), key).toEqual(holes(en[key]))
})

test('test_reasons__of_the_oracle__have_words', () => {
  expect(Object.keys(INHIBIT_WORDS).sort()).toEqual([...INHIBITS].sort())
})

test('test_reasons__what_a_customers_call_can_meet__has_words', () => {
  const met = REVERTS.filter((reason) => /^(rentals|pausable: contract is paused)/.test(reason))
  const unsaid = met.filter((reason) => !(reason in REVERT_WORDS))
  // At deployment only.
  expect(unsaid).toEqual(['rentals: grace period over 30 days', 'rentals: grace period under an hour'])
})

const english = speak('en', () => undefined)
const german = speak('de', () => undefined)

test('test_amount__in_two_languages__is_cut_off_and_has_its_own_point', () => {
  expect(english.amount(1_234_567n, 6, 'USD')).toBe('1.23\u00a0USD')
  expect(german.amount(1_239_999n, 6, 'USD')).toBe('1,23\u00a0USD')
  expect(english.amount(2_623_456n * 10n ** 9n, 18, 'ETH', 2)).toBe('0.0026234\u00a0ETH')
})

test('test_duration__every_size__is_said_in_two_units', () => {
  const said = [0n, 59n, 61n, 3_660n, 172_800n, 3_153_600_000n].map(english.duration)
  expect(said).toEqual(['0 s', '59 s', '1 min 1 s', '1 h 1 min', '2 days', 'unlimited'])
})

test('test_fault__every_kind__is_said_in_words', () => {
  expect(german.fault({ kind: 'reverted', reason: 'drills: in a rental' })).toContain('jemand anders')
  expect(english.fault({ kind: 'reverted', reason: 'settle: unsigned readings' })).toContain('settle: unsigned')
  expect(english.fault({ kind: 'replaced' })).toContain('took its place')
  expect(english.inhibit('inhibited: credit exhausted')).toBe('the credit is used up')
})

test('test_first_language__choice_before_browser__and_english_for_others', () => {
  expect(firstLanguage('de', ['en'])).toBe('de')
  expect(firstLanguage(null, ['fr-FR', 'de-AT', 'en'])).toBe('de')
  expect(firstLanguage('xx', ['fr'])).toBe('en')
  expect(fill('{a} {b}', { a: 1n })).toBe('1 {b}')
})

test('test_route__what_is_none__is_the_storefront', () => {
  expect(parseRoute('#/drill/12')).toEqual({ view: 'drill', number: 12 })
  expect(parseRoute('#/rental/3')).toEqual({ view: 'rental', number: 3n })
  for (const hash of ['', '#/drill/0', '#/drill/1e3', '#/rental/x', '#//evil']) {
    expect(parseRoute(hash)).toEqual({ view: 'store' })
  }
})

test('test_parse_site__bad_field__is_named', () => {
  const site = {
    chain_id: 1,
    chain_name: 'a',
    contract: `0x${'5f'.repeat(20)}`,
    asset: `0x${'00'.repeat(20)}`,
    block_number: 0,
    grace_period_seconds: 3600,
    rpc_url: 'http://x',
    coin: { symbol: 'E', decimals: 18 },
    confirmations: 1,
    reserve_seconds: 84,
    drills: [],
  }
  expect(parseSite(site).chain_id).toBe(1)
  for (const [name, value] of [
    ['contract', '0x1'],
    ['chain_id', 1.5],
    ['rpc_url', 'ftp://x'],
    ['drills', {}],
    ['coin', { symbol: 'E' }],
    ['coin', { symbol: 'E', decimals: '18' }],
  ] as const) {
    expect(() => parseSite({ ...site, [name]: value })).toThrow(name)
  }
})
