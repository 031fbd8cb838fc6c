import type { TariffTerms } from '../chain/reads'
import { levelBetween, rpmBetween } from '../live/verify'
import type { ReadingMessage } from '../protocol/messages'
import type { DrillCard } from '../site/site'
import { useSpeech } from '../text/text'
import { levelName } from './parts'

const MINUTE_MS = 60_000n
const WIDTH = 600
const HEIGHT = 120

/** Spindle speed over the last minute, from the turn counts of verified readings and nothing else. */
export function Speed({
  readings,
  terms,
  card,
}: {
  readonly readings: readonly ReadingMessage[]
  readonly terms: TariffTerms
  readonly card: DrillCard | undefined
}) {
  const { t, whole } = useSpeech()
  const highest = terms.levels.reduce((most, one) => (one.max_rpm > most ? one.max_rpm : most), 1n)
  const end = readings.at(-1)?.reading.until ?? 0n
  const steps = readings.flatMap((after, i) => {
    const before = readings[i - 1]
    const rpm = before === undefined ? undefined : rpmBetween(before, after)
    if (before === undefined || rpm === undefined) return []
    return [{ from: before.reading.until, to: after.reading.until, rpm, level: levelBetween(before, after) }]
  })
  const last = steps.at(-1)
  // Pixels of a drawing, for which floating point will do.
  const x = (until: bigint) => Number(MINUTE_MS - (end - until)) * (WIDTH / 60_000)
  const now =
    last === undefined
      ? t('panel.speed-unknown')
      : last.level === 0
        ? t('panel.speed-none')
        : `${t('panel.speed-now', { rpm: whole(last.rpm) })}, ${levelName(card, last.level, t)}`
  return (
    <section aria-labelledby="speed">
      <h2 id="speed">{t('panel.speed')}</h2>
      <p className="speed-now" data-rpm={last === undefined ? '' : String(last.rpm)}>
        {now}
      </p>
      <svg
        className="speed"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${t('panel.speed')}: ${now}`}
        preserveAspectRatio="none"
      >
        {steps.map((step) => {
          const height = Number((step.rpm * BigInt(HEIGHT)) / highest)
          const left = Math.max(0, x(step.from))
          const width = Math.max(x(step.to) - left - 1, 1)
          return (
            <rect
              key={String(step.to)}
              className={`bar bar-${step.level}`}
              x={left}
              y={HEIGHT - height}
              width={width}
              height={height}
            />
          )
        })}
      </svg>
      <p className="help">{t('panel.speed-how', { rpm: whole(highest) })}</p>
    </section>
  )
}
