import type { ReactNode } from 'react'
import type { TariffTerms } from '../chain/reads'
import type { DrillCard } from '../site/site'
import { useSpeech } from '../text/text'

/** An address or hash, for people: its beginning and its end. */
export function short(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`
}

export function levelName(card: DrillCard | undefined, level: number, t: ReturnType<typeof useSpeech>['t']): string {
  return card?.levels?.[level - 1] ?? t(`level.${level as 1 | 2 | 3}`)
}

export function Failed({ text, again }: { readonly text: string; readonly again: () => void }) {
  const { t } = useSpeech()
  return (
    <div className="failed" role="alert">
      <p>{text}</p>
      <button type="button" onClick={again}>
        {t('retry')}
      </button>
    </div>
  )
}

/** Grey bars where figures will be. */
export function Skeleton({ lines }: { readonly lines: number }) {
  const { t } = useSpeech()
  return (
    <div className="skeleton" role="status" aria-label={t('loading')}>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} />
      ))}
    </div>
  )
}

export function Figure({
  name,
  children,
  note,
}: {
  readonly name: string
  readonly children: ReactNode
  readonly note?: ReactNode
}) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        {children}
        {note !== undefined && <small>{note}</small>}
      </dd>
    </div>
  )
}

const WIDTH = 320
const HEIGHT = 132

/** A drill drawn from its data: a bit, and for each load level a bar as long as its highest speed. */
export function Picture({ terms, card }: { readonly terms: TariffTerms; readonly card: DrillCard | undefined }) {
  const { t, whole } = useSpeech()
  const highest = terms.levels.reduce((most, level) => (level.max_rpm > most ? level.max_rpm : most), 1n)
  const levels = terms.levels.map((rate, i) => `${levelName(card, i + 1, t)} ${whole(rate.max_rpm)}`).join(', ')
  return (
    <svg className="picture" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t('drill.picture', { levels })}>
      <g className="bit">
        <path d="M22 10h36v26H22z M30 36h20v12H30z" />
        <path d="M33 48h14v6l-14 8v-8z M33 66l14-8v10l-14 8z M33 80l14-8v10l-14 8z M33 94l14-8v10l-7 16-7-14z" />
      </g>
      {terms.levels.map((rate, i) => {
        // Pixels, not money: a drawing may be rounded.
        const length = Number((rate.max_rpm * 148n) / highest)
        const y = 18 + i * 38
        return (
          <g key={i}>
            <rect className="track" x="84" y={y + 10} width="148" height="10" />
            <rect className={`bar bar-${i + 1}`} x="84" y={y + 10} width={Math.max(length, 2)} height="10" />
            <text x="84" y={y + 4}>
              {levelName(card, i + 1, t)}
            </text>
            <text className="rpm" x={WIDTH - 8} y={y + 20} textAnchor="end">
              {whole(rate.max_rpm)}
            </text>
          </g>
        )
      })}
    </svg>
  )
}
