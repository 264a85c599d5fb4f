/**
 * The two cipher suites of conversations, put together from WebCrypto and hpke-js.
 *
 *     code     KEM                    hash, KDF            AEAD          signatures
 *     0xF0B2   X-Wing (ML-KEM-768     SHA-384, HKDF        AES-256-GCM   Ed25519       the default
 *              and X25519)
 *     0x0001   X25519                 SHA-256, HKDF        AES-128-GCM   Ed25519
 *
 * 0xF0B2 is draft-ietf-mls-pq-ciphersuites' MLKEM768X25519 suite under a private code point; its KEM is in `xWing.ts`.
 * X25519 is WebCrypto's, or, on older phones, the JavaScript that X-Wing brings anyway; ML-KEM is JavaScript everywhere.
 */

import {
  Aes128Gcm,
  Aes256Gcm,
  CipherSuite as HpkeSuite,
  DhkemX25519HkdfSha256,
  HkdfSha256,
  HkdfSha384,
} from "@hpke/core"
import type { AeadInterface, KdfInterface, KemInterface } from "@hpke/core"
import { DhkemX25519HkdfSha256 as JavaScriptX25519 } from "@hpke/dhkem-x25519"

import { UnsupportedCipherSuite } from "../cryptoErrors.ts"
import { areEqual, copyOf } from "../hazmat/bytes.ts"
import { isSignatureBy } from "../hazmat/ed25519.ts"
import { hasNativeX25519 } from "../hazmat/x25519.ts"
import { DraftXWing } from "./xWing.ts"

export const HYBRID_SUITE = 0xf0b2
export const CLASSIC_SUITE = 0x0001

/** What a conversation may use; both sign with Ed25519, the key of a staff statement. */
export const SUITES: readonly number[] = [HYBRID_SUITE, CLASSIC_SUITE]

export type HpkePublicKey = CryptoKey & { type: "public" }
export type HpkePrivateKey = CryptoKey & { type: "private" }
export interface HpkeKeyPair {
  publicKey: HpkePublicKey
  privateKey: HpkePrivateKey
}

/** HPKE as MLS needs it (RFC 9420, 5.1.3), and the AEAD of the suite (5.1). */
export interface Hpke {
  readonly keyLength: number
  readonly nonceLength: number
  seal(
    to: HpkePublicKey,
    plaintext: Uint8Array,
    info: Uint8Array,
    aad?: Uint8Array,
  ): Promise<{ ct: Uint8Array; enc: Uint8Array }>
  open(
    key: HpkePrivateKey,
    enc: Uint8Array,
    ciphertext: Uint8Array,
    info: Uint8Array,
    aad?: Uint8Array,
  ): Promise<Uint8Array>
  exportSecret(
    to: HpkePublicKey,
    context: Uint8Array,
    length: number,
    info: Uint8Array,
  ): Promise<{ enc: Uint8Array; secret: Uint8Array }>
  importSecret(
    key: HpkePrivateKey,
    context: Uint8Array,
    enc: Uint8Array,
    length: number,
    info: Uint8Array,
  ): Promise<Uint8Array>
  importPrivateKey(key: Uint8Array): Promise<HpkePrivateKey>
  importPublicKey(key: Uint8Array): Promise<HpkePublicKey>
  exportPrivateKey(key: HpkePrivateKey): Promise<Uint8Array>
  exportPublicKey(key: HpkePublicKey): Promise<Uint8Array>
  deriveKeyPair(ikm: Uint8Array): Promise<HpkeKeyPair>
  generateKeyPair(): Promise<HpkeKeyPair>
  encryptAead(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array | undefined,
    plaintext: Uint8Array,
  ): Promise<Uint8Array>
  decryptAead(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array | undefined,
    ciphertext: Uint8Array,
  ): Promise<Uint8Array>
}

/** A cipher suite in the shape that ts-mls takes. Signing is left to whoever holds the key. */
export interface CipherSuite {
  readonly id: number
  readonly hash: {
    digest(data: Uint8Array): Promise<Uint8Array>
    mac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array>
    verifyMac(key: Uint8Array, mac: Uint8Array, data: Uint8Array): Promise<boolean>
  }
  readonly kdf: {
    readonly size: number
    extract(salt: Uint8Array, ikm: Uint8Array): Promise<Uint8Array>
    expand(prk: Uint8Array, info: Uint8Array, length: number): Promise<Uint8Array>
  }
  readonly hpke: Hpke
  readonly verify: (publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array) => Promise<boolean>
  readonly rng: { randomBytes(length: number): Uint8Array }
}

const loaded = new Map<number, Promise<CipherSuite>>()

/** The suite of this code; throws `UnsupportedCipherSuite`. */
export function suiteOf(code: number): Promise<CipherSuite> {
  const known = loaded.get(code)
  if (known !== undefined) return known
  const suite = load(code)
  loaded.set(code, suite)
  // A part that could not be fetched may be there at the next try.
  suite.catch(() => loaded.delete(code))
  return suite
}

