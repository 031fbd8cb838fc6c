import { type FormEvent, useState } from 'react'
import type { Asset } from '../chain/asset'
import type { Fleet } from '../chain/fleet'
import { allow } from '../chain/payment'
import { drillMeterAbi as abi } from '../generated/abi'
import { parseAmount } from '../protocol/amounts'
import type { Key } from '../text/en'
import { useSpeech } from '../text/text'
import { useAsset } from './asset'
import { useBase, useWallet } from './context'
import { useTill } from './pay'

type Kind = 'number' | 'address' | 'text' | 'price' | 'amount'

interface Field {
  readonly name: string
  readonly label: Key
  readonly kind: Kind
  readonly values?: { readonly n: number }
}

interface Change {
  readonly title: Key
  readonly call: string
  readonly fields: readonly Field[]
  readonly args: (values: readonly (bigint | string)[]) => readonly unknown[]
  /** Whether the last argument is an amount that is paid in the coin. */
  readonly pays?: boolean
}

const LEVEL_NUMBERS = [1, 2, 3] as const

const FORMS: readonly Change[] = [
  {
    title: 'provider.publish',
    call: 'publish_tariff',
    fields: [
      ...LEVEL_NUMBERS.flatMap((n): Field[] => [
        { name: `s${n}`, label: 'provider.per-second', kind: 'price', values: { n } },
        { name: `r${n}`, label: 'provider.per-1000', kind: 'price', values: { n } },
        { name: `m${n}`, label: 'provider.rpm', kind: 'number', values: { n } },
      ]),
      { name: 'standing', label: 'provider.standing', kind: 'price' },
      { name: 'least', label: 'provider.reserve', kind: 'price' },
    ],
    args: (v) => [
      {
        levels: [0, 3, 6].map((i) => ({
          price_per_second: v[i],
          price_per_1000_revolutions: v[i + 1],
          max_rpm: v[i + 2],
        })),
        standing_price_per_second: v[9],
        least_reserve: v[10],
        retired: false,
      },
    ],
  },
  {
    title: 'provider.list',
    call: 'list_drill',
    fields: [
      { name: 'oracle', label: 'provider.oracle', kind: 'number' },
      { name: 'tariff', label: 'provider.tariff', kind: 'number' },
      { name: 'label', label: 'provider.label', kind: 'text' },
    ],
    args: (v) => v,
  },
  {
    title: 'provider.reassign',
    call: 'reassign_drill',
    fields: [
      { name: 'drill', label: 'provider.drill-number', kind: 'number' },
      { name: 'oracle', label: 'provider.oracle', kind: 'number' },
      { name: 'tariff', label: 'provider.tariff', kind: 'number' },
    ],
    args: (v) => v,
  },
  {
    title: 'provider.retire-drill',
    call: 'retire_drill',
    fields: [{ name: 'drill', label: 'provider.drill-number', kind: 'number' }],
    args: (v) => v,
  },
  {
    title: 'provider.retire-tariff',
    call: 'retire_tariff',
    fields: [{ name: 'tariff', label: 'provider.tariff', kind: 'number' }],
    args: (v) => v,
  },
  {
    title: 'provider.register',
    call: 'register_oracle',
    fields: [{ name: 'key', label: 'provider.key', kind: 'address' }],
    args: (v) => v,
  },
  {
    title: 'provider.rotate',
    call: 'rotate_oracle',
    fields: [
      { name: 'oracle', label: 'provider.oracle', kind: 'number' },
      { name: 'key', label: 'provider.key', kind: 'address' },
    ],
    args: (v) => v,
  },
  {
    title: 'provider.revoke',
    call: 'revoke_oracle',
    fields: [{ name: 'oracle', label: 'provider.oracle', kind: 'number' }],
    args: (v) => v,
  },
  {
    title: 'provider.bond-post',
    call: 'post_bond',
    fields: [{ name: 'amount', label: 'provider.amount', kind: 'amount' }],
    args: (v) => v,
    pays: true,
  },
  {
    title: 'provider.bond-announce',
    call: 'announce_bond_release',
    fields: [{ name: 'amount', label: 'provider.amount', kind: 'amount' }],
    args: (v) => v,
  },
]

/** What the owner can do; each is shown as it will be sent before the wallet is asked. */
export function Changes({ fleet }: { readonly fleet: Fleet }) {
  const { address } = useWallet()
  const running = fleet.drills.flatMap(({ rental }) => (rental === undefined ? [] : [rental.rental.number]))
  const fixed: Change[] = [
    { title: 'provider.collect', call: 'collect', fields: [], args: () => [running, address] },
    fleet.paused
      ? { title: 'provider.unpause', call: 'unpause', fields: [], args: () => [] }
      : { title: 'provider.pause', call: 'pause', fields: [], args: () => [] },
    { title: 'provider.bond-release', call: 'release_bond', fields: [], args: () => [address] },
  ]
  return (
    <div className="cards">
      {[...fixed, ...FORMS].map((change) => (
        <Form key={change.call} change={change} />
      ))}
    </div>
  )
}

