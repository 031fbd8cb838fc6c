import type { Offer } from '../chain/reads'
import { useSpeech } from '../text/text'
import { useMoney } from './asset'
import { useBase, useOffers, useRental, useWallet } from './context'
import { Failed, Picture, Skeleton } from './parts'
import { typicalHour } from './tariff'

export function Store() {
  const { t } = useSpeech()
  const offers = useOffers()
  return (
    <>
      <h1>{t('store.title')}</h1>
      <p className="lead">{t('store.lead')}</p>
      {offers.data === undefined && offers.isError && (
        <Failed text={t('store.failed')} again={() => void offers.refetch()} />
      )}
      {offers.data === undefined && !offers.isError && <Skeleton lines={6} />}
      {offers.data?.length === 0 && <p className="empty">{t('store.empty')}</p>}
      <ul className="cards">
        {offers.data?.map((offer) => (
          <Card key={offer.drill.number} offer={offer} />
        ))}
      </ul>
    </>
  )
}

export function useCard(number: number) {
  const { site } = useBase()
  return site.drills.find((drill) => drill.number === number)
}

function Card({ offer }: { readonly offer: Offer }) {
  const { t } = useSpeech()
  const say = useMoney()
  const { drill, terms } = offer
  const card = useCard(drill.number)
  const status = useStatus(offer)
  const title = `drill-${drill.number}`
  return (
    <li className="card" aria-labelledby={title}>
      <Picture terms={terms} card={card} />
      <div className="card-text">
        <p className={`state state-${status.name}`}>{t(`drill.${status.name}`)}</p>
        <h2 id={title}>{card?.name ?? t('drill.number', { n: drill.number })}</h2>
        <p>{card?.tool}</p>
        <p>
          {t('tariff.hour')}: <strong>{say(typicalHour(terms))}</strong>
        </p>
        <p>
          <a className="button" href={status.href}>
            {t(status.action)}
          </a>
        </p>
      </div>
    </li>
  )
}

/** Free or taken, and where its button leads. */
function useStatus({ drill, oracle }: Offer) {
  const { address } = useWallet()
  const rental = useRental(drill.rental)
  const page = `#/drill/${drill.number}`
  const mine = address !== undefined && rental.data?.rental.customer.toLowerCase() === address.toLowerCase()
  if (drill.rental > 0n && mine) {
    return { name: 'yours', href: `#/rental/${drill.rental}`, action: 'drill.panel' } as const
  }
  if (drill.rental > 0n) return { name: 'taken', href: page, action: 'drill.view' } as const
  if (oracle.revoked || oracle.suspended) return { name: 'no-oracle', href: page, action: 'drill.view' } as const
  return { name: 'free', href: page, action: 'drill.rent' } as const
}
