import { defineConfig } from 'vite'

// The demo's test wallet, apart from the page: it must never lie among the page's files.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist-demo',
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: 'demo/test-wallet.ts',
      output: { entryFileNames: 'test-wallet.js', inlineDynamicImports: true },
    },
  },
})
