import { useQuery } from '@tanstack/react-query'
import { useEffect, useReducer, useRef, useState } from 'react'
import type { Address } from 'viem'
import { type Fault, faultOf } from '../chain/faults'
import { askIndex, countRentals, NOTHING_LOOKED, type Progress, searchRentals } from '../chain/search'
import { drillMeterAbi as abi } from '../generated/abi'
import { RENTAL_STATES } from '../generated/protocol'
import { useSpeech } from '../text/text'
import { useAsset, useMoney } from './asset'
import { useBase, useFunds, useRental, useWallet } from './context'
import { Failed, Figure } from './parts'
import { StateName } from './rental'
import { useCard } from './store'

const LOOK_MS = 15_000

/** This many of the newest are looked at again: the chain may have dropped a block since. */
const AGAIN = 20n

interface Search extends Progress {
  readonly state: 'searching' | 'done' | 'failed'
  readonly fault?: Fault
}

/**
 * The customer's rentals, searched for again whenever there are new ones; `alone` without the
 * endpoint's index.
 */
function useSearch(customer: Address | undefined, alone: boolean) {
  const { site, client, from } = useBase()
  const [search, set] = useState<Search>({ ...NOTHING_LOOKED, state: 'searching' })
  const [attempt, again] = useReducer((n: number) => n + 1, 0)
  const count = useQuery({
    queryKey: ['rental count'],
    queryFn: () => countRentals(client, site),
    refetchInterval: LOOK_MS,
  })
  const newest = count.data
  const done = useRef<{ readonly alone: boolean; readonly through: bigint }>(undefined)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt searches again.
  useEffect(() => {
    if (customer === undefined || newest === undefined) return undefined
    let over = false
    const run = async (): Promise<void> => {
      const indexed = alone || from !== 'endpoint' ? undefined : await askIndex(customer)
      const before = done.current?.alone === alone ? done.current.through : 0n
      const after = before > AGAIN ? before - AGAIN : 0n
      let last: Progress = NOTHING_LOOKED
      for await (const progress of searchRentals(client, site, customer, indexed, after)) {
        if (over) return
        last = progress
        // What was found before stays in view while it is gone through again.
        set((before) => ({ ...progress, found: joined(progress.found, before.found), state: 'searching' }))
      }
      if (over) return
      done.current = { alone, through: last.of }
      set((now) => ({ ...now, state: 'done' }))
    }
    run().catch((error: unknown) => {
      if (!over) set((before) => ({ ...before, state: 'failed', fault: faultOf(error) }))
    })
    return () => {
      over = true
    }
  }, [client, site, from, customer, alone, newest, attempt])
  if (count.isError && newest === undefined) {
    return {
      search: { ...search, state: 'failed', fault: faultOf(count.error) } as Search,
      again: () => void count.refetch(),
    }
  }
  return { search, again }
}

const joined = (now: readonly bigint[], before: readonly bigint[]) =>
  [...new Set([...now, ...before])].sort((a, b) => (a < b ? 1 : -1))

export function History() {
  const { t } = useSpeech()
  const { address } = useWallet()
  return (
    <>
      <h1>{t('history.title')}</h1>
      {address === undefined ? (
        <p className="empty">{t('history.connect')}</p>
      ) : (
        <>
          <Account />
          <Rentals customer={address} key={address} />
        </>
      )}
    </>
  )
}

function Rentals({ customer }: { readonly customer: Address }) {
  const { t } = useSpeech()
  const [alone, setAlone] = useState(false)
  const { search, again } = useSearch(customer, alone)
  const { found, state } = search
  return (
    <>
      {found.length > 0 && <Table list={found} customer={customer} />}
      {state === 'done' && found.length === 0 && <p className="empty">{t('history.empty')}</p>}
      <Progressed search={search} again={again} />
      {state === 'done' && search.by_index > 0n && (
        <div className="help" data-index={String(search.by_index)}>
          <p>{t('history.index', { n: String(search.by_index) })}</p>
          <p>
            <button type="button" className="quiet" onClick={() => setAlone(true)}>
              {t('history.alone')}
            </button>
          </p>
        </div>
      )}
      {search.false > 0 && (
        <p className="banner bad" role="alert">
          {t('history.false', { n: search.false })}
        </p>
      )}
    </>
  )
}

/** How far the search is, and why it stopped if it did. */
function Progressed({ search, again }: { readonly search: Search; readonly again: () => void }) {
  const { t, whole, fault } = useSpeech()
  if (search.state === 'failed') {
    const why = search.fault === undefined ? '' : fault(search.fault)
    return <Failed text={t('history.failed', { why })} again={again} />
  }
  if (search.state === 'done') return null
  return (
    <div role="status" className="help">
      <p>{t('history.searching', { n: whole(search.looked), of: search.of === 0n ? '…' : whole(search.of) })}</p>
      <progress value={Number(search.looked)} max={Math.max(1, Number(search.of))} aria-label={t('history.title')} />
    </div>
  )
}

function Table({ list, customer }: { readonly list: readonly bigint[]; readonly customer: Address }) {
  const { t } = useSpeech()
  const names = ['rental', 'drill', 'opened', 'funded', 'owed', 'back', 'state'] as const
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t('history.title')}>
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th scope="col" key={name}>
                {t(`history.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.map((number) => (
            <Row key={String(number)} number={number} customer={customer} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ number, customer }: { readonly number: bigint; readonly customer: Address }) {
  const { t, moment } = useSpeech()
  const money = useMoney()
  const { data, isError } = useRental(number)
  const card = useCard(Number(data?.rental.drill))
  const closed = data?.rental.state === RENTAL_STATES.CLOSED
  // The chain may have dropped its block, and given the number to somebody else.
  if (data !== undefined && data.rental.customer.toLowerCase() !== customer.toLowerCase()) return null
  return (
    <tr>
      <th scope="row">
        <a href={`#/rental/${number}`}>{t('panel.title', { n: String(number) })}</a>
      </th>
      {data === undefined ? (
        <td colSpan={6}>{isError ? t('unknown') : '…'}</td>
      ) : (
        <>
          <td>{card?.name ?? String(data.rental.drill)}</td>
          <td>{moment(data.rental.opened_at)}</td>
          <td>{money(data.rental.funded)}</td>
          <td>{money(data.rental.funded - data.balance)}</td>
          <td>{closed && money(data.balance)}</td>
          <td>
            <StateName state={data.rental.state} />
          </td>
        </>
      )}
    </tr>
  )
}

function Account() {
  const { t } = useSpeech()
  const say = useMoney()
  const { site } = useBase()
  const { address, ready, send } = useWallet()
  const asset = useAsset()
  const funds = useFunds(address)
  const account = funds.data?.account
  const withdraw = () =>
    void send({ kind: 'withdraw', about: '', to: site.contract, abi, name: 'withdraw', args: [account, address] })
  return (
    <section className="plate account" aria-labelledby="account">
      <h2 id="account">{t('account.title')}</h2>
      <p>{t('account.text')}</p>
      <dl className="figures">
        <Figure name={t('account.amount')}>
          <output>{say(account)}</output>
        </Figure>
        <Figure name={t('account.wallet')}>{say(funds.data?.wallet)}</Figure>
      </dl>
      <button
        type="button"
        disabled={!ready || asset === undefined || account === undefined || account === 0n}
        onClick={withdraw}
      >
        {t('do.withdraw')}
      </button>
    </section>
  )
}
