/** Builds the survivor's page: one document, see `apps/README.md`. */

import { defineConfig, mergeConfig } from "vite"

import { app } from "./app.ts"
import { selfContained } from "./selfContained.ts"

const FILLED_IN = [
  '<script type="application/json" id="organisation">null</script>',
  "<title>Notes</title>",
  '<link rel="icon" href="data:,">',
]

export default defineConfig(
  mergeConfig(app("survivor"), {
    base: "./",
    plugins: [selfContained({ name: "survivor", filledIn: FILLED_IN })],
    build: { assetsInlineLimit: 1024 * 1024, cssCodeSplit: false },
  }),
)
