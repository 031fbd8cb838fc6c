import { useEffect, useState } from 'react'
import { faultOf } from '../chain/faults'
import type { RentalFacts } from '../chain/reads'
import { drillMeterAbi as abi } from '../generated/abi'
import { NO_CAP, RENTAL_STATES } from '../generated/protocol'
import { type Live, useLive } from '../live/live'
import { receiptFile, receiptsOf } from '../live/receipts'
import { figures, settledFigures } from '../live/verify'
import { memory } from '../site/memory'
import { useSpeech } from '../text/text'
import { useMoney } from './asset'
import { useBase, usePoint, useRental, useWallet } from './context'
import { Dispute } from './dispute'
import { Failed, Figure, Skeleton, short } from './parts'
import { PayForm } from './pay'
import { Registers } from './registers'
import { SecurityNote } from './security'
import { Speed } from './speed'
import { useCard } from './store'
import { Torque } from './torque'

const LOW_SECONDS = 120n

export function RentalPage({ number }: { readonly number: bigint }) {
  const { t, fault } = useSpeech()
  const { site } = useBase()
  const rental = useRental(number)
  const point = usePoint(rental.data?.oracle)
  const live = useLive(site, rental.data, point)
  const why = rental.isError ? faultOf(rental.error) : undefined
  // The chain may have dropped the block that it was opened in: then what was read before is not a rental.
  const gone = why?.kind === 'reverted' && why.reason === 'rentals: no such rental'
  if (rental.data === undefined || gone) {
    if (why === undefined) return <Skeleton lines={10} />
    const text = gone
      ? t('panel.missing', { n: String(number) })
      : t('panel.unread', { n: String(number), why: fault(why) })
    return <Failed text={text} again={() => void rental.refetch()} />
  }
  return <Panel facts={rental.data} live={live} />
}

function Panel({ facts, live }: { readonly facts: RentalFacts; readonly live: Live }) {
  const { t, duration } = useSpeech()
  const say = useMoney()
  const { rental } = facts
  const card = useCard(Number(rental.drill))
  const newest = live.readings.at(-1)
  const settled = settledFigures(facts)
  // A reading that the chain has overtaken is no longer the newest that is known.
  const fresh = newest !== undefined && newest.reading.until >= settled.until
  const shown = fresh ? figures(facts, newest.reading, newest.reading.until) : settled
  const closed = rental.state === RENTAL_STATES.CLOSED
  const signed = shown.charge > settled.charge ? shown.charge - settled.charge : 0n
  // Nothing signed has arrived here, which does not mean that nothing was signed.
  const unsettled = newest === undefined ? undefined : signed
  const money = (value: bigint | undefined) => say(value, 2)
  return (
    <>
      <h1>{t('panel.title', { n: String(rental.number) })}</h1>
      <p className="lead">
        <a href={`#/drill/${rental.drill}`}>{card?.name ?? t('panel.drill', { n: String(rental.drill) })}</a>
        {' · '}
        <StateName state={rental.state} />
      </p>
      {!closed && <Lock live={live} />}
      {!closed && <Doubt live={live} />}
      {!closed && <Credit runway={shown.runway_seconds} left={shown.limit - shown.charge} />}
      <dl className="figures">
        <Figure name={t('panel.balance')}>
          <output>{money(shown.balance)}</output>
        </Figure>
        <Figure name={t('panel.charge')}>{money(shown.charge)}</Figure>
        {!closed && <Figure name={t('panel.runway')}>{duration(shown.runway_seconds)}</Figure>}
        <Figure name={t('panel.funded')}>{money(rental.funded)}</Figure>
        <Figure name={t('panel.settled')}>{money(settled.charge)}</Figure>
        {!closed && <Figure name={t('panel.unsettled')}>{money(unsettled)}</Figure>}
        {facts.caps.per_rental < NO_CAP && <Figure name={t('caps.rental-set')}>{money(facts.caps.per_rental)}</Figure>}
        {facts.caps.per_hour < NO_CAP && <Figure name={t('caps.hour-set')}>{money(facts.caps.per_hour)}</Figure>}
      </dl>
      {closed ? (
        <p className="banner">{t('panel.refund', { amount: money(facts.balance) })}</p>
      ) : (
        <Source facts={facts} live={live} fresh={fresh} />
      )}
      <SecurityNote />
      <Dispute facts={facts} />
      <div className="columns">
        <div>
          {!closed && <Speed readings={live.readings} terms={facts.terms} card={card} />}
          {!closed && <Torque samples={live.samples} end={newest?.reading.until ?? 0n} />}
          <Registers registers={shown.registers} card={card} />
        </div>
        <Actions facts={facts} />
      </div>
    </>
  )
}

export function StateName({ state }: { readonly state: number }) {
  const { t } = useSpeech()
  if (state === RENTAL_STATES.OPEN) return <>{t('panel.state.open')}</>
  if (state === RENTAL_STATES.ENDED) return <>{t('panel.state.ended')}</>
  return <>{t('panel.state.closed')}</>
}

/** What the drill says of its lock; it is the drill's word, not a signed figure. */
function Lock({ live }: { readonly live: Live }) {
  const { t, inhibit } = useSpeech()
  const { status, command } = live
  const [name, text] =
    status === undefined
      ? (['unknown', t('panel.lock.unknown')] as const)
      : !status.online || !status.link_up
        ? (['offline', t('panel.lock.offline')] as const)
        : status.state === 'RUNNING'
          ? (['running', t('panel.lock.running')] as const)
          : status.state === 'READY'
            ? (['ready', t('panel.lock.ready')] as const)
            : (['locked', t('panel.lock.locked', { why: inhibit(reasonOf(status.reason, command)) })] as const)
  return (
    <p className={`lock lock-${name}`} role="status" data-lock={name}>
      <span className="lamp" aria-hidden="true" />
      {text}
    </p>
  )
}

