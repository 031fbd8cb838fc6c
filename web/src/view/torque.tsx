import type { Sample } from '../protocol/sample'
import { useSpeech } from '../text/text'

const WIDTH = 600
const HEIGHT = 120
const MINUTE_MS = 60_000n

/** Samples further apart than this have a silence between them, which is left blank. */
const SILENCE_MS = 1_000n

/** The least that the scale reaches to, so that an idle drill's noise does not fill the picture. */
const LEAST_SCALE_MNM = 1_000

/** Torque over the last minute, from samples that a signed root covers and nothing else. */
export function Torque({ samples, end }: { readonly samples: readonly Sample[]; readonly end: bigint }) {
  const { t, point } = useSpeech()
  const last = samples.at(-1)
  const scale = samples.reduce((most, one) => Math.max(most, Math.abs(one.torque_mnm)), LEAST_SCALE_MNM)
  const now =
    last === undefined
      ? t('panel.torque-none')
      : t('panel.torque-now', { torque: newtonMetres(last.torque_mnm, point) })
  // Pixels of a drawing, for which floating point will do.
  const x = (time: bigint) => (Number(MINUTE_MS - (end - time)) * (WIDTH / 60_000)).toFixed(1)
  const y = (torque: number) => (HEIGHT - (Math.abs(torque) / scale) * (HEIGHT - 2)).toFixed(1)
  const path = samples
    .filter((one) => end - one.time_ms <= MINUTE_MS)
    .map((one, i, all) => {
      const before = all[i - 1]
      const apart = before === undefined || one.time_ms - before.time_ms > SILENCE_MS
      return `${apart ? 'M' : 'L'}${x(one.time_ms)} ${y(one.torque_mnm)}`
    })
    .join('')
  return (
    <section aria-labelledby="torque">
      <h2 id="torque">{t('panel.torque')}</h2>
      <p className="torque-now" data-torque={last?.torque_mnm ?? ''} data-samples={samples.length}>
        {now}
      </p>
      <svg
        className="speed torque"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${t('panel.torque')}: ${now}`}
        preserveAspectRatio="none"
      >
        <path d={path} />
      </svg>
      <p className="help">{t('panel.torque-how', { most: newtonMetres(scale, point) })}</p>
    </section>
  )
}

/** Newton metres with one decimal, from whole millinewton metres. */
function newtonMetres(mnm: number, point: string): string {
  const tenths = Math.round(Math.abs(mnm) / 100)
  return `${mnm < 0 ? '-' : ''}${Math.floor(tenths / 10)}${point}${tenths % 10}`
}
