/** Builds the staff console: a page and files whose names carry their hashes, so that browsers may keep them for good. */

import { defineConfig, mergeConfig } from "vite"

import { app } from "./app.ts"
import { integrity } from "./integrity.ts"
import { worker } from "./worker.ts"

const BASE = "/console/"

export default defineConfig(
  mergeConfig(app("console"), { base: BASE, plugins: [integrity(BASE), worker()], build: { assetsInlineLimit: 0, cssCodeSplit: false } }),
)
