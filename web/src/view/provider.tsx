import { useQuery } from '@tanstack/react-query'
import { type Fleet, readFleet, readRented } from '../chain/fleet'
import { type FleetLive, type Seen, useFleetLive } from '../live/fleet'
import { settledFigures } from '../live/verify'
import { useSpeech } from '../text/text'
import { useMoney } from './asset'
import { Changes } from './changes'
import { useBase, useWallet } from './context'
import { Failed, Figure, Skeleton, short } from './parts'
import { StateName } from './rental'
import { useCard } from './store'

/** How often the share of time that drills are rented is worked out from the rentals. */
const SHARE_MS = 60_000

/** The fleet, for whoever looks, and what its owner can change. Room for a map is left beside it. */
export default function Provider() {
  const { t } = useSpeech()
  const { site, client, from } = useBase()
  const live = useFleetLive(from === 'endpoint')
  const { address } = useWallet()
  const fleet = useQuery({ queryKey: ['fleet'], queryFn: () => readFleet(client, site) })
  if (fleet.data === undefined) {
    if (fleet.isError) return <Failed text={t('store.failed')} again={() => void fleet.refetch()} />
    return <Skeleton lines={8} />
  }
  const now = fleet.data.head_time
  const owner = address?.toLowerCase() === fleet.data.owner.toLowerCase()
  return (
    <>
      <h1>{t('provider.title')}</h1>
      {!owner && <p className="banner">{t('provider.not-owner', { owner: short(fleet.data.owner) })}</p>}
      {fleet.data.paused && <p className="banner warn">{t('provider.paused')}</p>}
      <Money fleet={fleet.data} />
      <Drills fleet={fleet.data} live={live} now={now} />
      <Terms fleet={fleet.data} />
      {owner && <Changes fleet={fleet.data} />}
    </>
  )
}

function Money({ fleet }: { readonly fleet: Fleet }) {
  const { site, client } = useBase()
  const rentedShare = useQuery({
    queryKey: ['rented'],
    queryFn: () => readRented(client, site),
    refetchInterval: SHARE_MS,
  })
  const { t } = useSpeech()
  const money = useMoney()
  const rented = fleet.drills.filter((row) => row.rental !== undefined).length
  return (
    <section aria-label={t('provider.money')}>
      <dl className="figures">
        <Figure name={t('provider.utilisation')}>{`${rented} / ${fleet.drills.length}`}</Figure>
        <Figure name={t('provider.month')} note={t('provider.month-how')}>
          {typeof rentedShare.data === 'bigint'
            ? `${rentedShare.data}\u00a0%`
            : rentedShare.isPending
              ? '…'
              : t('unknown')}
        </Figure>
        <Figure name={t('provider.revenue')}>{money(fleet.revenue)}</Figure>
        <Figure name={t('provider.running')}>{money(fleet.running)}</Figure>
        <Figure name={t('provider.bond')}>{money(fleet.bond.posted)}</Figure>
        <Figure name={t('provider.held')}>{money(fleet.held)}</Figure>
      </dl>
    </section>
  )
}

function Drills({ fleet, live, now }: { readonly fleet: Fleet; readonly live: FleetLive; readonly now: bigint }) {
  const { t } = useSpeech()
  const names = ['drill', 'state', 'rental', 'balance', 'runway', 'reach', 'seen'] as const
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t('provider.title')}>
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th scope="col" key={name}>
                {t(`provider.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {fleet.drills.map((row) => (
            <DrillRow key={row.offer.drill.number} row={row} seen={live.drills.get(row.offer.drill.number)} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function DrillRow({
  row: { offer, rental },
  seen,
  now,
}: {
  readonly row: Fleet['drills'][number]
  readonly seen: Seen | undefined
  readonly now: bigint
}) {
  const { t, duration, moment } = useSpeech()
  const say = useMoney()
  // A drill that says nothing for a while has at least settled on chain.
  const heard = seen === undefined ? 0n : seen.at / 1000n
  const chain = rental === undefined ? 0n : rental.rental.until / 1000n
  const last = heard > chain ? heard : chain
  const card = useCard(offer.drill.number)
  const settled = rental && settledFigures(rental)
  return (
    <tr>
      <th scope="row">
        <a href={`#/drill/${offer.drill.number}`}>{card?.name ?? t('drill.number', { n: offer.drill.number })}</a>
      </th>
      <td>{rental ? <StateName state={rental.rental.state} /> : t('provider.idle')}</td>
      <td>{rental && <a href={`#/rental/${rental.rental.number}`}>{String(rental.rental.number)}</a>}</td>
      <td>{rental && say(rental.balance)}</td>
      <td>{settled && duration(settled.runway_seconds)}</td>
      <td>
        {seen === undefined ? (
          t('provider.silent')
        ) : (
          <span data-online={seen.online}>{t(seen.online ? 'provider.online' : 'provider.offline')}</span>
        )}
      </td>
      <td>
        {last > 0n &&
          (now - last < 86_400n ? t('provider.ago', { time: duration(now > last ? now - last : 0n) }) : moment(last))}
      </td>
    </tr>
  )
}

function Terms({ fleet }: { readonly fleet: Fleet }) {
  const { t } = useSpeech()
  const say = useMoney()
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t('provider.tariff')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('provider.tariff')}</th>
            {[1, 2, 3].map((n) => (
              <th scope="col" key={n}>
                {t('provider.per-second', { n })}
              </th>
            ))}
            <th scope="col">{t('provider.standing')}</th>
          </tr>
        </thead>
        <tbody>
          {fleet.tariffs.map((tariff) => (
            <tr key={tariff.number}>
              <th scope="row">{tariff.number}</th>
              {tariff.levels.map((rate, i) => (
                <td key={i}>{say(rate.price_per_second)}</td>
              ))}
              <td>{say(tariff.standing_price_per_second)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('provider.oracle')}</th>
            <th scope="col">{t('provider.key')}</th>
          </tr>
        </thead>
        <tbody>
          {fleet.oracles.map((oracle) => (
            <tr key={oracle.number}>
              <th scope="row">{oracle.number}</th>
              <td className="code">{oracle.key}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