async function load(code: number): Promise<CipherSuite> {
  switch (code) {
    case HYBRID_SUITE:
      return assemble(code, "SHA-384", new DraftXWing(), new HkdfSha384(), new Aes256Gcm())
    case CLASSIC_SUITE:
      return assemble(code, "SHA-256", await x25519Kem(), new HkdfSha256(), new Aes128Gcm())
    default:
      throw new UnsupportedCipherSuite(`conversations do not use cipher suite ${code}`)
  }
}

async function x25519Kem(): Promise<KemInterface> {
  return (await hasNativeX25519()) ? new DhkemX25519HkdfSha256() : new JavaScriptX25519()
}

function assemble(id: number, hash: string, kem: KemInterface, kdf: KdfInterface, aead: AeadInterface): CipherSuite {
  return {
    id,
    hash: hashOf(hash),
    kdf: {
      size: kdf.hashSize,
      extract: async (salt, ikm) => new Uint8Array(await kdf.extract(buffer(salt), buffer(ikm))),
      expand: async (prk, info, length) => new Uint8Array(await kdf.expand(buffer(prk), buffer(info), length)),
    },
    hpke: hpkeOf(new HpkeSuite({ kem, kdf, aead })),
    verify: isSignatureBy,
    rng: { randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  }
}

function hashOf(name: string): CipherSuite["hash"] {
  const keyOf = (key: Uint8Array): Promise<CryptoKey> =>
    crypto.subtle.importKey("raw", copyOf(key), { name: "HMAC", hash: name }, false, ["sign"])
  const mac = async (key: Uint8Array, data: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(key), copyOf(data)))
  return {
    digest: async (data) => new Uint8Array(await crypto.subtle.digest(name, copyOf(data))),
    mac,
    verifyMac: async (key, tag, data) => areEqual(await mac(key, data), tag),
  }
}

function hpkeOf(hpke: HpkeSuite): Hpke {
  const { kem } = hpke
  return {
    keyLength: hpke.aead.keySize,
    nonceLength: hpke.aead.nonceSize,
    async seal(recipientPublicKey, plaintext, info, aad = new Uint8Array()) {
      const { ct, enc } = await hpke.seal({ recipientPublicKey, info: buffer(info) }, buffer(plaintext), buffer(aad))
      return { ct: new Uint8Array(ct), enc: new Uint8Array(enc) }
    },
    async open(recipientKey, enc, ciphertext, info, aad = new Uint8Array()) {
      const parameters = { recipientKey, enc: buffer(enc), info: buffer(info) }
      return new Uint8Array(await hpke.open(parameters, buffer(ciphertext), buffer(aad)))
    },
    async exportSecret(recipientPublicKey, context, length, info) {
      const sender = await hpke.createSenderContext({ recipientPublicKey, info: buffer(info) })
      return { enc: new Uint8Array(sender.enc), secret: new Uint8Array(await sender.export(buffer(context), length)) }
    },
    async importSecret(recipientKey, context, enc, length, info) {
      const recipient = await hpke.createRecipientContext({ recipientKey, enc: buffer(enc), info: buffer(info) })
      return new Uint8Array(await recipient.export(buffer(context), length))
    },
    importPrivateKey: async (key) => (await kem.deserializePrivateKey(buffer(key))) as HpkePrivateKey,
    importPublicKey: async (key) => (await kem.deserializePublicKey(buffer(key))) as HpkePublicKey,
    exportPrivateKey: async (key) => new Uint8Array(await kem.serializePrivateKey(key)),
    exportPublicKey: async (key) => new Uint8Array(await kem.serializePublicKey(key)),
    deriveKeyPair: async (ikm) => (await kem.deriveKeyPair(buffer(ikm))) as HpkeKeyPair,
    generateKeyPair: async () => (await kem.generateKeyPair()) as HpkeKeyPair,
    encryptAead: (key, nonce, aad, plaintext) => aesGcm("encrypt", key, nonce, aad, plaintext),
    decryptAead: (key, nonce, aad, ciphertext) => aesGcm("decrypt", key, nonce, aad, ciphertext),
  }
}

async function aesGcm(
  operation: "encrypt" | "decrypt",
  rawKey: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array | undefined,
  data: Uint8Array,
): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", copyOf(rawKey), "AES-GCM", false, [operation])
  // Old Safaris take no empty additional data; none means the same.
  const additional = aad === undefined || aad.length === 0 ? {} : { additionalData: copyOf(aad) }
  const parameters = { name: "AES-GCM", iv: copyOf(nonce), ...additional }
  return new Uint8Array(await crypto.subtle[operation](parameters, key, copyOf(data)))
}

function buffer(data: Uint8Array): ArrayBuffer {
  return copyOf(data).buffer
}
