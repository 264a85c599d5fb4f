import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { LocalProtocolError } from "../../src/relay/errors.ts"
import { solve } from "../../src/relay/proofOfWork.ts"
import { toHex } from "../../src/hazmat/bytes.ts"

interface Vector {
  readonly challenge: string
  readonly puzzles: number
  readonly bits: number
  readonly memory: number
  readonly solution: string
}

const file = new URL("../../../../tests/vectors/proof_of_work.json", import.meta.url)
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vector[]

const price = { challenge: new Uint8Array(32).fill(9), puzzles: 2, bits: 3, memory: 4 }

describe("proof of work", () => {
  it.each(vectors)("finds the solution of the vectors: $puzzles of $bits bits", async ({ challenge, puzzles, bits, memory, solution }) => {
    expect(toHex(await solve({ challenge: Uint8Array.from(Buffer.from(challenge, "hex")), puzzles, bits, memory }))).toBe(solution)
  })

  it("refuses a price that the protocol does not allow", async () => {
    await expect(solve({ ...price, puzzles: 16, bits: 10 })).rejects.toThrow(LocalProtocolError)
  })

  it("stops when nobody wants it any more", async () => {
    let asked = 0
    const isWanted = (): boolean => (asked += 1) < 3
    expect(await solve({ ...price, bits: 10 }, isWanted)).toHaveLength(0)
  })

  it("lets the page live between two attempts", async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1), 0)
    await solve({ ...price, puzzles: 8 })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
  })
})
