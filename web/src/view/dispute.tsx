import { useQuery } from '@tanstack/react-query'
import { drillMeterAbi as abi } from '../generated/abi'
import type { RentalFacts } from '../chain/reads'
import { readDisputed } from '../live/disputes'
import { receiptsOf } from '../live/receipts'
import { useSpeech } from '../text/text'
import { useAsset, useBase, useWallet } from './context'

const LOOK_MS = 10_000

/** Says when a receipt of this browser contradicts what was settled, and offers to dispute it. */
export function Dispute({ facts }: { readonly facts: RentalFacts }) {
  const { t, amount: say, moment } = useSpeech()
  const { site, client } = useBase()
  const { ready, send } = useWallet()
  const { decimals, symbol } = useAsset()
  const { rental } = facts
  const about = String(rental.number)
  const disputed = useQuery({
    queryKey: ['disputed', about, String(rental.until)],
    queryFn: () => readDisputed(client, site, facts, receiptsOf(localStorage, site, rental.number)),
    refetchInterval: LOOK_MS,
    enabled: rental.until > 0n,
  })
  if (disputed.data === undefined) return null
  const { evidence, refunded, bond } = disputed.data
  const money = (value: bigint) => say(value, decimals, symbol)
  return (
    <>
      {refunded > 0n && <p className="banner">{t('dispute.refunded', { amount: money(refunded) })}</p>}
      {evidence !== undefined && (
        <section className="plate" role="alert" aria-label={t('dispute.title')} data-dispute={String(evidence.due)}>
          <h2>{t('dispute.title')}</h2>
          <p>{t('dispute.text', { when: moment(evidence.receipt.reading.until / 1000n), amount: money(evidence.due) })}</p>
          <p className="help">{t('dispute.bond', { bond: money(bond) })}</p>
          <button
            type="button"
            disabled={!ready}
            onClick={() => void send({ kind: 'dispute', about, to: site.contract, abi, name: 'dispute', args: evidence.args })}
          >
            {t('dispute.go')}
          </button>
        </section>
      )}
    </>
  )
}
