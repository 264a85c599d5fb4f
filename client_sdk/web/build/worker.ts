/** The Vite plugin that puts the console's service worker beside its page: one classic script, as it stands in its source. */

import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

import { transformWithOxc, type Plugin } from "vite"

const SOURCE = fileURLToPath(new URL("../apps/console/shift/worker.ts", import.meta.url))
/** Without a hash: browsers know a worker by its address, and ask for it anew. */
const FILE = "worker.js"

export function worker(): Plugin {
  return {
    name: "worker",
    async generateBundle() {
      const { code } = await transformWithOxc(await readFile(SOURCE, "utf8"), SOURCE)
      // What makes it a module for the compiler is none of a classic script.
      this.emitFile({ type: "asset", fileName: FILE, source: code.replace(/^export ?\{ ?\};?$/m, "") })
    },
  }
}
