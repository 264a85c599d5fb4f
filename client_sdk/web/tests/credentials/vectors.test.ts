/** Whom the browser believes is whom Python believes: the same vectors, with WebCrypto's Ed25519 and without it. */

import { readFileSync } from "node:fs"

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"

import { AuthenticationService } from "../../src/trust/authenticationService.ts"
import { comparisonWords } from "../../src/credentials/comparisonWords.ts"
import { verifyDirectory, type DirectoryStatement } from "../../src/credentials/directoryStatement.ts"
import { englishWords } from "../../src/credentials/englishWords.ts"
import { indonesianWords } from "../../src/credentials/indonesianWords.ts"
import {
  enrol,
  enrolmentId,
  openStatement,
  parseInvitationCode,
  verifyInvitation,
} from "../../src/credentials/enrolment.ts"
import { readOrganisation } from "../../src/credentials/organisation.ts"
import { relayAuthenticationBytes, signRelayAuthentication } from "../../src/credentials/relayAuthentication.ts"
import { decodeCredential } from "../../src/credentials/staffStatement.ts"
import { StatementVerifier, type SignedRevocations } from "../../src/credentials/statementVerifier.ts"
import { encodeBase64url, utf8 } from "../../src/hazmat/bytes.ts"
import { hasNativeEd25519, signerFromPrivateKey } from "../../src/hazmat/ed25519.ts"
import { takeAwayCurves } from "../oldPhone.ts"
import { bytes, errorOf, vectors } from "./vectors.ts"

const organisation = readOrganisation(vectors.organisation)

const inForce: SignedRevocations = { list: vectors.list, authority: vectors.authority }

async function verifierWith(...signed: readonly SignedRevocations[]): Promise<StatementVerifier> {
  const verifier = new StatementVerifier(organisation.rootPublicKey, organisation.id)
  for (const each of signed) await verifier.adoptRevocations(each, vectors.now)
  return verifier
}

/** The last is adopted, or refused by this error, and then changes nothing. */
async function adoptOrRefuse(signed: readonly SignedRevocations[], now: number, error: string | null): Promise<void> {
  const verifier = new StatementVerifier(organisation.rootPublicKey, organisation.id)
  for (const each of signed.slice(0, -1)) await verifier.adoptRevocations(each, now)
  const { revocations, authority } = verifier
  expect(await errorOf(() => verifier.adoptRevocations(signed.at(-1) ?? { list: "" }, now))).toBe(error)
  if (error === null) expect(verifier.expires).toBeGreaterThan(now)
  else expect([verifier.revocations, verifier.authority]).toEqual([revocations, authority])
}

describe("a statement", () => {
  it.each(vectors.statements)("$name", async ({ credential, device_key, authority, revocations, now, error, says }) => {
    const verifier = await verifierWith(...(revocations === null ? [] : [{ list: revocations, authority }]))
    const verify = async () =>
      verifier.verify(decodeCredential(utf8(credential)), { now, deviceKey: bytes(device_key) })
    expect(await errorOf(verify)).toBe(error)
    if (says === null) return
    const said = await verify()
    expect({
      statement_id: said.statementId,
      subject: said.subject,
      name: said.name,
      role: said.role,
      languages: said.languages,
      skills: said.skills,
      not_before: said.notBefore,
      expires: said.expires,
      device_id: encodeBase64url(said.deviceId),
    }).toEqual(says)
  })
})

describe("a revocation list", () => {
  it.each(vectors.revocations)("$name", async ({ lists, now, error }) => {
    const { authority } = vectors
    await adoptOrRefuse(lists.map((list) => ({ list, authority })), now, error)
  })
})

describe("an authority statement", () => {
  it.each(vectors.authority_statements)("$name", async ({ documents, now, error }) => {
    const signed = documents.map(([authority, list]) => ({ list, authority: authority ?? undefined }))
    await adoptOrRefuse(signed, now, error)
  })
})

describe("a directory", () => {
  it.each(vectors.directories)("$name", async ({ authority, list, documents, now, error }) => {
    const verifier = await verifierWith(...(authority === null ? [] : [{ list, authority }]))
    let held: DirectoryStatement | undefined
    const verify = async (text: string, content: string) => verifyDirectory(text, utf8(content), verifier, { now, held })
    for (const [text, content] of documents.slice(0, -1)) held = await verify(text, content)
    expect(await errorOf(() => verify(...(documents.at(-1) ?? ["", ""])))).toBe(error)
  })
})

