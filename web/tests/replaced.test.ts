import type { PublicClient } from 'viem'
import { expect, test } from 'vitest'
import { type Effect, replacementOf, sameAmong } from '../src/chain/replaced'

const sender = `0x${'aa'.repeat(20)}` as const
const contract = `0x${'cc'.repeat(20)}` as const
const effect: Effect = { to: contract, data: '0x1234', value: '7' }

interface Sent {
  readonly block: bigint
  readonly nonce: number
  readonly to?: string
  readonly input?: string
  readonly value?: bigint
}

/** A chain of a thousand blocks, with these transactions of the sender in it. */
function chainWith(sent: readonly Sent[], asked: string[] = []): PublicClient {
  return {
    getBlockNumber: async () => 1000n,
    getTransactionCount: async ({ blockNumber }: { blockNumber: bigint }) => {
      asked.push('count')
      return sent.filter((one) => one.block <= blockNumber).length
    },
    getBlock: async ({ blockNumber }: { blockNumber: bigint }) => ({
      transactions: sent
        .filter((one) => one.block === blockNumber)
        .map((one) => ({ from: sender, hash: `0x${one.nonce}`, to: contract, input: '0x1234', value: 7n, ...one })),
    }),
  } as unknown as PublicClient
}

test.each<[string, Partial<Sent>, string]>([
  ['same call', {}, 'same'],
  ['nothing to oneself', { to: sender, input: '0x', value: 0n }, 'cancelled'],
  ['another amount', { value: 8n }, 'replaced'],
  ['another call', { input: '0x12' }, 'replaced'],
  ['another contract', { to: sender }, 'replaced'],
])('test_replacement__%s__is_told', async (_, changed, kind) => {
  const chain = chainWith([
    { block: 400n, nonce: 0 },
    { block: 612n, nonce: 1, ...changed },
  ])
  expect((await replacementOf(chain, sender, 1, 400n, effect)).kind).toBe(kind)
})

test('test_replacement__endpoint_without_old_states__says_that_it_is_not_known', async () => {
  const pruned = {
    ...chainWith([]),
    getTransactionCount: () => Promise.reject(new Error('missing trie node')),
  } as unknown as PublicClient
  expect(await replacementOf(pruned, sender, 1, 0n, effect)).toEqual({ kind: 'replaced-unknown' })
})

test('test_replacement__no_answer__is_asked_again', async () => {
  const away = {
    ...chainWith([]),
    getTransactionCount: () => Promise.reject(new Error('Failed to fetch')),
  } as unknown as PublicClient
  await expect(replacementOf(away, sender, 1, 0n, effect)).rejects.toThrow('fetch')
})

test('test_same_among__nonce_never_seen__is_found_in_few_questions', async () => {
  const asked: string[] = []
  const chain = chainWith(
    [
      { block: 3n, nonce: 0, value: 1n },
      { block: 990n, nonce: 1 },
    ],
    asked,
  )
  expect(await sameAmong(chain, sender, { from: 0, to: 2 }, 0n, effect)).toBe('0x1')
  expect(asked.length).toBeLessThanOrEqual(20)
  expect(await sameAmong(chain, sender, { from: 0, to: 1 }, 0n, effect)).toBeUndefined()
})
