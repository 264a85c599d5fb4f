/** A phone from before Chrome 137, Safari 17 and Firefox 130: WebCrypto without Ed25519 and X25519. */

import { vi } from "vitest"

type Subtle = SubtleCrypto
const MISSING = ["Ed25519", "X25519"]

/** Until `vi.restoreAllMocks()`. Modules that have asked already must be loaded anew: `vi.resetModules()`. */
export function takeAwayCurves(): void {
  const subtle = crypto.subtle
  const importKey = subtle.importKey.bind(subtle) as (...parameters: unknown[]) => Promise<CryptoKey>
  const generateKey = subtle.generateKey.bind(subtle) as (...parameters: unknown[]) => Promise<CryptoKey>
  const without =
    (real: (...parameters: unknown[]) => Promise<CryptoKey>, at: number) =>
    async (...parameters: unknown[]) => {
      if (MISSING.includes(nameOf(parameters[at]))) throw new DOMException("Unrecognized name.", "NotSupportedError")
      return real(...parameters)
    }
  vi.spyOn(subtle, "importKey").mockImplementation(without(importKey, 2) as Subtle["importKey"])
  vi.spyOn(subtle, "generateKey").mockImplementation(without(generateKey, 0) as Subtle["generateKey"])
}

function nameOf(algorithm: unknown): string {
  if (typeof algorithm === "string") return algorithm
  if (typeof algorithm === "object" && algorithm !== null && "name" in algorithm) return String(algorithm.name)
  return ""
}