describe("a roster", () => {
  it.each(vectors.rosters)("$name", async ({ members, error }) => {
    const service = AuthenticationService.of(organisation)
    await service.adoptRevocations(inForce, vectors.now)
    const shown = members.map(([leafIndex, credentialType, content, key]) => ({
      leafIndex,
      credentialType,
      content: bytes(content),
      signatureKey: bytes(key),
    }))
    expect(await errorOf(() => service.verify(shown, { now: vectors.now }))).toBe(error)
  })

  const [two] = vectors.rosters
  const shown = (two?.members ?? []).map(([leafIndex, credentialType, content, key]) => ({
    leafIndex,
    credentialType,
    content: bytes(content),
    signatureKey: bytes(key),
  }))

  it("holds no other survivor than the one who asked", async () => {
    const service = AuthenticationService.of(organisation)
    await service.adoptRevocations(inForce, vectors.now)
    const survivorKey = new Uint8Array(32)
    expect(await errorOf(() => service.verify(shown, { now: vectors.now, survivorKey }))).toBe("AnotherSurvivor")
    const previous = await service.verify(shown, { now: vectors.now })
    const replaced = shown.map((one) => (one.credentialType === 1 ? { ...one, signatureKey: survivorKey } : one))
    expect(await errorOf(() => service.verify(replaced, { now: vectors.now, previous }))).toBe("AnotherSurvivor")
  })

  it("goes on with those who were there, and with nobody new, when the list has gone stale", async () => {
    const service = AuthenticationService.of(organisation)
    await service.adoptRevocations(inForce, vectors.now)
    const previous = await service.verify(shown, { now: vectors.now })
    const stale = vectors.now + 24 * 3600 - 1
    await expect(service.verify(shown, { now: stale, previous })).resolves.toMatchObject({
      staff: [{ name: "Sari Dewi" }],
    })
    const late = { now: vectors.now + 24 * 3600 + 1 }
    expect(await errorOf(() => service.verify(shown, late))).toBe("RevocationListStale")
    expect(await errorOf(() => service.verify(shown, { ...late, previous }))).toBe("StatementExpired")
  })
})

describe("a device", () => {
  it("enrols as Python does, byte for byte", async () => {
    const { code, invitation, enrolment_id, private_key, enrolment, sealed, statement } = vectors.enrolment
    const parsed = parseInvitationCode(`  ${code}\n`)
    expect(parsed.invitation).toBe(invitation)
    expect(enrolmentId(invitation)).toBe(enrolment_id)
    const said = await verifyInvitation(invitation, await verifierWith(inForce), vectors.now)
    expect(said).toMatchObject({ enrolmentId: enrolment_id, role: "counselor", subject: "staff-1" })
    expect(await enrol(parsed, await signerFromPrivateKey(bytes(private_key)))).toBe(enrolment)
    const opened = await openStatement(parsed.sealingKey, enrolment_id, bytes(sealed))
    expect(opened).toEqual({ statement, issuerStatement: undefined })
    expect(await errorOf(() => openStatement(parsed.sealingKey, "another", bytes(sealed)))).toBe("MalformedToken")
    const verifier = await verifierWith(inForce)
    expect(await errorOf(() => verifyInvitation(invitation, verifier, vectors.now + 3 * 24 * 3600))).toBe("TokenExpired")
  })

  it.each(["", "code", "a.b.c:short", ":"])("refuses %j as an invitation code", async (text) => {
    expect(await errorOf(() => Promise.resolve().then(() => parseInvitationCode(text)))).toBe("MalformedToken")
  })

  it("authenticates itself to a relay", async () => {
    const { private_key, origin, nonce, bytes: content, signature } = vectors.relay_authentication
    expect(encodeBase64url(relayAuthenticationBytes(origin, bytes(nonce)))).toBe(content)
    const signer = await signerFromPrivateKey(bytes(private_key))
    expect(encodeBase64url(await signRelayAuthentication(signer, origin, bytes(nonce)))).toBe(signature)
    expect(() => relayAuthenticationBytes(origin, new Uint8Array(31))).toThrow("32 bytes")
  })

  it.each(vectors.comparison_words)("is compared by the words $words.en", async ({ public_key, invitation, words }) => {
    expect(await comparisonWords(bytes(public_key), invitation)).toEqual(words)
  })

  it.each([
    ["english", englishWords],
    ["indonesian", indonesianWords],
  ])("has its %s words from the list that Python has", (name, words) => {
    const file = new URL(`../../../../crypto/teduh_crypto/credentials/words/${name}.txt`, import.meta.url)
    expect(words).toEqual(readFileSync(file, "utf8").trim().split("\n"))
  })
})

describe("an organisation", () => {
  it.each([
    null,
    1,
    {},
    { ...vectors.organisation, format: 2 },
    { ...vectors.organisation, root_public_key: "AA" },
    { ...vectors.organisation, id: "a/b" },
  ])("refuses %j", (entries) => {
    expect(() => readOrganisation(entries)).toThrow("organisation file")
  })
})

describe("on a phone whose WebCrypto has no Ed25519", () => {
  beforeAll(() => {
    vi.resetModules()
    takeAwayCurves()
  })

  afterAll(() => {
    vi.restoreAllMocks()
    vi.resetModules()
  })

  it.each(vectors.statements)("$name", async ({ credential, device_key, authority, revocations, now, error }) => {
    const ed25519 = await import("../../src/hazmat/ed25519.ts")
    expect(await ed25519.hasNativeEd25519()).toBe(false)
    const { StatementVerifier: Verifier } = await import("../../src/credentials/statementVerifier.ts")
    const { decodeCredential: decode } = await import("../../src/credentials/staffStatement.ts")
    const verifier = new Verifier(organisation.rootPublicKey, organisation.id)
    if (revocations !== null) await verifier.adoptRevocations({ list: revocations, authority }, vectors.now)
    const verify = async () => verifier.verify(decode(utf8(credential)), { now, deviceKey: bytes(device_key) })
    expect(await errorOf(verify)).toBe(error)
  })

  it("is not where the other tests ran", async () => {
    expect(await hasNativeEd25519()).toBe(true)
  })
})
