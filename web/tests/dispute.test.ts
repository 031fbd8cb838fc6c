import { expect, test } from 'vitest'
import { within } from '../src/protocol/dispute'
import { NO_REGISTERS, type Tariff } from '../src/protocol/records'

const rate = { price_per_second: 1n, price_per_1000_revolutions: 1n, max_rpm: 1000n }

const tariff: Tariff = {
  levels: [rate, rate, rate],
  standing_price_per_second: 0n,
  least_reserve: 1n,
}

const settled = { until: 10_000n, registers: { ...NO_REGISTERS, active_ms_2: 5000n, revolutions_2: 80n } }

test('test_within__receipt_of_the_same_time__cuts_to_what_it_shows', () => {
  const receipt = { until: 10_000n, registers: { ...NO_REGISTERS, active_ms_2: 4000n, revolutions_2: 90n } }
  expect(within(settled, receipt, tariff)).toEqual({ ...NO_REGISTERS, active_ms_2: 4000n, revolutions_2: 80n })
})

test('test_within__older_receipt__allows_wall_clock_and_highest_rpm_rounded_up', () => {
  const receipt = { until: 9_000n, registers: { ...NO_REGISTERS, active_ms_2: 3000n, revolutions_2: 60n } }
  // 1 s, and 1000 rpm in it are 16.7 turns.
  expect(within(settled, receipt, tariff)).toEqual({ ...NO_REGISTERS, active_ms_2: 4000n, revolutions_2: 77n })
})

test('test_within__later_receipt__allows_no_more_than_it_shows', () => {
  const receipt = { until: 20_000n, registers: { ...NO_REGISTERS, active_ms_2: 4999n, revolutions_2: 79n } }
  expect(within(settled, receipt, tariff)).toEqual({ ...NO_REGISTERS, active_ms_2: 4999n, revolutions_2: 79n })
})

test('test_within__receipt_that_allows_it__changes_nothing', () => {
  const receipt = { until: 4_000n, registers: NO_REGISTERS }
  expect(within(settled, receipt, tariff)).toEqual(settled.registers)
})
