/** What the builds of all pages share: nothing in them depends on the machine, so that anybody can build the same. */

import { fileURLToPath } from "node:url"

import type { UserConfig } from "vite"

import { browserCrypto } from "./browserCrypto.ts"
import { correctTsMls } from "./correctTsMls.ts"

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

/** The options for the page in `apps/<name>`, built into `dist/<name>`. */
export function app(name: string): UserConfig & { build: object; plugins: object[] } {
  return {
    root: at(`apps/${name}`),
    // No file of a developer's machine has a say in what is built.
    envDir: false,
    publicDir: false,
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    plugins: [correctTsMls(), browserCrypto()],
    build: {
      outDir: at(`dist/${name}`),
      emptyOutDir: true,
      target: "es2022",
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1024,
      rolldownOptions: { output: { codeSplitting: false } },
    },
  }
}
