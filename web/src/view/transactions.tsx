import type { Transaction } from '../chain/ledger'
import { useSpeech } from '../text/text'
import { useBase, useTransactions } from './context'
import { short } from './parts'

const SHOWN = 6

/** What this browser has sent or is about to send, each with its state, newest first. */
export function Transactions() {
  const { t } = useSpeech()
  const list = useTransactions()
  if (list.length === 0) return null
  return (
    <section className="transactions" aria-labelledby="transactions">
      <h2 id="transactions">{t('tx.title')}</h2>
      <ol aria-live="polite">
        {list.slice(0, SHOWN).map((one) => (
          <Line key={one.id} one={one} />
        ))}
      </ol>
    </section>
  )
}

function Line({ one }: { readonly one: Transaction }) {
  const { t, fault } = useSpeech()
  const { ledger } = useBase()
  const why = one.fault === undefined ? '' : fault(one.fault)
  const life = one.state === 'sent' && one.dropped === true ? 'tx.dropped' : (`tx.${one.state}` as const)
  // Its number is not known, as a smart wallet's never is, and others have been used since.
  const unseen = one.state === 'sent' && one.smart !== true && one.nonce === undefined && one.looked !== undefined
  const over = one.state === 'final' || one.state === 'failed'
  return (
    <li data-state={one.state} data-seen={one.nonce !== undefined}>
      <span className="what">{t(`tx.${one.kind}`, { about: one.about })}</span>
      <span className="life">
        {t(life, { why, block: one.block ?? '' })}
        {one.sped_up === true && <small>{t('tx.sped-up')}</small>}
        {unseen && <small>{t('tx.unseen')}</small>}
      </span>
      {one.hash !== undefined && (
        <span className="code" title={one.hash}>
          {t('tx.show', { hash: short(one.hash) })}
        </span>
      )}
      {over && (
        <button type="button" className="quiet" aria-label={t('tx.forget')} onClick={() => ledger.forget(one.id)}>
          ×
        </button>
      )}
    </li>
  )
}
