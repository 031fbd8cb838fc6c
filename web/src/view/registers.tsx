import { activeMs, type Registers as Counters, PLACES, revolutions } from '../protocol/records'
import type { DrillCard } from '../site/site'
import { useSpeech } from '../text/text'
import { levelName } from './parts'

/** The six registers, as on a meter. */
export function Registers({ registers, card }: { readonly registers: Counters; readonly card: DrillCard | undefined }) {
  const { t, whole, point } = useSpeech()
  const active = activeMs(registers)
  const turns = revolutions(registers)
  return (
    <section aria-labelledby="registers">
      <h2 id="registers">{t('panel.registers')}</h2>
      <div className="scroll" tabIndex={0} role="group" aria-labelledby="registers">
        <table>
          <thead>
            <tr>
              <th scope="col">{t('tariff.level')}</th>
              <th scope="col">{t('panel.active')}</th>
              <th scope="col">{t('panel.turns')}</th>
            </tr>
          </thead>
          <tbody>
            {PLACES.map((i) => (
              <tr key={i}>
                <th scope="row">{levelName(card, i + 1, t)}</th>
                <td>{seconds(active[i], point)}</td>
                <td>{whole(turns[i])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

/** h:mm:ss and a tenth. */
function seconds(ms: bigint, point: string): string {
  const two = (value: bigint) => value.toString().padStart(2, '0')
  return `${ms / 3_600_000n}:${two((ms / 60_000n) % 60n)}:${two((ms / 1000n) % 60n)}${point}${(ms / 100n) % 10n}`
}
