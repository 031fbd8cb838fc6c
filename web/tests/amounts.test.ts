import { expect, test } from 'vitest'
import { exactAmount, formatAmount, parseAmount, placesFor } from '../src/protocol/amounts'

test.each([
  ['1', 10n ** 18n],
  ['0.016831', 16_831n * 10n ** 12n],
  ['0,5', 5n * 10n ** 17n],
  [' 12.000000000000000001 ', 12n * 10n ** 18n + 1n],
  ['0.1000000000000000000000', 10n ** 17n],
])('test_parse_amount__%s__is_exact', (text, amount) => {
  expect(parseAmount(text, 18)).toBe(amount)
})

test.each([
  ['', 'empty'],
  ['0.0', 'zero'],
  ['1,000.5', 'malformed'],
  ['1e3', 'malformed'],
  ['-1', 'malformed'],
  ['.5', 'malformed'],
  ['0x10', 'malformed'],
  ['0.0000000000000000001', 'too-fine'],
])('test_parse_amount__%s__is_refused', (text, fault) => {
  expect(parseAmount(text, 18)).toBe(fault)
})

test('test_format_amount__more_digits__are_cut_off_and_never_rounded_up', () => {
  const style = { point: ',', places: 4 }
  expect(formatAmount(999_999n, 6, style)).toBe('0,9999')
  expect(formatAmount(-1_234_567n, 6, style)).toBe('-1,2345')
  expect(formatAmount(7n, 0, { point: '.', places: 0 })).toBe('7')
  expect(formatAmount(2n ** 96n, 18, { point: '.', places: 18 })).toBe('79228162514.264337593543950336')
})

test('test_exact_amount__there_and_back__is_the_same', () => {
  for (const amount of [1n, 10n ** 18n, 123_456_789n, 2n ** 96n - 1n]) {
    expect(parseAmount(exactAmount(amount, 18, '.'), 18)).toBe(amount)
  }
})

test('test_places_for__small_amounts__shows_three_digits', () => {
  expect(placesFor(0n, 18)).toBe(2)
  expect(placesFor(12n * 10n ** 18n, 18)).toBe(2)
  expect(placesFor(123_456_789_000_000n, 18)).toBe(6)
  expect(placesFor(5n, 6)).toBe(6)
})
