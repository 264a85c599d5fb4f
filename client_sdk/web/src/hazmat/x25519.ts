/**
 * X25519 (RFC 7748): by WebCrypto where the browser has it, in JavaScript on older phones (before Chrome 133, Safari 17,
 * Firefox 130), where each one is a piece of work by itself (`nextTask.ts`).
 */

import { HkdfSha256, X25519 } from "@hpke/dhkem-x25519"

import { nextTask } from "../nextTask.ts"
import { concatenate, copyOf, erase } from "./bytes.ts"

/** What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, 7), the one form in which all engines take it. */
const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20)

let native: Promise<boolean> | undefined

/** Whether WebCrypto has X25519; asked once. */
export function hasNativeX25519(): Promise<boolean> {
  return (native ??= probe())
}

async function probe(): Promise<boolean> {
  try {
    await crypto.subtle.generateKey("X25519", false, ["deriveBits"])
    return true
  } catch {
    return false
  }
}

/** As hpke-js takes it. */
export class PacedX25519 extends X25519 {
  constructor() {
    super(new HkdfSha256())
  }

  /** The shared secret; rejects if `publicKey` is of small order, whose secret everybody knows. */
  override async derive(privateKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
    if (await hasNativeX25519()) return deriveNatively(privateKey, publicKey)
    await nextTask()
    return super.derive(privateKey, publicKey)
  }
}

async function deriveNatively(privateKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  const encoded = concatenate(PKCS8, privateKey)
  try {
    const [own, theirs] = await Promise.all([
      crypto.subtle.importKey("pkcs8", encoded, "X25519", false, ["deriveBits"]),
      crypto.subtle.importKey("raw", copyOf(publicKey), "X25519", false, []),
    ])
    const secret = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, own, 256))
    // RFC 7748, 6.1: WebCrypto demands it of engines, too.
    if (secret.every((byte) => byte === 0)) throw new Error("a key of small order")
    return secret
  } finally {
    erase(encoded)
  }
}