function reasonOf(reason: string, command: Live['command']): string {
  if (command?.kind === 'inhibit' && (reason === '' || reason.startsWith('inhibited'))) return command.reason
  return reason
}

function Doubt({ live }: { readonly live: Live }) {
  const { t } = useSpeech()
  const { doubt } = live
  if (doubt === undefined) return null
  const text =
    doubt.verdict === 'malformed' ? t('verdict.malformed', { why: doubt.why }) : t(`verdict.${doubt.verdict}`)
  const mild = doubt.verdict === 'other-rental' || doubt.verdict === 'key-unread'
  if (doubt.verdict === 'other-rental' && live.readings.length === 0) return null
  return (
    <p className={`banner ${mild ? '' : 'bad'}`} role="alert" data-verdict={doubt.verdict}>
      {text}
    </p>
  )
}

function Credit({ runway, left }: { readonly runway: bigint; readonly left: bigint }) {
  const { t } = useSpeech()
  if (left <= 0n)
    return (
      <p className="banner bad" role="alert">
        {t('panel.out')}
      </p>
    )
  if (runway < LOW_SECONDS)
    return (
      <p className="banner warn" role="alert">
        {t('panel.low')}
      </p>
    )
  return null
}

/** Where the figures come from, and how old they are. */
function Source({ facts, live, fresh }: { readonly facts: RentalFacts; readonly live: Live; readonly fresh: boolean }) {
  const { t, duration } = useSpeech()
  const { from } = useBase()
  const now = useClock()
  const seconds = BigInt(Math.max(0, Math.round((now - live.heard_at) / 1000)))
  const key = short(facts.oracle.key)
  return (
    <p className="source" data-link={live.link}>
      {from === 'endpoint' && (
        <span className={`link link-${live.link}`} role="status">
          {t(`link.${live.link}`)}
        </span>
      )}{' '}
      {fresh ? (
        <span data-verdict="verified" data-until={String(live.readings.at(-1)?.reading.until)}>
          {t('panel.verified', { key, age: duration(seconds) })}
        </span>
      ) : (
        <span>{facts.rental.until > 0n || from !== 'endpoint' ? t('panel.from-chain') : t('panel.waiting')}</span>
      )}
    </p>
  )
}

function useClock(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(tick)
  }, [])
  return now
}

function Actions({ facts }: { readonly facts: RentalFacts }) {
  const { t, moment } = useSpeech()
  const { site } = useBase()
  const { address, ready, send } = useWallet()
  const { rental } = facts
  const mine = address?.toLowerCase() === rental.customer.toLowerCase()
  const about = String(rental.number)
  const call = (kind: 'end' | 'close', name: string) =>
    send({ kind, about, to: site.contract, abi, name, args: [rental.number] })
  const closes_at = rental.ended_at + BigInt(site.grace_period_seconds)
  return (
    <section className="plate" aria-label={t('do.top-up')}>
      {rental.state === RENTAL_STATES.OPEN && (
        <>
          {!mine && address !== undefined && <p>{t('panel.not-yours')}</p>}
          <h2>{t('do.top-up')}</h2>
          <PayForm
            purpose={{ kind: 'top-up', about, name: 'top_up', args: (amount) => [rental.number, amount] }}
            least={1n}
            action={t('do.top-up')}
            done={() => undefined}
          />
          {mine && <End ready={ready} end={() => void call('end', 'end_rental')} />}
        </>
      )}
      {rental.state === RENTAL_STATES.ENDED && (
        <>
          <p>{t('panel.final-soon')}</p>
          <p>{t('panel.grace', { when: moment(closes_at) })}</p>
          {facts.head_time > closes_at && (
            <button type="button" disabled={!ready} onClick={() => void call('close', 'close_rental')}>
              {t('do.close')}
            </button>
          )}
        </>
      )}
      <SaveReceipts rental={rental.number} />
    </section>
  )
}

function End({ ready, end }: { readonly ready: boolean; readonly end: () => void }) {
  const { t } = useSpeech()
  const [asking, setAsking] = useState(false)
  if (!asking) {
    return (
      <button type="button" className="quiet" disabled={!ready} onClick={() => setAsking(true)}>
        {t('do.end')}
      </button>
    )
  }
  return (
    <div className="sure" role="group" aria-label={t('do.end')}>
      <p>{t('do.end-sure')}</p>
      <button
        type="button"
        autoFocus
        onClick={() => {
          setAsking(false)
          end()
        }}
      >
        {t('do.end-yes')}
      </button>
      <button type="button" className="quiet" onClick={() => setAsking(false)}>
        {t('do.cancel')}
      </button>
    </div>
  )
}

function SaveReceipts({ rental }: { readonly rental: bigint }) {
  const { t } = useSpeech()
  const { site } = useBase()
  const receipts = receiptsOf(memory, site, rental)
  if (receipts.length === 0) return null
  const save = () => {
    const file = new Blob([receiptFile(site, receipts)], { type: 'application/json' })
    const link = document.createElement('a')
    link.href = URL.createObjectURL(file)
    link.download = `receipts-${site.chain_id}-${rental}.json`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <button type="button" className="quiet" onClick={save}>
      {t('do.receipts', { n: receipts.length })}
    </button>
  )
}
