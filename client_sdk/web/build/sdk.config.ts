/** Builds the published package: our modules and the corrected ts-mls in one; other libraries stay imports. */

import { fileURLToPath } from "node:url"

import { defineConfig } from "vite"

import manifest from "../package.json" with { type: "json" }
import { correctTsMls } from "./correctTsMls.ts"

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const external = Object.keys(manifest.dependencies)

export default defineConfig({
  root: at(""),
  plugins: [correctTsMls()],
  build: {
    outDir: at("dist/sdk"),
    emptyOutDir: true,
    target: "es2022",
    minify: false,
    lib: { entry: { index: at("src/index.ts"), call: at("src/call/index.ts") }, formats: ["es"] },
    rolldownOptions: { external: (id) => external.some((name) => id === name || id.startsWith(`${name}/`)) },
  },
})
