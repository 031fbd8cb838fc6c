import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react'
import { useConnect, useConnection, useConnectors, useDisconnect, useSwitchChain } from 'wagmi'
import { chainOf } from '../chain/clients'
import { faultOf, isUnanswered } from '../chain/faults'
import { useHash } from '../route'
import { memory } from '../site/memory'
import { type Language, useSpeech } from '../text/text'
import { AssetUnread } from './asset'
import { useBase } from './context'
import { short } from './parts'
import { Transactions } from './transactions'

export function Shell({ children }: { readonly children: ReactNode }) {
  const { t } = useSpeech()
  const { site } = useBase()
  const hash = useHash()
  const link = (place: string, text: string) => (
    <a href={place} aria-current={(hash || '#/') === place ? 'page' : undefined}>
      {text}
    </a>
  )
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: the address's hash says which view is shown, so the focus is moved by hand. */}
      <a className="skip" href="#content" onClick={skip}>
        {t('skip')}
      </a>
      <header className="top">
        <a className="brand" href="#/">
          {t('brand')}
        </a>
        <nav aria-label={t('nav.main')}>
          {link('#/', t('nav.drills'))}
          {link('#/rentals', t('nav.rentals'))}
          {link('#/provider', t('nav.provider'))}
        </nav>
        <WalletBox />
      </header>
      <Banners />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <Transactions />
      <footer>
        <dl>
          <dt>{t('where.chain')}</dt>
          <dd>
            {site.chain_name} ({site.chain_id})
          </dd>
          <dt>{t('where.contract')}</dt>
          <dd className="code">{site.contract}</dd>
        </dl>
        <LanguageChoice />
      </footer>
    </>
  )
}

function skip(event: { preventDefault: () => void }): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function LanguageChoice() {
  const { t, language, setLanguage } = useSpeech()
  return (
    <label>
      {t('language')}{' '}
      <select value={language} onChange={(event) => setLanguage(event.target.value as Language)}>
        <option value="en" lang="en">
          English
        </option>
        <option value="de" lang="de">
          Deutsch
        </option>
      </select>
    </label>
  )
}

function WalletBox() {
  const { t, fault } = useSpeech()
  const { site } = useBase()
  const connection = useConnection()
  const connectors = useConnectors()
  const connecting = useConnect()
  const disconnecting = useDisconnect()
  const [choosing, setChoosing] = useState(false)
  // A discovered wallet has a name of its own; the nameless one is for wallets without EIP-6963.
  const named = connectors.filter((one) => one.id !== 'injected')
  const offered = named.length > 0 ? named : 'ethereum' in window ? connectors : []

  if (connection.address !== undefined) {
    return (
      <div className="wallet">
        <WrongChain />
        <span className="code" title={connection.address}>
          {short(connection.address)}
        </span>
        <button type="button" className="quiet" onClick={() => disconnecting.mutate({})}>
          {t('wallet.disconnect')}
        </button>
      </div>
    )
  }
  const connect = (connector: (typeof connectors)[number]) =>
    connecting.mutate({ connector, chainId: site.chain_id }, { onSuccess: () => setChoosing(false) })
  const only = offered.length === 1 ? offered[0] : undefined
  return (
    <div className="wallet">
      <button
        type="button"
        aria-expanded={only === undefined ? choosing : undefined}
        onClick={() => (only === undefined ? setChoosing(!choosing) : connect(only))}
      >
        {t('wallet.connect')}
      </button>
      {choosing && only === undefined && (
        <div className="choice" role="group" aria-label={t('wallet.choose')}>
          {offered.length === 0 && <p>{t('wallet.none')}</p>}
          {offered.map((one) => (
            <button type="button" key={one.uid} onClick={() => connect(one)}>
              {one.name}
            </button>
          ))}
        </div>
      )}
      {connecting.error !== null && (
        <p className="fault" role="alert">
          {t('wallet.connect-failed', { why: fault(faultOf(connecting.error)) })}
        </p>
      )}
    </div>
  )
}

function WrongChain() {
  const { t, fault } = useSpeech()
  const { site } = useBase()
  const connection = useConnection()
  const switching = useSwitchChain()
  if (connection.chainId === site.chain_id) return null
  const chain = chainOf(site)
  return (
    <div className="wrong" role="alert">
      <span>{t('wallet.wrong-chain')}</span>
      <button
        type="button"
        onClick={() =>
          switching.mutate({
            chainId: site.chain_id,
            addEthereumChainParameter: {
              chainName: chain.name,
              nativeCurrency: chain.nativeCurrency,
              rpcUrls: chain.rpcUrls.default.http,
            },
          })
        }
      >
        {t('wallet.switch', { chain: site.chain_name })}
      </button>
      {switching.error !== null && <span>{t('wallet.switch-failed', { why: fault(faultOf(switching.error)) })}</span>}
    </div>
  )
}

/** What is wrong around the page, shown once at the top. */
function Banners() {
  const { t } = useSpeech()
  const { from } = useBase()
  const online = useOnline()
  const unreachable = useUnreachable()
  const health = useSyncExternalStore(memory.subscribe, memory.health)
  return (
    <div className="banners" role="status">
      {!online && <p className="banner warn">{t('offline')}</p>}
      {unreachable && <p className="banner warn">{t('chain.unreachable')}</p>}
      <AssetUnread />
      {health !== 'kept' && (
        <p className="banner warn" data-memory={health}>
          {t(`memory.${health}`)}
        </p>
      )}
      {from === 'memory' && <p className="banner">{t('site.from-memory')}</p>}
      {from === 'file' && <p className="banner">{t('site.from-file')}</p>}
    </div>
  )
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine)
  useEffect(() => {
    const look = () => setOnline(navigator.onLine)
    window.addEventListener('online', look)
    window.addEventListener('offline', look)
    return () => {
      window.removeEventListener('online', look)
      window.removeEventListener('offline', look)
    }
  }, [])
  return online
}

/** Whether the newest question to the chain went unanswered. */
function useUnreachable(): boolean {
  const queries = useQueryClient()
  const [unreachable, setUnreachable] = useState(false)
  useEffect(
    () =>
      queries.getQueryCache().subscribe((event) => {
        if (event.type !== 'updated') return
        if (event.action.type === 'success') setUnreachable(false)
        if (event.action.type === 'error' || event.action.type === 'failed') {
          if (isUnanswered(event.action.error)) setUnreachable(true)
        }
      }),
    [queries],
  )
  return unreachable
}
