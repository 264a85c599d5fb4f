/** The Vite plugin that corrects ts-mls while it is bundled or tested (see `tsMlsCorrections.mjs`). */

import { readFile } from "node:fs/promises"

import type { Plugin } from "vite"

import { CORRECTED_FILES, corrected } from "./tsMlsCorrections.mjs"

const MLS_LIBRARY = "/node_modules/ts-mls/"

/** Fails the build when ts-mls is part of it and anything to correct was not found. */
export function correctTsMls(): Plugin {
  const missing = new Set(CORRECTED_FILES)
  let present = false
  return {
    name: "correct-ts-mls",
    enforce: "pre",
    // Vite's development server would bundle ts-mls beforehand, past this plugin.
    config: () => ({ optimizeDeps: { exclude: ["ts-mls"] } }),
    // Loading rather than transforming, for the source maps that ts-mls names are not in its package.
    async load(id) {
      const path = id.split("?", 1)[0] ?? id
      if (!path.includes(MLS_LIBRARY) || !path.endsWith(".js")) return null
      present = true
      const source = (await readFile(path, "utf8")).replace(/^\/\/# sourceMappingURL=.*$/m, "")
      const code = corrected(path, source)
      for (const file of CORRECTED_FILES) if (code !== undefined && path.endsWith(file)) missing.delete(file)
      return { code: code ?? source, map: null }
    },
    generateBundle() {
      if (present && missing.size > 0)
        throw new Error(`ts-mls is bundled without corrections: ${[...missing].join(", ")}`)
    },
  }
}
