import { useQuery } from '@tanstack/react-query'
import type { RentalFacts } from '../chain/reads'
import { drillMeterAbi as abi } from '../generated/abi'
import { readDisputed } from '../live/disputes'
import { receiptsOf } from '../live/receipts'
import { memory } from '../site/memory'
import { useSpeech } from '../text/text'
import { useAsset, useMoney } from './asset'
import { useBase, useWallet } from './context'

const LOOK_MS = 10_000

/** Says when a receipt of this browser contradicts what was settled, and offers to dispute it. */
export function Dispute({ facts }: { readonly facts: RentalFacts }) {
  const { t, moment } = useSpeech()
  const money = useMoney()
  const { site, client } = useBase()
  const { ready, send } = useWallet()
  const asset = useAsset()
  const { rental } = facts
  const about = String(rental.number)
  const disputed = useQuery({
    queryKey: ['disputed', about, String(rental.until)],
    queryFn: () => readDisputed(client, site, facts, receiptsOf(memory, site, rental.number)),
    refetchInterval: LOOK_MS,
    enabled: rental.until > 0n,
  })
  if (disputed.data === undefined) {
    return disputed.isError ? (
      <p className="banner warn" role="status">
        {t('dispute.unread')}
      </p>
    ) : null
  }
  const { evidence, refunded, bond } = disputed.data
  return (
    <>
      {refunded > 0n && <p className="banner">{t('dispute.refunded', { amount: money(refunded) })}</p>}
      {evidence !== undefined && (
        <section className="plate" role="alert" aria-label={t('dispute.title')} data-dispute={String(evidence.due)}>
          <h2>{t('dispute.title')}</h2>
          <p>
            {t('dispute.text', { when: moment(evidence.receipt.reading.until / 1000n), amount: money(evidence.due) })}
          </p>
          <p className="help">{t('dispute.bond', { bond: money(bond) })}</p>
          <button
            type="button"
            disabled={!ready || asset === undefined}
            onClick={() =>
              void send({ kind: 'dispute', about, to: site.contract, abi, name: 'dispute', args: evidence.args })
            }
          >
            {t('dispute.go')}
          </button>
        </section>
      )}
    </>
  )
}
