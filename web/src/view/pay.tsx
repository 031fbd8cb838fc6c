import { useState, type FormEvent, type ReactNode } from 'react'
import { drillMeterAbi as abi } from '../generated/abi'
import { faultOf } from '../chain/faults'
import { signPermit, TOKEN_ABI } from '../chain/asset'
import { parseAmount } from '../protocol/amounts'
import { useSpeech } from '../text/text'
import { useAsset, useBase, useFunds, useWallet } from './context'

/** What a payment leads to: a call that uses `amount` of the account, with the coin sent along. */
export interface Purpose {
  readonly kind: 'open' | 'top-up'
  readonly about: string
  readonly name: 'open_rental' | 'open_capped_rental' | 'top_up'
  readonly args: (amount: bigint) => readonly unknown[]
}

/**
 * Pays: with the coin one transaction, its value what the account lacks; with a token first a
 * signed permit, or an approval where the token has none, then the deposit, then the call itself.
 */
export function usePay(purpose: Purpose) {
  const { site, client, ledger } = useBase()
  const { address, walletClient, send } = useWallet()
  const asset = useAsset()
  const { amount: say } = useSpeech()
  const funds = useFunds(address)

  return async (amount: bigint): Promise<boolean> => {
    if (address === undefined || walletClient === undefined || funds.data === undefined) return false
    const missing = amount > funds.data.account ? amount - funds.data.account : 0n
    const contract = { to: site.contract, abi } as const
    const call = { ...contract, kind: purpose.kind, about: purpose.about, name: purpose.name, args: purpose.args(amount) }
    if (asset.token === undefined) return send({ ...call, value: missing })
    if (missing > 0n) {
      const about = say(missing, asset.decimals, asset.symbol)
      const id = crypto.randomUUID()
      ledger.add({ id, kind: 'permit', about, sender: address, state: 'asked', at: Date.now() })
      let permit
      try {
        permit = await signPermit(client, walletClient, site, address, missing)
      } catch (error) {
        ledger.change(id, { state: 'failed', fault: faultOf(error) })
        return false
      }
      ledger.forget(id)
      const deposit = { ...contract, kind: 'deposit', about } as const
      if (permit !== undefined) {
        const { deadline, v, r, s } = permit
        const args = [address, missing, deadline, v, r, s]
        if (!(await send({ ...deposit, name: 'deposit_with_permit', args }))) return false
      } else {
        const approval = { kind: 'approve', about, to: asset.token, abi: TOKEN_ABI, name: 'approve' } as const
        if (!(await send({ ...approval, args: [site.contract, missing] }))) return false
        if (!(await send({ ...deposit, name: 'deposit', args: [address, missing] }))) return false
      }
    }
    return send(call)
  }
}

interface FormProps {
  readonly purpose: Purpose
  readonly least: bigint
  readonly action: string
  readonly done: () => void
  readonly more?: (amount: bigint) => ReactNode
  /** Further fields, and whether what is in them may be sent. */
  readonly fields?: ReactNode
  readonly fieldsFit?: boolean
}

/** An amount and one button. What is wrong with the amount is said beside it, before any wallet asks. */
export function PayForm({ purpose, least, action, done, more, fields, fieldsFit = true }: FormProps) {
  const { t, amount: say } = useSpeech()
  const { address, ready } = useWallet()
  const { decimals, symbol, token } = useAsset()
  const funds = useFunds(address)
  const pay = usePay(purpose)
  const [text, setText] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const parsed = parseAmount(text, decimals)
  const account = funds.data?.account ?? 0n
  const fault = faultOfAmount()
  const field = `amount-${purpose.kind}`
  const opening = purpose.kind === 'open'

  function faultOfAmount(): string | undefined {
    if (typeof parsed === 'string') return t(`amount.${parsed}`, { symbol })
    if (parsed < least) return t('amount.too-little', { least: say(least, decimals, symbol) })
    const missing = parsed > account ? parsed - account : 0n
    if (funds.data !== undefined && missing > funds.data.wallet) {
      return t('amount.too-much', { have: say(funds.data.wallet, decimals, symbol) })
    }
    return undefined
  }

  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (fault !== undefined || typeof parsed === 'string' || busy || !fieldsFit) return
    setBusy(true)
    void pay(parsed)
      .then((paid) => {
        if (!paid) return
        setText('')
        setTried(false)
        done()
      })
      .finally(() => setBusy(false))
  }

  const wrong = tried && fault !== undefined
  return (
    <form className="pay" onSubmit={submit} noValidate>
      <label htmlFor={field}>{t(opening ? 'open.amount' : 'top-up.amount', { symbol })}</label>
      <input
        id={field}
        inputMode="decimal"
        autoComplete="off"
        value={text}
        aria-invalid={wrong}
        aria-describedby={`${field}-help`}
        onChange={(event) => setText(event.target.value)}
      />
      <div id={`${field}-help`} className="help">
        {wrong ? (
          <p className="fault" role="alert">{fault}</p>
        ) : (
          <p>{opening ? t('open.amount-help', { least: say(least, decimals, symbol) }) : t('top-up.help')}</p>
        )}
        {typeof parsed === 'bigint' && fault === undefined && more?.(parsed)}
        {typeof parsed === 'bigint' && account > 0n && (
          <p>
            {t('open.from-account', {
              amount: say(parsed < account ? parsed : account, decimals, symbol),
              rest: say(parsed > account ? parsed - account : 0n, decimals, symbol),
            })}
          </p>
        )}
        {token !== undefined && <p>{t('open.token', { symbol })}</p>}
      </div>
      {fields}
      <button type="submit" disabled={!ready || busy || funds.data === undefined}>{action}</button>
    </form>
  )
}
