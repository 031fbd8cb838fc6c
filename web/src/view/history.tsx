import { useQuery } from '@tanstack/react-query'
import { drillMeterAbi as abi } from '../generated/abi'
import { RENTAL_STATES } from '../generated/protocol'
import { readHistory, type PastRental } from '../chain/reads'
import { useSpeech } from '../text/text'
import { useAsset, useBase, useFunds, useRental, useWallet } from './context'
import { Failed, Figure, Skeleton } from './parts'
import { StateName } from './rental'
import { useCard } from './store'

export function History() {
  const { t } = useSpeech()
  const { site, client } = useBase()
  const { address } = useWallet()
  const history = useQuery({
    queryKey: ['history', address],
    queryFn: () => (address === undefined ? [] : readHistory(client, site, address)),
    enabled: address !== undefined,
    refetchInterval: 15_000,
  })
  return (
    <>
      <h1>{t('history.title')}</h1>
      {address === undefined ? (
        <p className="empty">{t('history.connect')}</p>
      ) : (
        <>
          <Account />
          {history.data === undefined && history.isError && (
            <Failed text={t('history.failed')} again={() => void history.refetch()} />
          )}
          {history.data === undefined && !history.isError && <Skeleton lines={4} />}
          {history.data?.length === 0 && <p className="empty">{t('history.empty')}</p>}
          {history.data !== undefined && history.data.length > 0 && <Table list={history.data} />}
        </>
      )}
    </>
  )
}

function Table({ list }: { readonly list: readonly PastRental[] }) {
  const { t } = useSpeech()
  const names = ['rental', 'drill', 'opened', 'funded', 'owed', 'back', 'state'] as const
  return (
    <div className="scroll" tabIndex={0} role="group" aria-label={t('history.title')}>
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th scope="col" key={name}>{t(`history.${name}`)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.map((past) => (
            <Row key={String(past.number)} past={past} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({ past }: { readonly past: PastRental }) {
  const { t, amount: say, moment } = useSpeech()
  const { decimals, symbol } = useAsset()
  const { data } = useRental(past.number)
  const card = useCard(Number(past.drill))
  const money = (value: bigint) => say(value, decimals, symbol)
  const closed = data?.rental.state === RENTAL_STATES.CLOSED
  return (
    <tr>
      <th scope="row"><a href={`#/rental/${past.number}`}>{t('panel.title', { n: String(past.number) })}</a></th>
      <td>{card?.name ?? String(past.drill)}</td>
      <td>{data && moment(data.rental.opened_at)}</td>
      <td>{data && money(data.rental.funded)}</td>
      <td>{data && money(data.rental.funded - data.balance)}</td>
      <td>{closed && data && money(data.balance)}</td>
      <td>{data && <StateName state={data.rental.state} />}</td>
    </tr>
  )
}

function Account() {
  const { t, amount: say } = useSpeech()
  const { site } = useBase()
  const { address, ready, send } = useWallet()
  const { decimals, symbol } = useAsset()
  const funds = useFunds(address)
  const account = funds.data?.account ?? 0n
  const withdraw = () =>
    void send({ kind: 'withdraw', about: '', to: site.contract, abi, name: 'withdraw', args: [account, address] })
  return (
    <section className="plate account" aria-labelledby="account">
      <h2 id="account">{t('account.title')}</h2>
      <p>{t('account.text')}</p>
      <dl className="figures">
        <Figure name={t('account.amount')}><output>{say(account, decimals, symbol)}</output></Figure>
        <Figure name={t('account.wallet')}>{say(funds.data?.wallet ?? 0n, decimals, symbol)}</Figure>
      </dl>
      <button type="button" disabled={!ready || account === 0n} onClick={withdraw}>{t('do.withdraw')}</button>
    </section>
  )
}
