import type { Offer } from '../chain/reads'
import { drillMeterAbi } from '../generated/abi'
import { highestCharge, runwaySeconds } from '../protocol/tariff'
import { useSpeech } from '../text/text'
import { useMoney } from './asset'
import { CapFields, useCaps } from './caps'
import { Code } from './code'
import { useBase, useOffers, useWallet } from './context'
import { Failed, Picture, Skeleton } from './parts'
import { PayForm } from './pay'
import { SecurityNote } from './security'
import { useCard } from './store'
import { TariffTable } from './tariff'

export function DrillPage({ number }: { readonly number: number }) {
  const { t } = useSpeech()
  const offers = useOffers()
  const card = useCard(number)
  const offer = offers.data?.find((one) => one.drill.number === number)
  if (offers.data === undefined) {
    if (offers.isError) return <Failed text={t('store.failed')} again={() => void offers.refetch()} />
    return <Skeleton lines={8} />
  }
  if (offer === undefined) return <p className="empty">{t('drill.missing', { n: number })}</p>
  return (
    <>
      <h1>{card?.name ?? t('drill.number', { n: number })}</h1>
      <p className="lead">{card?.tool}</p>
      <div className="columns">
        <div>
          <Picture terms={offer.terms} card={card} />
          <TariffTable terms={offer.terms} card={card} />
        </div>
        <div>
          <Rent offer={offer} />
          <Code path={`#/drill/${number}`} label={t('drill.qr')} />
        </div>
      </div>
    </>
  )
}

function Rent({ offer }: { readonly offer: Offer }) {
  const { t, duration } = useSpeech()
  const say = useMoney()
  const { site, client } = useBase()
  const { address } = useWallet()
  const { drill, terms, oracle } = offer
  const { caps, ...fields } = useCaps(terms)
  const held = highestCharge(terms, BigInt(site.reserve_seconds) * 1000n)

  const openIt = async () => {
    const now = await client.readContract({
      address: site.contract,
      abi: drillMeterAbi,
      functionName: 'drill',
      args: [BigInt(drill.number)],
    })
    if (now.rental > 0n) window.location.hash = `#/rental/${now.rental}`
  }

  return (
    <section className="plate" aria-labelledby="rent">
      <h2 id="rent">{t('open.title')}</h2>
      {drill.rental > 0n ? (
        <>
          <p>{t('drill.taken')}</p>
          <p>
            <a className="button quiet" href={`#/rental/${drill.rental}`}>
              {t('panel.title', { n: String(drill.rental) })}
            </a>
          </p>
        </>
      ) : oracle.revoked || oracle.suspended || terms.retired ? (
        <p>{t('drill.no-oracle')}</p>
      ) : (
        <>
          {address === undefined && <p>{t('open.connect')}</p>}
          <SecurityNote />
          <PayForm
            purpose={{
              kind: 'open',
              about: String(drill.number),
              name: 'open_rental',
              args: (amount, deadline) => [BigInt(drill.number), drill.tariff, amount, caps, deadline],
            }}
            fields={<CapFields {...fields} />}
            fieldsFit={caps !== undefined}
            least={terms.least_reserve > 0n ? terms.least_reserve : 1n}
            action={t('open.go')}
            done={() => void openIt()}
            more={(amount) => (
              <p>
                {t('open.pays-for', {
                  time: duration(runwaySeconds(terms, amount)),
                  held: say(held),
                })}
              </p>
            )}
          />
        </>
      )}
    </section>
  )
}
