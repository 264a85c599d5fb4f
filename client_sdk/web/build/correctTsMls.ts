/** The Vite plugin that corrects ts-mls while it is bundled or tested (see `tsMlsCorrections.mjs`). */

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
    transform(source, id) {
      const path = id.split("?", 1)[0] ?? id
      if (!path.includes(MLS_LIBRARY)) return null
      present = true
      const code = corrected(path, source)
      if (code === undefined) return null
      for (const file of CORRECTED_FILES) if (path.endsWith(file)) missing.delete(file)
      return { code, map: null }
    },
    generateBundle() {
      if (present && missing.size > 0) throw new Error(`ts-mls is bundled without corrections: ${[...missing].join(", ")}`)
    },
  }
}
