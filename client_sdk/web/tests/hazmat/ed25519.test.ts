/** tests/vectors/ed25519.json, which Python replays too: with WebCrypto's Ed25519, and with that of @noble/curves. */

import { readFileSync } from "node:fs"

import { afterEach, expect, it, vi } from "vitest"

import { Claims, confirmation, verifyToken } from "../../src/credentials/jsonWebToken.ts"
import { readOrganisation } from "../../src/credentials/organisation.ts"
import { StatementVerifier } from "../../src/credentials/statementVerifier.ts"
import { encodeBase64url, toHex } from "../../src/hazmat/bytes.ts"
import { isPublicKey, isSignatureBy } from "../../src/hazmat/ed25519.ts"
import { takeAwayCurves } from "../oldPhone.ts"

interface Case {
  readonly name: string
  readonly public_key: string
  readonly message: string
  readonly signature: string
  readonly key: boolean
  readonly holds: boolean
}

const file = new URL("../../../../tests/vectors/ed25519.json", import.meta.url)
const cases = JSON.parse(readFileSync(file, "utf8")) as readonly Case[]
const noKeys = cases.filter(({ key }) => !key).map(({ public_key }) => public_key)
const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

it.each(cases)("WebCrypto: $name", async ({ public_key, message, signature, holds }) => {
  expect(await isSignatureBy(fromHex(public_key), fromHex(message), fromHex(signature))).toBe(holds)
})

it.each(cases)("@noble/curves: $name", async ({ public_key, message, signature, holds }) => {
  vi.resetModules()
  takeAwayCurves()
  const onOldPhones = await import("../../src/hazmat/ed25519.ts")
  expect(await onOldPhones.hasNativeEd25519()).toBe(false)
  expect(await onOldPhones.isSignatureBy(fromHex(public_key), fromHex(message), fromHex(signature))).toBe(holds)
})

it.each(cases)("may be a key or not: $name", ({ public_key, key }) => {
  expect(isPublicKey(fromHex(public_key))).toBe(key)
})

it.each(noKeys)("%s is taken as a key nowhere", async (hex) => {
  const publicKey = fromHex(hex)
  expect(toHex(publicKey)).toBe(hex)
  expect(() => new StatementVerifier(publicKey, "rumah-aman")).toThrow("public key")
  const entries = { format: 1, id: "rumah-aman", name: "Rumah Aman", root_public_key: encodeBase64url(publicKey) }
  expect(() => readOrganisation(entries)).toThrow("organisation file")
  const claims = new Claims("teduh-staff+jwt", { cnf: confirmation(publicKey) })
  expect(() => claims.confirmationKey()).toThrow("Ed25519 key")
  const token = [`{"alg":"EdDSA","typ":"teduh-staff+jwt"}`, "{}", "?".repeat(64)]
  const encoded = token.map((part) => encodeBase64url(new TextEncoder().encode(part))).join(".")
  await expect(verifyToken(encoded, "teduh-staff+jwt", publicKey)).rejects.toThrow("public key")
})
