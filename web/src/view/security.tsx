import { useQuery } from '@tanstack/react-query'
import { readSecurity } from '../chain/bond'
import { useSpeech } from '../text/text'
import { useMoney } from './asset'
import { useBase } from './context'

/** What stands behind the readings of the provider's boxes, and whether it is about to be taken out. */
export function SecurityNote() {
  const { t, moment } = useSpeech()
  const money = useMoney()
  const { site, client } = useBase()
  const security = useQuery({ queryKey: ['security'], queryFn: () => readSecurity(client, site) })
  if (security.data === undefined) {
    return security.isError ? <p className="help">{t('security.unread')}</p> : null
  }
  const { standing, leaving, leaves_at } = security.data
  return (
    <>
      <p className="help" data-bond={String(standing)}>
        {standing > 0n ? t('security.standing', { amount: money(standing) }) : t('security.none')}
      </p>
      {leaving > 0n && (
        <p className="banner warn" role="status" data-leaving={String(leaving)}>
          {t('security.leaving', { amount: money(leaving), when: moment(leaves_at) })}
        </p>
      )}
    </>
  )
}
