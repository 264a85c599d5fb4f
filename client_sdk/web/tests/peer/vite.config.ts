/** Builds what Python's tests run in Node, the peer and the judge, with the corrected ts-mls in them. */

import { fileURLToPath } from "node:url"

import { defineConfig } from "vite"

import { correctTsMls } from "../../build/correctTsMls.ts"

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at("../.."),
  plugins: [correctTsMls()],
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: at("../../dist/peer"),
    emptyOutDir: true,
    target: "node20",
    minify: false,
    rolldownOptions: {
      input: { peer: at("peer.ts"), judge: at("judge.ts") },
      output: { entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
    },
  },
})
