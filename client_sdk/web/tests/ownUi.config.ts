/** Builds examples/embed-your-own-ui as somebody outside would, but on the sources of the SDK that are here. */

import { fileURLToPath } from "node:url"

import { defineConfig } from "vite"

import { correctTsMls } from "../build/correctTsMls.ts"

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at("../../../examples/embed-your-own-ui"),
  plugins: [correctTsMls()],
  resolve: { alias: { "@teduh/sdk": at("../src/index.ts") } },
  build: { target: "es2022", emptyOutDir: true },
})
