/**
 * A price for opening requests, paid in hashes, asked for only while the relay is flooded.
 *
 * The solution is any bytes (at most 64) such that SHA-256(nonce || solution) begins with the asked number of zero
 * bits; the nonce is that of the connection's Hello, so nothing can be computed ahead. A cheap phone does some hundred
 * thousand hashes a second: 16 bits are a moment for her, and a real cost for somebody who opens thousands of requests.
 */

import { sha256 } from "@noble/hashes/sha2.js"

import { LocalProtocolError } from "./errors.ts"
import { MAX_PROOF_OF_WORK_BITS } from "./frames.ts"

/** Hashes between two breaths, so that the page stays alive. */
const AT_ONCE = 2048

/**
 * Find a solution; takes 2^bits hashes on average. Empty if nothing is asked for. Throws `LocalProtocolError` if `bits`
 * is more than the protocol lets a relay ask for.
 */
export async function solve(nonce: Uint8Array, bits: number): Promise<Uint8Array> {
  if (bits > MAX_PROOF_OF_WORK_BITS) {
    throw new LocalProtocolError(`a relay may ask for at most ${MAX_PROOF_OF_WORK_BITS} bits`)
  }
  if (bits <= 0) return new Uint8Array()
  const prefix = sha256.create().update(nonce)
  const solution = new Uint8Array(8)
  const count = new DataView(solution.buffer)
  for (let attempt = 0; ; attempt += 1) {
    count.setBigUint64(0, BigInt(attempt))
    if (hasZeroBits(prefix.clone().update(solution).digest(), bits)) return solution
    if (attempt % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

function hasZeroBits(digest: Uint8Array, bits: number): boolean {
  const head = new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  return bits >= 32 ? head === 0 : head >>> (32 - bits) === 0
}
