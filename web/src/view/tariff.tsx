import type { TariffTerms } from '../chain/reads'
import { NO_REGISTERS } from '../protocol/records'
import { charge } from '../protocol/tariff'
import type { DrillCard } from '../site/site'
import { useSpeech } from '../text/text'
import { useAsset, useMoney } from './asset'
import { levelName } from './parts'

const MINUTES_DRILLING = 20n
const HOUR_MS = 3_600_000n
const DAY_SECONDS = 86_400n

/** 20 minutes at medium load at half its highest speed, in an hour of rental. */
export function typicalHour(terms: TariffTerms): bigint {
  const rpm = terms.levels[1].max_rpm
  const registers = {
    ...NO_REGISTERS,
    active_ms_2: MINUTES_DRILLING * 60_000n,
    revolutions_2: (MINUTES_DRILLING * rpm) / 2n,
  }
  return charge(terms, registers, HOUR_MS)
}

export function TariffTable({ terms, card }: { readonly terms: TariffTerms; readonly card: DrillCard | undefined }) {
  const { t, whole } = useSpeech()
  const say = useMoney()
  const asset = useAsset()
  const a_day = say(terms.standing_price_per_second * DAY_SECONDS)
  return (
    <section aria-labelledby="tariff">
      <h2 id="tariff">{t('tariff.title')}</h2>
      <div className="scroll" tabIndex={0} role="group" aria-labelledby="tariff">
        <table>
          <thead>
            <tr>
              <th scope="col">{t('tariff.level')}</th>
              <th scope="col">{t('tariff.per-minute')}</th>
              <th scope="col">{t('tariff.per-1000')}</th>
              <th scope="col">{t('tariff.max-rpm')}</th>
            </tr>
          </thead>
          <tbody>
            {terms.levels.map((rate, i) => (
              <tr key={i}>
                <th scope="row">{levelName(card, i + 1, t)}</th>
                <td>{say(rate.price_per_second * 60n)}</td>
                <td>{say(rate.price_per_1000_revolutions)}</td>
                <td>{whole(rate.max_rpm)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <dl className="terms">
        <dt>{t('tariff.standing')}</dt>
        <dd>{asset === undefined ? a_day : t('tariff.per-day', { amount: a_day })}</dd>
        <dt>{t('tariff.hour')}</dt>
        <dd>
          {say(typicalHour(terms))} <small>{t('tariff.hour-how')}</small>
        </dd>
        <dt>{t('tariff.least')}</dt>
        <dd>{say(terms.least_reserve)}</dd>
      </dl>
      {terms.retired && <p className="banner warn">{t('tariff.retired')}</p>}
    </section>
  )
}