/** A change's form; of one with amounts only its name, while it is not known what they are in. */
function Form({ change }: { readonly change: Change }) {
  const { t } = useSpeech()
  const asset = useAsset()
  const inMoney = change.fields.some(({ kind }) => kind === 'amount' || kind === 'price')
  if (!inMoney || asset !== undefined) return <Fields change={change} asset={asset} />
  return (
    <section className="plate" aria-label={t(change.title)}>
      <h2>{t(change.title)}</h2>
      <p role="status">{t('asset.no-paying')}</p>
    </section>
  )
}

function Fields({ change, asset }: { readonly change: Change; readonly asset: Asset | undefined }) {
  const { t } = useSpeech()
  const { site } = useBase()
  const { ready, send } = useWallet()
  const till = useTill()
  const token = asset?.token
  const symbol = asset?.symbol ?? t('unknown')
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({})
  const [tried, setTried] = useState(false)
  const [review, setReview] = useState<readonly unknown[]>()
  const read = change.fields.map((field) => readField(field.kind, texts[field.name] ?? '', asset))
  const wrong = read.find((one) => 'fault' in one)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (wrong === undefined) setReview(change.args(read.map((one) => ('value' in one ? one.value : ''))))
  }
  const paid = change.pays === true && review !== undefined ? (review.at(-1) as bigint) : 0n
  const confirm = async (args: readonly unknown[]) => {
    setReview(undefined)
    setTried(false)
    if (paid > 0n && token !== undefined) {
      if (till === undefined || !(await allow(till, paid))) return
    }
    const value = token === undefined ? paid : 0n
    await send({ kind: 'provider', about: t(change.title), to: site.contract, abi, name: change.call, args, value })
  }

  return (
    <form className="plate" onSubmit={submit} noValidate aria-label={t(change.title)}>
      <h2>{t(change.title)}</h2>
      {change.fields.map((field, i) => {
        const one = read[i]
        const fault = tried && one !== undefined && 'fault' in one ? t(one.fault, { symbol }) : undefined
        return (
          <label key={field.name}>
            {t(field.label, { ...field.values, symbol })}
            <input
              autoComplete="off"
              value={texts[field.name] ?? ''}
              aria-invalid={fault !== undefined}
              onChange={(event) => {
                setTexts({ ...texts, [field.name]: event.target.value })
                setReview(undefined)
              }}
            />
            {fault !== undefined && (
              <span className="fault" role="alert">
                {fault}
              </span>
            )}
          </label>
        )
      })}
      {review === undefined ? (
        <button type="submit" className="quiet" disabled={!ready}>
          {t('provider.review')}
        </button>
      ) : (
        <div className="sure" role="group" aria-label={t('provider.review-title')}>
          <p>{t('provider.review-title')}</p>
          {paid > 0n && token !== undefined && (
            <pre className="code">{`${symbol}: approve(${say([site.contract, paid])})`}</pre>
          )}
          <pre className="code">{`${change.call}(${say(review)})`}</pre>
          <button type="button" autoFocus onClick={() => void confirm(review)}>
            {t('provider.confirm')}
          </button>
          <button type="button" className="quiet" onClick={() => setReview(undefined)}>
            {t('do.cancel')}
          </button>
        </div>
      )}
    </form>
  )
}

/** Arguments exactly as they are encoded, in the smallest unit. */
function say(args: readonly unknown[]): string {
  return args
    .map((arg) => JSON.stringify(arg, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v), 1))
    .join(', ')
}

type Read = { readonly value: bigint | string } | { readonly fault: Key }

function readField(kind: Kind, text: string, asset: Asset | undefined): Read {
  const trimmed = text.trim()
  if (kind === 'number') {
    return /^[1-9][0-9]{0,9}$/.test(trimmed) ? { value: BigInt(trimmed) } : { fault: 'provider.number-bad' }
  }
  if (kind === 'address') {
    return /^0x[0-9a-fA-F]{40}$/.test(trimmed) ? { value: trimmed } : { fault: 'provider.address-bad' }
  }
  if (kind === 'text') {
    const bytes = new TextEncoder().encode(trimmed).length
    return bytes >= 1 && bytes <= 64 ? { value: trimmed } : { fault: 'provider.text-bad' }
  }
  if (asset === undefined) return { fault: 'asset.no-paying' }
  const amount = parseAmount(trimmed, asset.decimals)
  if (amount === 'zero' && kind === 'price') return { value: 0n }
  return typeof amount === 'string' ? { fault: `amount.${amount}` } : { value: amount }
}
