import { useEffect, useState } from 'react'

/** A QR code of a place in this page, drawn here; its library is loaded only where a code is shown. */
export function Code({ path, label }: { readonly path: string; readonly label: string }) {
  const [cells, setCells] = useState<readonly (readonly boolean[])[]>()
  const address = new URL(path, window.location.href).href
  useEffect(() => {
    let gone = false
    void import('uqr').then(({ encode }) => {
      if (!gone) setCells(encode(address, { border: 2 }).data)
    })
    return () => {
      gone = true
    }
  }, [address])
  if (cells === undefined) return null
  const dark = cells.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])))
  return (
    <figure className="qr">
      <svg viewBox={`0 0 ${cells.length} ${cells.length}`} role="img" aria-label={label} shapeRendering="crispEdges">
        <rect width="100%" height="100%" fill="#fff" />
        <path d={dark.join('')} fill="#000" />
      </svg>
      <figcaption>{label}</figcaption>
    </figure>
  )
}
