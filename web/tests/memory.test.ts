import { expect, test } from 'vitest'
import { Memory, type Store } from '../src/site/memory'

class Browser implements Store {
  readonly map = new Map<string, string>()
  room = Infinity
  readonly getItem = (key: string) => this.map.get(key) ?? null
  readonly removeItem = (key: string) => void this.map.delete(key)
  readonly setItem = (key: string, value: string) => {
    if (value.length > this.room) throw new DOMException('no room', 'QuotaExceededError')
    this.map.set(key, value)
  }
}

test('test_memory__site_data_blocked__lasts_as_long_as_the_page', () => {
  const memory = new Memory(() => {
    throw new DOMException('denied', 'SecurityError')
  })
  expect(memory.getItem('a')).toBeNull()
  memory.setItem('a', '1')
  expect(memory.getItem('a')).toBe('1')
  memory.removeItem('a')
  expect(memory.getItem('a')).toBeNull()
  expect(memory.health()).toBe('blocked')
})

test('test_memory__no_room__the_newest_is_known_and_kept_once_there_is_room', () => {
  const browser = new Browser()
  const memory = new Memory(() => browser)
  let told = 0
  memory.subscribe(() => (told += 1))
  memory.setItem('a', '1')
  browser.room = 1
  memory.setItem('a', 'longer')
  expect(memory.getItem('a')).toBe('longer')
  expect(memory.health()).toBe('full')
  browser.room = Infinity
  memory.setItem('a', 'longest')
  expect([memory.health(), browser.map.get('a'), told]).toEqual(['kept', 'longest', 2])
  // Another tab writes: what the browser has is what counts.
  browser.map.set('a', 'theirs')
  expect(memory.getItem('a')).toBe('theirs')
})

test('test_memory__another_error__is_not_swallowed', () => {
  const memory = new Memory(() => {
    throw new TypeError('a bug')
  })
  expect(() => memory.getItem('a')).toThrow('a bug')
})
