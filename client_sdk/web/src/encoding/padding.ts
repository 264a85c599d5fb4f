/**
 * Padding: how long a message looks to whoever sees only its ciphertext.
 *
 * A "yes", an "ok" and "he is here" must look alike, and so must a receipt, a typing notice and a call offer.
 *
 *     content up to     is padded to a multiple of
 *      4 KiB             1 KiB
 *     16 KiB             4 KiB
 *     64 KiB            16 KiB
 *     beyond            64 KiB
 *
 * Under MLS the content is the whole PrivateMessageContent, signature included, so that the ciphertexts of one step
 * have one length.
 *
 * A commit is padded to multiples of 1 KiB whatever its length. That depends on the tree and on its sender's statement,
 * which whoever sees the ciphertext has seen in key packages, and on nothing that anybody says.
 */

import { PaddingError } from "../cryptoErrors.ts"

const KIB = 1024
const LARGEST_STEP = 64 * KIB
const STEPS: readonly (readonly [limit: number, step: number])[] = [
  [4 * KIB, KIB],
  [16 * KIB, 4 * KIB],
  [64 * KIB, 16 * KIB],
]

/** The length in bytes to which content of `length` bytes is padded; at least 1 KiB. Throws `PaddingError`. */
export function paddedLength(length: number): number {
  if (!Number.isSafeInteger(length) || length < 0) throw new PaddingError("content has no such length")
  const step = STEPS.find(([limit]) => length <= limit)?.[1] ?? LARGEST_STEP
  return Math.ceil(Math.max(length, 1) / step) * step
}

/** How many bytes of padding follow content of `length` bytes. Throws `PaddingError`. */
export function paddingFor(length: number): number {
  return paddedLength(length) - length
}

/** How many bytes of padding follow a commit of `length` bytes. */
export function commitPaddingFor(length: number): number {
  return Math.ceil(length / KIB) * KIB - length
}
