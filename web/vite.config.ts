import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// Everything is built into dist/, with relative addresses, so that any static host can serve it.
export default defineConfig({
  base: './',
  plugins: [react()],
  build: {
    target: 'es2022',
    sourcemap: false,
    // A module preload helper would be inline script, which the content security policy forbids.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // Mostly viem and React in one piece; a test measures what the first load weighs compressed.
    chunkSizeWarningLimit: 800,
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
