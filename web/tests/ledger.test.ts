import { expect, test } from 'vitest'
import { faultOf, TokenError } from '../src/chain/faults'
import { Ledger, type Transaction } from '../src/chain/ledger'

class Store {
  private readonly map = new Map<string, string>()
  readonly getItem = (key: string) => this.map.get(key) ?? null
  readonly removeItem = (key: string) => void this.map.delete(key)
  readonly setItem = (key: string, value: string) => void this.map.set(key, value)
}

const asked: Transaction = {
  id: 'a',
  kind: 'open',
  about: '1',
  state: 'asked',
  at: 1,
  sender: `0x${'11'.repeat(20)}`,
}

test('test_ledger__after_a_reload__knows_what_was_sent_and_nothing_else', () => {
  const store = new Store()
  const before = new Ledger('k', store)
  before.add(asked)
  before.add({ ...asked, id: 'b', state: 'sent', hash: '0x12' })
  const after = new Ledger('k', store)
  expect(after.all().map((one) => one.id)).toEqual(['b'])
})

test('test_ledger__another_tab_writes__both_are_known', () => {
  const store = new Store()
  const [here, there] = [new Ledger('k', store), new Ledger('k', store)]
  here.add(asked)
  there.add({ ...asked, id: 'b', state: 'sent', hash: '0x12' })
  here.reload({ key: 'k' } as StorageEvent)
  expect(here.all().map((one) => one.id)).toEqual(['a', 'b'])
  there.change('b', { state: 'final', block: '7' })
  here.reload({ key: 'k' } as StorageEvent)
  expect(here.find('b')?.state).toBe('final')
})

test('test_ledger__broken_memory__begins_anew', () => {
  const store = new Store()
  store.setItem('k', '[{"id"')
  expect(new Ledger('k', store).all()).toEqual([])
})

test('test_ledger__change_that_changes_nothing__tells_nobody', () => {
  const ledger = new Ledger('k', new Store())
  ledger.add(asked)
  let told = 0
  ledger.subscribe(() => (told += 1))
  ledger.change('a', { state: 'asked' })
  expect(told).toBe(0)
})

const nested = (code: number) => new Error('outer', { cause: Object.assign(new Error('inner'), { code }) })

test.each([
  [nested(4001), 'rejected'],
  [nested(-32002), 'pending'],
  [new Error('execution reverted: drills: in a rental'), 'reverted'],
  [new Error('insufficient funds for gas * price + value'), 'no-funds'],
  [new Error('Failed to fetch'), 'unreachable'],
  [nested(-32005), 'busy'],
  [Object.assign(new Error('HTTP request failed'), { status: 429 }), 'busy'],
  [new TokenError('no-decimals'), 'no-decimals'],
  [{ code: 1, message: 'odd' }, 'unknown'],
])('test_fault_of__%s__is_%s', (error, kind) => {
  expect(faultOf(error).kind).toBe(kind)
})
