/** Where in the page we are, after the number sign, so that any static host can serve every place. */

import { useSyncExternalStore } from 'react'

export type Route =
  | { readonly view: 'store' }
  | { readonly view: 'drill'; readonly number: number }
  | { readonly view: 'rental'; readonly number: bigint }
  | { readonly view: 'rentals' }
  | { readonly view: 'provider' }

/** The route of a fragment; the storefront for anything else. */
export function parseRoute(hash: string): Route {
  const [, view = '', number = ''] = hash.replace(/^#/, '').split('/')
  const numbered = /^[1-9][0-9]{0,9}$/.test(number)
  if (view === 'drill' && numbered) return { view, number: Number(number) }
  if (view === 'rental' && numbered) return { view, number: BigInt(number) }
  if (view === 'rentals' || view === 'provider') return { view }
  return { view: 'store' }
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

export function useHash(): string {
  return useSyncExternalStore(subscribe, () => window.location.hash)
}
