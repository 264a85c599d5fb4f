/** The Vite plugin that leaves Node's `crypto` out of the pages: some libraries ask it for WebCrypto where there is none. */

import type { Plugin } from "vite"

const ASKED = /await import\("(?:node:)?crypto"\)/g

export function browserCrypto(): Plugin {
  return {
    name: "browser-crypto",
    enforce: "pre",
    transform(code) {
      return ASKED.test(code) ? { code: code.replace(ASKED, "{ webcrypto: globalThis.crypto }"), map: null } : null
    },
    resolveId(id) {
      if (/^(node:)?crypto$/.test(id)) throw new Error("a page would load Node's crypto")
    },
  }
}
