import { encodeAbiParameters, type Hex, type PublicClient, stringToHex } from 'viem'
import { expect, test } from 'vitest'
import { decodeText, readDecimals } from '../src/chain/asset'
import { TokenError } from '../src/chain/faults'
import { splitSignature } from '../src/chain/permit'

const text = (value: string) => encodeAbiParameters([{ type: 'string' }], [value])
const word = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`

test.each<[string, Hex, string | undefined]>([
  ['string', text('USDT'), 'USDT'],
  ['bytes32', stringToHex('MKR', { size: 32 }), 'MKR'],
  ['long', text('x'.repeat(99)), 'x'.repeat(16)],
  ['writes over its neighbours', text('US\u202eD\u0007'), 'USD'],
  ['empty', text(''), undefined],
  ['nothing', '0x', undefined],
  ['no UTF-8', `0x${'ff'.repeat(32)}`, undefined],
  ['offset beyond the end', `0x${'ff'.repeat(64)}`, undefined],
  ['length beyond the end', `${word(32n)}${'ff'.repeat(32)}`, undefined],
])('test_decode_text__%s__is_read_or_not_there', (_, data, said) => {
  expect(decodeText(data)).toBe(said)
})

const token = `0x${'11'.repeat(20)}` as const
const answering = (data: Hex | undefined) => ({ call: () => Promise.resolve({ data }) }) as unknown as PublicClient

test('test_read_decimals__any_answer__is_a_number_or_none', async () => {
  await expect(readDecimals(answering(word(6n)), token)).resolves.toBe(6)
  await expect(readDecimals(answering(word(0n)), token)).resolves.toBe(0)
  for (const data of ['0x', '0x06', undefined, word(78n), word(2n ** 255n)] as const) {
    await expect(readDecimals(answering(data), token)).rejects.toThrow(TokenError)
  }
})

test('test_read_decimals__no_answer__is_not_taken_for_one', async () => {
  const busy = {
    call: () => Promise.reject(Object.assign(new Error('slow down'), { code: -32005 })),
  } as unknown as PublicClient
  await expect(readDecimals(busy, token)).rejects.toThrow('slow down')
})

const r = 'a1'.repeat(32)
const s = `0${'b2'.repeat(32).slice(1)}`
const compact = ((0x8n << 252n) | BigInt(`0x${s}`)).toString(16)

test.each<[string, string, number | undefined]>([
  ['27', `${r}${s}1b`, 27],
  ['28', `${r}${s}1c`, 28],
  ['0', `${r}${s}00`, 27],
  ['1', `${r}${s}01`, 28],
  ['64 bytes, even', `${r}${s}`, 27],
  ['64 bytes, odd', `${r}${compact}`, 28],
  ['v of 2', `${r}${s}02`, undefined],
  ['of a contract', `${r}${s}1b${r}`, undefined],
  ['nothing', '', undefined],
])('test_split_signature__%s__gives_v_as_tokens_want_it', (_, signature, v) => {
  const parts = splitSignature(`0x${signature}`)
  expect(parts?.v).toBe(v)
  if (parts !== undefined) expect(parts).toMatchObject({ r: `0x${r}`, s: `0x${s}` })
})
