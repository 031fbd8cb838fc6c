/** Amounts as people write them, to and from whole numbers of the asset's smallest unit. */

export type AmountFault = 'empty' | 'malformed' | 'too-fine' | 'zero'

/**
 * The amount in `text`, or what is wrong with it. Takes a dot or a comma as the decimal sign, one
 * of them, and no separators of thousands: "1.000" must never be guessed at.
 */
export function parseAmount(text: string, decimals: number): bigint | AmountFault {
  const trimmed = text.trim()
  if (trimmed === '') return 'empty'
  const match = /^([0-9]{1,30})(?:[.,]([0-9]{1,40}))?$/.exec(trimmed)
  if (match === null) return 'malformed'
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  if (fraction.length > decimals) return 'too-fine'
  const amount = BigInt((match[1] ?? '') + fraction.padEnd(decimals, '0'))
  return amount === 0n ? 'zero' : amount
}

export interface Style {
  readonly point: string
  /** Digits behind the decimal sign; more are cut off, which never shows more than there is. */
  readonly places: number
}

/** An amount in whole units of the asset, rounded down, with trailing zeros kept. */
export function formatAmount(amount: bigint, decimals: number, style: Style): string {
  const sign = amount < 0n ? '-' : ''
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits
    .slice(digits.length - decimals)
    .padEnd(style.places, '0')
    .slice(0, style.places)
  return sign + whole + (style.places > 0 ? style.point + fraction : '')
}

/** All digits that matter and no more, for a field that the reader may edit or copy. */
export function exactAmount(amount: bigint, decimals: number, point: string): string {
  const text = formatAmount(amount, decimals, { point, places: decimals })
  return decimals === 0 ? text : text.replace(/0+$/, '').replace(/[.,]$/, '')
}

/** How many places show `amount` with at least three digits that are not leading zeros. */
export function placesFor(amount: bigint, decimals: number): number {
  const size = amount < 0n ? -amount : amount
  if (size === 0n) return Math.min(2, decimals)
  const missing = decimals - size.toString().length
  return Math.min(decimals, Math.max(2, missing + 3))
}
