/**
 * Four words by which two people make sure, aloud, that they look at the same key.
 *
 *     words = 4 x 11 bits of scrypt(public key, "Teduh 1 comparison words", N = 2^15, r = 8, p = 1)
 *
 * A relay that wants to slip in its own key must find one with the same four words: 2^44 tries, each of which costs the
 * stretching above. The words are BIP-39's English list; they and scrypt are loaded only when a device is enrolled.
 */

import { utf8 } from "../hazmat/bytes.ts"

const WORD_COUNT = 4
const BITS = 11n
const STRETCHING = { N: 2 ** 15, r: 8, p: 1, dkLen: 8 }
const SALT = utf8("Teduh 1 comparison words")

/** The four words of an Ed25519 public key (32 bytes). Takes 32 MiB and some tenths of a second. */
export async function comparisonWords(publicKey: Uint8Array): Promise<readonly string[]> {
  const [{ scryptAsync }, { englishWords }] = await Promise.all([
    import("@noble/hashes/scrypt.js"),
    import("./englishWords.ts"),
  ])
  const digest = await scryptAsync(publicKey, SALT, STRETCHING)
  const number = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getBigUint64(0)
  return Array.from({ length: WORD_COUNT }, (_, place) => {
    const index = Number((number >> (BITS * BigInt(place))) % BigInt(englishWords.length))
    return englishWords[index] ?? ""
  })
}
