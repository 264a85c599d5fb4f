/** X25519 is the same with WebCrypto and without. */

import { afterEach, describe, expect, it, vi } from "vitest"

import { toHex } from "../../src/hazmat/bytes.ts"
import { takeAwayCurves } from "../oldPhone.ts"

const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

/** RFC 7748, 5.2; the second has the bit set that counts for nothing. */
const KNOWN = [
  [
    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  ],
  [
    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  ],
] as const
const OF_SMALL_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
]

describe.each([true, false])("X25519 (by WebCrypto: %s)", (isNative) => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  async function loaded() {
    vi.resetModules()
    if (!isNative) takeAwayCurves()
    const { hasNativeX25519, PacedX25519 } = await import("../../src/hazmat/x25519.ts")
    expect(await hasNativeX25519()).toBe(isNative)
    return new PacedX25519()
  }

  it.each(KNOWN)("of %s and %s is the RFC's", async (privateKey, publicKey, secret) => {
    const x25519 = await loaded()
    expect(toHex(await x25519.derive(fromHex(privateKey), fromHex(publicKey)))).toBe(secret)
  })

  it.each(OF_SMALL_ORDER)("refuses %s, whose secret everybody knows", async (publicKey) => {
    const x25519 = await loaded()
    await expect(x25519.derive(fromHex(KNOWN[0][0]), fromHex(publicKey))).rejects.toThrow()
  })

  it("leaves the caller's private key as it was", async () => {
    const x25519 = await loaded()
    const privateKey = fromHex(KNOWN[0][0])
    await x25519.derive(privateKey, fromHex(KNOWN[0][1]))
    expect(toHex(privateKey)).toBe(KNOWN[0][0])
  })
})
