/**
 * Four words by which two people make sure, aloud, that they look at the same key.
 *
 *     words = 4 x 11 bits of scrypt(public key, salt, N = 2^15, r = 8, p = 1)
 *     salt  = "Teduh 1 comparison words", a zero byte, SHA-256(invitation)
 *
 * A relay that wants to slip in its own key must find one with the same four words: 2^44 tries, each of which costs the
 * stretching above; the invitation makes each enrolment a search of its own. The two languages have other words for
 * one number. They and scrypt are loaded only when a device is enrolled.
 */

import { concatenate, sha256, utf8 } from "../hazmat/bytes.ts"

const WORD_COUNT = 4
const BITS = 11n
const STRETCHING = { N: 2 ** 15, r: 8, p: 1, dkLen: 8 }
const SALT = utf8("Teduh 1 comparison words")

/** The languages that there are lists in. */
export type WordLanguage = "en" | "id"
/** The same four words in each language. */
export type ComparisonWords = Readonly<Record<WordLanguage, readonly string[]>>

/**
 * The four words of an Ed25519 public key (32 bytes) that is enrolled with this invitation. Takes 32 MiB and some tenths
 * of a second.
 */
export async function comparisonWords(publicKey: Uint8Array, invitation: string): Promise<ComparisonWords> {
  const [{ scryptAsync }, { englishWords }, { indonesianWords }] = await Promise.all([
    import("@noble/hashes/scrypt.js"),
    import("./englishWords.ts"),
    import("./indonesianWords.ts"),
  ])
  const salt = concatenate(SALT, Uint8Array.of(0), await sha256(utf8(invitation)))
  const digest = await scryptAsync(publicKey, salt, STRETCHING)
  const number = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getBigUint64(0)
  return { en: spelled(number, englishWords), id: spelled(number, indonesianWords) }
}

function spelled(number: bigint, list: readonly string[]): readonly string[] {
  return Array.from({ length: WORD_COUNT }, (_, place) => {
    const index = Number((number >> (BITS * BigInt(place))) % BigInt(list.length))
    return list[index] ?? ""
  })
}
