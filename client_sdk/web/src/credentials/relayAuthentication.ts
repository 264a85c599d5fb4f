/**
 * How a staff device proves to a relay that it holds the key of its statement.
 *
 *     relay  ── Hello: nonce ──>  device
 *     relay  <── signature over "Teduh 1 relay authentication" 00 | length | origin | nonce ──  device
 *
 * The origin is the relay's as the device knows it, so that a signature given to one relay is worth nothing at another;
 * the nonce is fresh for each connection. The bytes begin with a tag that nothing else that the key signs begins with.
 */

import { concatenate, utf8 } from "../hazmat/bytes.ts"
import type { Signer } from "../hazmat/ed25519.ts"
import { ProofOfPossessionFailed } from "./exceptions.ts"

const NONCE_LENGTH = 32
const TAG = "Teduh 1 relay authentication\0"

/**
 * What the device signs, from the relay's origin (`https://host[:port]`) and the nonce of its Hello (32 bytes).
 *
 * Throws `ProofOfPossessionFailed` for a nonce of another length.
 */
export function relayAuthenticationBytes(origin: string, nonce: Uint8Array): Uint8Array {
  if (nonce.length !== NONCE_LENGTH) throw new ProofOfPossessionFailed("a nonce has 32 bytes")
  const encoded = utf8(origin)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, encoded.length)
  return concatenate(utf8(TAG), length, encoded, nonce)
}

/** The device's signature, 64 bytes. */
export async function signRelayAuthentication(signer: Signer, origin: string, nonce: Uint8Array): Promise<Uint8Array> {
  return signer.sign(relayAuthenticationBytes(origin, nonce))
}
