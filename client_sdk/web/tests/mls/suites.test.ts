/** The suites against the vectors that Python runs too, and on phones whose WebCrypto lacks their curves. */

import { readFileSync } from "node:fs"

import { afterEach, describe, expect, it, vi } from "vitest"

import { concatenate, copyOf, toHex, utf8 } from "../../src/hazmat/bytes.ts"
import { CLASSIC_SUITE, HYBRID_SUITE, suiteOf } from "../../src/mls/suites.ts"
import { DraftXWing } from "../../src/mls/xWing.ts"
import { takeAwayCurves } from "../oldPhone.ts"

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../tests/vectors/hybrid/${name}.json`, import.meta.url), "utf8"))
const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

/** A vector of fewer than 64 bytes, or with the two-byte length of more (RFC 9420, 2.1.2). */
const vector = (data: Uint8Array): Uint8Array =>
  concatenate(
    data.length < 64 ? Uint8Array.of(data.length) : Uint8Array.of(0x40 | (data.length >> 8), data.length & 0xff),
    data,
  )

describe("the hybrid suite", () => {
  const keyPairs = read("derive-key-pair") as readonly { ikm: string; private: string; public: string }[]

  it.each(keyPairs)("derives key pair %# as the draft says", async (pair) => {
    const { hpke } = await suiteOf(HYBRID_SUITE)
    const { privateKey, publicKey } = await hpke.deriveKeyPair(fromHex(pair.ikm))
    expect(toHex(await hpke.exportPrivateKey(privateKey))).toBe(pair.private)
    expect(toHex(await hpke.exportPublicKey(publicKey))).toBe(pair.public)
  })

  it("expands, decrypts and verifies with labels as Python does", async () => {
    const [basics] = read("crypto-basics") as readonly Record<string, Record<string, string>>[]
    const suite = await suiteOf(HYBRID_SUITE)
    const expand = basics?.["expand_with_label"] ?? {}
    const length = Number(expand["length"])
    const info = concatenate(
      Uint8Array.of(length >> 8, length & 0xff),
      vector(utf8(`MLS 1.0 ${expand["label"] ?? ""}`)),
      vector(fromHex(expand["context"] ?? "")),
    )
    expect(toHex(await suite.kdf.expand(fromHex(expand["secret"] ?? ""), info, length))).toBe(expand["out"])

    const {
      priv = "",
      kem_output = "",
      ciphertext = "",
      label = "",
      context = "",
      plaintext,
    } = basics?.["encrypt_with_label"] ?? {}
    const key = await suite.hpke.importPrivateKey(fromHex(priv))
    const encryptContext = concatenate(vector(utf8(`MLS 1.0 ${label}`)), vector(fromHex(context)))
    expect(toHex(await suite.hpke.open(key, fromHex(kem_output), fromHex(ciphertext), encryptContext))).toBe(plaintext)

    const sign = basics?.["sign_with_label"] ?? {}
    const content = concatenate(vector(utf8(`MLS 1.0 ${sign["label"] ?? ""}`)), vector(fromHex(sign["content"] ?? "")))
    const [publicKey, signature] = [fromHex(sign["pub"] ?? ""), fromHex(sign["signature"] ?? "")]
    expect(await suite.verify(publicKey, content, signature)).toBe(true)
    expect(await suite.verify(publicKey, content.slice(1), signature)).toBe(false)
  })
})

describe("X-Wing", () => {
  const file = new URL("../../../../tests/vectors/xwing.json", import.meta.url)
  const { vectors } = JSON.parse(readFileSync(file, "utf8")) as {
    vectors: readonly Readonly<Record<"sk" | "pk" | "ct" | "ss", string>>[]
  }

  it.each(vectors)("gives the draft's known answers for $sk", async ({ sk, pk, ct, ss }) => {
    const kem = new DraftXWing()
    const { publicKey } = await kem.generateKeyPairDerand(fromHex(sk))
    expect(toHex(new Uint8Array(await kem.serializePublicKey(publicKey)))).toBe(pk)
    const recipientKey = await kem.deserializePrivateKey(copyOf(fromHex(sk)).buffer)
    expect(toHex(new Uint8Array(await kem.decap({ recipientKey, enc: copyOf(fromHex(ct)).buffer })))).toBe(ss)
  })
})

it("knows no other suite", async () => {
  await expect(suiteOf(2)).rejects.toThrow("cipher suite 2")
})

describe("on an old phone", () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.doUnmock("@noble/curves/ed25519.js")
    vi.resetModules()
  })

  it.each([HYBRID_SUITE, CLASSIC_SUITE])("members of a group in suite %i talk, join and leave", async (suite) => {
    vi.resetModules()
    takeAwayCurves()
    const { hasNativeEd25519 } = await import("../../src/hazmat/ed25519.ts")
    expect(await hasNativeEd25519()).toBe(false)
    const { three, NOW } = await import("./people.ts")
    const { sari, bea, intan } = await three(suite)
    const { message, group } = await bea.protect(utf8("saya di sini"))
    const heard = await sari.unprotect(message, NOW)
    expect(heard.received).toMatchObject({ sender: 1, data: utf8("saya di sini") })
    const removal = await heard.group.commit([{ remove: intan.ownLeafIndex }], { now: NOW })
    const followed = await group.unprotect(removal.message, NOW)
    expect(followed.group.epochAuthenticator).toEqual(removal.group.epochAuthenticator)
  })

  it("understands what a new one says, and the other way round", async () => {
    vi.resetModules()
    takeAwayCurves()
    const old = await import("./people.ts")
    const oldGroup = (await import("../../src/mls/group.ts")).MlsGroup
    // It has asked what there is, and does not ask again: the curves may come back for the new phone.
    const bundle = await old.bundleOf(await old.survivor())
    vi.restoreAllMocks()

    vi.resetModules()
    const { GROUP_ID, NOW, staff } = await import("./people.ts")
    const { MlsGroup } = await import("../../src/mls/group.ts")
    const founder = await MlsGroup.create(CLASSIC_SUITE, GROUP_ID, await staff())
    const { group, welcome = new Uint8Array() } = await founder.commit([{ add: bundle.keyPackage }], { now: NOW })
    const bea = await oldGroup.join(welcome, bundle, NOW)
    const said = await bea.protect(utf8("halo"))
    const heard = await group.unprotect(said.message, NOW)
    const answer = await heard.group.commit([], { now: NOW })
    expect((await said.group.unprotect(answer.message, NOW)).received.kind).toBe("commit")
  })

  it("alone loads the JavaScript of Ed25519", async () => {
    vi.resetModules()
    const loaded: string[] = []
    vi.doMock("@noble/curves/ed25519.js", async (original) => {
      loaded.push("ed25519")
      return original()
    })
    await (await import("./people.ts")).pair(CLASSIC_SUITE)
    expect(loaded).toEqual([])

    vi.resetModules()
    takeAwayCurves()
    await (await import("./people.ts")).pair(CLASSIC_SUITE)
    expect(loaded).toEqual(["ed25519"])
  })
})
