/** Tokens are JWTs as any JOSE tool makes and reads them. */

import { compactVerify, SignJWT } from "jose"
import { expect, it } from "vitest"

import { signToken, verifyToken } from "../../src/credentials/jsonWebToken.ts"
import { signerOf } from "../../src/hazmat/ed25519.ts"

const TYPE = "teduh-staff+jwt"
const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])
const signer = await signerOf(pair)

it("jose reads what we sign", async () => {
  const token = await signToken(TYPE, { name: "Sari", exp: 7 }, signer)
  const { payload, protectedHeader } = await compactVerify(token, pair.publicKey)
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: TYPE })
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual({ name: "Sari", exp: 7 })
})

it("we read what jose signs", async () => {
  const header = { alg: "EdDSA", typ: TYPE, kid: "root" }
  const token = await new SignJWT({ name: "نینا", exp: 7 }).setProtectedHeader(header).sign(pair.privateKey)
  const claims = await verifyToken(token, TYPE, signer.publicKey)
  expect([claims.text("name", /^.*$/), claims.integer("exp")]).toEqual(["نینا", 7])
})
