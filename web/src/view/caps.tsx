import { useState } from 'react'
import type { TariffTerms } from '../chain/reads'
import { NO_CAP } from '../generated/protocol'
import { parseAmount } from '../protocol/amounts'
import type { Caps } from '../protocol/records'
import { useSpeech } from '../text/text'
import { useAsset, useMoney } from './asset'

const HOUR_SECONDS = 3600n

interface Cap {
  readonly text: string
  readonly set: (text: string) => void
  /** The cap, NO_CAP for an empty field, undefined for what the contract would refuse. */
  readonly value: bigint | undefined
  readonly fault: string | undefined
}

function useCap(least: bigint): Cap {
  const { t } = useSpeech()
  const say = useMoney()
  const asset = useAsset()
  const [text, set] = useState('')
  if (text.trim() === '') return { text, set, value: NO_CAP, fault: undefined }
  if (asset === undefined) return { text, set, value: undefined, fault: t('asset.no-paying') }
  const parsed = parseAmount(text, asset.decimals)
  if (typeof parsed === 'string')
    return { text, set, value: undefined, fault: t(`amount.${parsed}`, { symbol: asset.symbol }) }
  if (parsed < least) {
    return { text, set, value: undefined, fault: t('amount.too-little', { least: say(least) }) }
  }
  return { text, set, value: parsed < NO_CAP ? parsed : NO_CAP, fault: undefined }
}

/** What a customer lets a rental cost at most; the contract holds to it whatever is settled. */
export function useCaps(terms: TariffTerms) {
  const least = terms.least_reserve > 0n ? terms.least_reserve : 1n
  const standing = terms.standing_price_per_second * HOUR_SECONDS
  const rental = useCap(least)
  const hour = useCap(standing > least ? standing : least)
  const caps: Caps | undefined =
    rental.value === undefined || hour.value === undefined
      ? undefined
      : { per_rental: rental.value, per_hour: hour.value }
  // Kept here, because the form around the fields is made anew when more of the wallet is known.
  const [open, setOpen] = useState(false)
  return { rental, hour, open, setOpen, caps }
}

export function CapFields({
  rental,
  hour,
  open,
  setOpen,
}: Pick<ReturnType<typeof useCaps>, 'rental' | 'hour' | 'open' | 'setOpen'>) {
  const { t } = useSpeech()
  return (
    <details className="caps" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('caps.title')}</summary>
      <p className="help">{t('caps.how')}</p>
      <Field name="rental" label={t('caps.rental')} cap={rental} />
      <Field name="hour" label={t('caps.hour')} cap={hour} />
    </details>
  )
}

function Field({ name, label, cap }: { readonly name: string; readonly label: string; readonly cap: Cap }) {
  const wrong = cap.fault !== undefined
  return (
    <>
      <label htmlFor={`cap-${name}`}>{label}</label>
      <input
        id={`cap-${name}`}
        inputMode="decimal"
        autoComplete="off"
        value={cap.text}
        aria-invalid={wrong}
        aria-describedby={wrong ? `cap-${name}-fault` : undefined}
        onChange={(event) => cap.set(event.target.value)}
      />
      {wrong && (
        <p id={`cap-${name}-fault`} className="fault" role="alert">
          {cap.fault}
        </p>
      )}
    </>
  )
}
