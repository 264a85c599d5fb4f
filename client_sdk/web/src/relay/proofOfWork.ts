/**
 * The price of a request: memory-hard proof of work, bound to one request on one connection. PROTOCOL.md has the puzzles.
 *
 * Loaded only when a relay quotes a price. One attempt fills 2 MiB and takes some milliseconds, some tens of them on a
 * cheap phone; between two attempts the page lives.
 */

import { scrypt } from "@noble/hashes/scrypt.js"

import { LocalProtocolError } from "./errors.ts"
import { MAX_PRICE_ATTEMPTS, type Price } from "./frames.ts"

const R = 8
const NUMBER_BYTES = 4

/**
 * Find a solution; takes puzzles * 2^bits attempts on average. Empty once `isWanted` says no, which is asked before each
 * attempt. Throws `LocalProtocolError` if the price is more than the protocol lets a relay ask for.
 */
export async function solve(price: Price, isWanted: () => boolean = () => true): Promise<Uint8Array> {
  const { puzzles, bits } = price
  if (puzzles * 2 ** bits > MAX_PRICE_ATTEMPTS) {
    throw new LocalProtocolError(`a relay may ask for at most ${MAX_PRICE_ATTEMPTS} attempts`)
  }
  const solution = new Uint8Array(puzzles * NUMBER_BYTES)
  const numbers = new DataView(solution.buffer)
  for (let puzzle = 0; puzzle < puzzles; puzzle += 1) {
    for (let number = 0; ; number += 1) {
      if (!isWanted()) return new Uint8Array()
      numbers.setUint32(puzzle * NUMBER_BYTES, number)
      if (isSolved(price, puzzle, solution.subarray(puzzle * NUMBER_BYTES, (puzzle + 1) * NUMBER_BYTES))) break
      await breathe()
    }
  }
  return solution
}

/** Let the page do what waits. A timer would be held up for a second each time in a tab that is not seen. */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = (): void => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}

function isSolved({ challenge, bits, memory }: Price, puzzle: number, number: Uint8Array): boolean {
  const salt = new Uint8Array(challenge.length + 1)
  salt.set(challenge)
  salt[challenge.length] = puzzle
  const digest = scrypt(number, salt, { N: 2 ** memory, r: R, p: 1, dkLen: 32 })
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) >>> (32 - bits) === 0
}
