import { type FormEvent, type ReactNode, useState } from 'react'
import type { Asset } from '../chain/asset'
import { faultOf } from '../chain/faults'
import { deposit, type Till } from '../chain/payment'
import { type Funds, readFunds } from '../chain/reads'
import { drillMeterAbi as abi } from '../generated/abi'
import { parseAmount } from '../protocol/amounts'
import { useSpeech } from '../text/text'
import { useAsset, useMoney } from './asset'
import { useBase, useFunds, useWallet } from './context'

/** What a payment leads to: a call that uses `amount` of the account, with the coin sent along. */
export interface Purpose {
  readonly kind: 'open' | 'top-up'
  readonly about: string
  readonly name: 'open_rental' | 'top_up'
  /** `deadline` in Unix s: until when the call should be of use. */
  readonly args: (amount: bigint, deadline: bigint) => readonly unknown[]
}

/** For signing in the wallet and being mined; later nobody may stand before the drill any more. */
export const OPENING_SECONDS = 900n

/** Where tokens are paid from; undefined without a wallet that is ready. */
export function useTill(): Till | undefined {
  const { site, client, ledger } = useBase()
  const { address, walletClient, send } = useWallet()
  const say = useMoney()
  if (address === undefined || walletClient === undefined) return undefined
  return { site, client, ledger, wallet: walletClient, sender: address, say, send }
}

/**
 * Pays: with the coin one transaction, its value what the account lacks; with a token first what
 * moves it into the account, then the call itself. The account is read anew for it.
 */
export function usePay(purpose: Purpose, asset: Asset) {
  const { site, client, ledger } = useBase()
  const { send } = useWallet()
  const till = useTill()

  return async (amount: bigint): Promise<boolean> => {
    if (till === undefined) return false
    const { kind, about, name } = purpose
    let funds: Funds
    let now: bigint
    try {
      funds = await readFunds(client, site, till.sender)
      now = (await client.getBlock()).timestamp
    } catch (error) {
      const at = { id: crypto.randomUUID(), sender: till.sender, at: Date.now() }
      ledger.add({ ...at, kind, about, state: 'failed', fault: faultOf(error) })
      return false
    }
    const missing = amount > funds.account ? amount - funds.account : 0n
    const args = purpose.args(amount, now + OPENING_SECONDS)
    const call = { kind, about, to: site.contract, abi, name, args }
    if (asset.token === undefined) return send({ ...call, value: missing })
    if (missing > 0n && !(await deposit(till, missing))) return false
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

/** An amount and one button; neither, while it is not known what amounts are in. */
export function PayForm(props: FormProps) {
  const { t } = useSpeech()
  const asset = useAsset()
  if (asset === undefined) return <p role="status">{t('asset.no-paying')}</p>
  return <Form {...props} asset={asset} />
}

/** What is wrong with the amount is shown beside it, before any wallet asks. */
function Form({
  purpose,
  least,
  action,
  done,
  more,
  fields,
  fieldsFit = true,
  asset,
}: FormProps & { readonly asset: Asset }) {
  const { t } = useSpeech()
  const say = useMoney()
  const { address, ready } = useWallet()
  const { decimals, symbol, token } = asset
  const funds = useFunds(address)
  const pay = usePay(purpose, asset)
  const [text, setText] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const parsed = parseAmount(text, decimals)
  const account = funds.data?.account
  const fault = faultOfAmount()
  const field = `amount-${purpose.kind}`
  const opening = purpose.kind === 'open'

  function faultOfAmount(): string | undefined {
    if (typeof parsed === 'string') return t(`amount.${parsed}`, { symbol })
    if (parsed < least) return t('amount.too-little', { least: say(least) })
    if (funds.data === undefined) return undefined
    const missing = parsed > funds.data.account ? parsed - funds.data.account : 0n
    if (missing > funds.data.wallet) return t('amount.too-much', { have: say(funds.data.wallet) })
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
          <p className="fault" role="alert">
            {fault}
          </p>
        ) : (
          <p>{opening ? t('open.amount-help', { least: say(least) }) : t('top-up.help')}</p>
        )}
        {typeof parsed === 'bigint' && fault === undefined && more?.(parsed)}
        {typeof parsed === 'bigint' && account !== undefined && account > 0n && (
          <p>
            {t('open.from-account', {
              amount: say(parsed < account ? parsed : account),
              rest: say(parsed > account ? parsed - account : 0n),
            })}
          </p>
        )}
        {token !== undefined && <p>{t('open.token', { symbol })}</p>}
        {address !== undefined && funds.data === undefined && (
          <p role="status">{t(funds.isError ? 'funds.unread' : 'funds.reading')}</p>
        )}
      </div>
      {fields}
      <button type="submit" disabled={!ready || busy || funds.data === undefined}>
        {action}
      </button>
    </form>
  )
}
