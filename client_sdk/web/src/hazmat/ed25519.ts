/**
 * Ed25519: by WebCrypto where the browser has it, by @noble/curves on older phones (before Chrome 137, Safari 17,
 * Firefox 130), which is loaded only then.
 *
 * A private key is never handed around: whoever may sign holds a `Signer`. With WebCrypto it is a key that cannot be
 * exported, so that not even this program can read it.
 */

import { areEqual, concatenate, copyOf, toHex } from "./bytes.ts"

export const PUBLIC_KEY_LENGTH = 32
export const SIGNATURE_LENGTH = 64

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const OF_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n
/** The y of the eight points of small order. */
const SMALL_ORDER: readonly bigint[] = [0n, 1n, P - 1n, OF_ORDER_8, P - OF_ORDER_8]

/** Somebody who can sign with an Ed25519 key. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The signature of `data`: 64 bytes. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

let native: Promise<boolean> | undefined

/** Whether WebCrypto has Ed25519; asked once. */
export function hasNativeEd25519(): Promise<boolean> {
  return (native ??= probe())
}

async function probe(): Promise<boolean> {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(PUBLIC_KEY_LENGTH).fill(1), "Ed25519", false, ["verify"])
    return true
  } catch (error) {
    // Some engines find fault with the probe's key rather than with the algorithm: they have it, then.
    return error instanceof DOMException && error.name === "DataError"
  }
}

/** A new key. It lives as long as this object, and cannot be read where WebCrypto has Ed25519. */
export async function generateSigner(): Promise<Signer> {
  if (!(await hasNativeEd25519())) return generateNobleSigner()
  const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])
  return signerOf(pair)
}

/** The signer of a WebCrypto key pair, such as a staff device's that comes out of IndexedDB. */
export async function signerOf(pair: CryptoKeyPair): Promise<Signer> {
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey))
  const sign = async (data: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, copyOf(data)))
  return { publicKey, sign }
}

/** The signer of a raw private key of 32 bytes: for tests, and for staff devices without native Ed25519. */
export async function signerFromPrivateKey(privateKey: Uint8Array): Promise<Signer> {
  const { ed25519 } = await import("./nobleEd25519.ts")
  const secret = copyOf(privateKey)
  return { publicKey: ed25519.getPublicKey(secret), sign: (data) => Promise.resolve(ed25519.sign(data, secret)) }
}

async function generateNobleSigner(): Promise<Signer> {
  return signerFromPrivateKey(crypto.getRandomValues(new Uint8Array(32)))
}

/**
 * Whether these bytes may be a public key: the one encoding of a point that is not of small order. RFC 8032 leaves both
 * open, and engines differ. Under a key of small order a signature holds that nobody made. That it is a point at all is
 * left to whoever verifies.
 */
export function isPublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== PUBLIC_KEY_LENGTH) return false
  const y = littleEndian(bytes) & (2n ** 255n - 1n)
  return y < P && !SMALL_ORDER.includes(y)
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`)
}

/**
 * Whether `publicKey` made `signature` over `data`. For the two places that turn the answer into an exception of their
 * own; nothing else in the SDK asks.
 */
export async function isSignatureBy(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isPublicKey(publicKey) || signature.length !== SIGNATURE_LENGTH) return false
  if (littleEndian(signature.subarray(32)) >= L) return false
  return (await hasNativeEd25519() ? isNativeSignature : isNobleSignature)(publicKey, data, signature)
}

/**
 * RFC 8032, 5.1.7, without the factor of 8, as WebCrypto and OpenSSL: R is compared as bytes. The verification of
 * @noble/curves has the factor, and takes what the others refuse from a key or an R with a part of small order.
 */
async function isNobleSignature(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { Point } = (await import("./nobleEd25519.ts")).ed25519
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))]
  const hash = await crypto.subtle.digest("SHA-512", concatenate(r, publicKey, data))
  let key: InstanceType<typeof Point>
  try {
    key = Point.fromBytes(publicKey)
  } catch {
    return false
  }
  const challenge = littleEndian(new Uint8Array(hash)) % L
  return areEqual(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(challenge)).toBytes(), r)
}

async function isNativeSignature(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  let key: CryptoKey
  try {
    key = await crypto.subtle.importKey("raw", copyOf(publicKey), "Ed25519", false, ["verify"])
  } catch (error) {
    // Bytes that are no key have signed nothing; anything else is not the peer's fault.
    if (error instanceof DOMException && error.name === "DataError") return false
    throw error
  }
  return crypto.subtle.verify("Ed25519", key, copyOf(signature), copyOf(data))
}
