/** Builds the peer that the interoperability tests run in Node: one file, with the corrected ts-mls in it. */

import { fileURLToPath } from "node:url"

import { defineConfig } from "vite"

import { correctTsMls } from "../../build/correctTsMls.ts"

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  plugins: [correctTsMls()],
  ssr: { noExternal: true },
  build: {
    ssr: fileURLToPath(new URL("peer.ts", import.meta.url)),
    outDir: fileURLToPath(new URL("../../dist/peer", import.meta.url)),
    emptyOutDir: true,
    target: "node20",
    minify: false,
    rolldownOptions: { output: { entryFileNames: "peer.mjs" } },
  },
})
