import { createHash } from "node:crypto"

import { describe, expect, it } from "vitest"

import { LocalProtocolError } from "../../src/relay/errors.ts"
import { solve } from "../../src/relay/proofOfWork.ts"

const nonce = new Uint8Array(32).fill(9)

describe("proof of work", () => {
  it.each([1, 7, 12])("finds a solution of %i bits", async (bits) => {
    const solution = await solve(nonce, bits)
    const digest = createHash("sha256").update(nonce).update(solution).digest()
    expect(digest.readUInt32BE(0) >>> (32 - bits)).toBe(0)
  })

  it("gives nothing when nothing is asked for", async () => {
    expect(await solve(nonce, 0)).toHaveLength(0)
  })

  it("refuses a price that the protocol does not allow", async () => {
    await expect(solve(nonce, 33)).rejects.toThrow(LocalProtocolError)
  })
})
