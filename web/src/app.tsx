import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { parseRoute, useHash } from './route'
import { memory } from './site/memory'
import { type FoundSite, loadSite, SiteError } from './site/site'
import { useSpeech } from './text/text'
import { SiteProvider } from './view/context'
import { DrillPage } from './view/drill'
import { History } from './view/history'
import { RentalPage } from './view/rental'
import { Shell } from './view/shell'
import { Store } from './view/store'

// Customers do not load what only providers use.
const Provider = lazy(() => import('./view/provider'))

export function App() {
  const { t } = useSpeech()
  const [found, setFound] = useState<FoundSite | { readonly unfit: string } | 'missing'>()
  const load = useCallback(() => {
    setFound(undefined)
    loadSite(memory).then(
      (site) => setFound(site ?? 'missing'),
      (error: unknown) => {
        if (!(error instanceof SiteError)) throw error
        setFound({ unfit: error.message })
      },
    )
  }, [])
  useEffect(load, [load])

  if (found === undefined)
    return (
      <p className="alone" role="status">
        {t('loading')}
      </p>
    )
  if (found === 'missing' || 'unfit' in found) {
    return (
      <main className="alone">
        <h1>{t('site.missing.title')}</h1>
        <p>{found === 'missing' ? t('site.missing.text') : t('site.unfit', { why: found.unfit })}</p>
        <button type="button" onClick={load}>
          {t('retry')}
        </button>
      </main>
    )
  }
  return (
    <SiteProvider found={found}>
      <Shell>
        <Place />
      </Shell>
    </SiteProvider>
  )
}

function Place() {
  const { t } = useSpeech()
  const hash = useHash()
  const route = parseRoute(hash)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place begins at its top.
  useEffect(() => {
    window.scrollTo(0, 0)
  }, [hash])
  switch (route.view) {
    case 'store':
      return <Store />
    case 'drill':
      return <DrillPage number={route.number} key={route.number} />
    case 'rental':
      return <RentalPage number={route.number} key={String(route.number)} />
    case 'rentals':
      return <History />
    case 'provider':
      return (
        <Suspense fallback={<p role="status">{t('loading')}</p>}>
          <Provider />
        </Suspense>
      )
  }
}
