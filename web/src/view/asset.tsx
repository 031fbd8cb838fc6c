/** The payment asset, once it is known, and what the page says while it is not. */

import { useQuery } from '@tanstack/react-query'
import { type Asset, readDecimals, readSymbol } from '../chain/asset'
import { faultOf } from '../chain/faults'
import { ZERO_ADDRESS } from '../site/site'
import { useSpeech } from '../text/text'
import { useBase } from './context'
import { short } from './parts'

/** An endpoint that refuses for a moment is asked again, for 40 s in all; then whoever looks decides. */
const ONCE = {
  staleTime: Infinity,
  refetchInterval: false,
  retry: 8,
  retryDelay: (tries: number) => Math.min(500 * 2 ** tries, 8000),
} as const

function useToken() {
  const { site, client } = useBase()
  const isToken = site.asset !== ZERO_ADDRESS
  const decimals = useQuery({
    queryKey: ['decimals'],
    queryFn: () => readDecimals(client, site.asset),
    enabled: isToken,
    ...ONCE,
  })
  const symbol = useQuery({
    queryKey: ['symbol'],
    queryFn: () => readSymbol(client, site.asset),
    enabled: isToken,
    ...ONCE,
  })
  return { isToken, decimals, symbol }
}

/**
 * The asset that amounts are in; undefined while a token's decimals are not known: then there is
 * no amount and no button. A token without a name that can be read is called by its address.
 */
export function useAsset(): Asset | undefined {
  const { site } = useBase()
  const { isToken, decimals, symbol } = useToken()
  if (!isToken) return { ...site.coin, token: undefined }
  if (decimals.data === undefined) return undefined
  return { decimals: decimals.data, symbol: symbol.data ?? short(site.asset), token: site.asset }
}

/** Amounts in words; an unknown amount, or one in an unknown asset, is shown as unknown. */
export function useMoney(): (amount: bigint | undefined, more?: number) => string {
  const { t, amount: say } = useSpeech()
  const asset = useAsset()
  return (amount, more) =>
    asset === undefined || amount === undefined ? t('unknown') : say(amount, asset.decimals, asset.symbol, more)
}

/** Says that the asset is not known, and offers to ask again once the page has given up. */
export function AssetUnread() {
  const { t, fault } = useSpeech()
  const { isToken, decimals } = useToken()
  if (!isToken || decimals.data !== undefined) return null
  const why = decimals.failureReason
  if (!decimals.isError) return <p className="banner">{t('asset.reading')}</p>
  return (
    <div className="banner warn" data-asset="unread">
      <p>{t('asset.unread', { why: fault(faultOf(why)) })}</p>
      <button type="button" className="quiet" onClick={() => void decimals.refetch()}>
        {t('retry')}
      </button>
    </div>
  )
}
