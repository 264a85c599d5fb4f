/** Return codes as Python has them: tests/vectors/return_codes.json, and what the browser draws by itself. */

import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { numbers, pictures } from "../../src/returnCode/pictures.ts"
import { drawReturnCode, InvalidReturnCode, readReturnCode, RETURN_CODE_LENGTH, spellReturnCode } from "../../src/returnCode/returnCode.ts"

interface Vectors {
  readonly codes: readonly { readonly name: string; readonly text: string; readonly code: string; readonly id: readonly string[]; readonly en: readonly string[] }[]
  readonly invalid: readonly { readonly name: string; readonly text: string; readonly found: number; readonly unknown: readonly [number, readonly string[]][] }[]
}

const file = new URL("../../../../tests/vectors/return_codes.json", import.meta.url)
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors

function refusal(text: string): InvalidReturnCode {
  try {
    readReturnCode(text)
  } catch (error) {
    if (error instanceof InvalidReturnCode) return error
    throw error
  }
  throw new Error("it was read as a code")
}

describe("a return code", () => {
  it.each(vectors.codes)("is read from $name", ({ text, code, id, en }) => {
    const read = readReturnCode(text)
    expect(Buffer.from(read).toString("hex")).toBe(code)
    expect(spellReturnCode(read, "id")).toEqual(id)
    expect(spellReturnCode(read, "en")).toEqual(en)
  })

  it.each(vectors.invalid)("is not read from $name", ({ text, found, unknown }) => {
    const error = refusal(text)
    expect(error.found).toBe(found)
    expect(error.unknown).toEqual(unknown.map(([place, nearest]) => ({ place, nearest })))
  })

  it("is read from every name and every picture", () => {
    for (const [key, number] of numbers) {
      expect(readReturnCode(Array.from({ length: RETURN_CODE_LENGTH }, () => key).join(" "))).toEqual(
        new Uint8Array(RETURN_CODE_LENGTH).fill(number),
      )
    }
  })

  it("is drawn from all pictures, and from nothing else", () => {
    const drawn = new Set(Array.from({ length: 2000 }, drawReturnCode).flatMap((code) => Array.from(code)))
    expect(Array.from(drawn).sort((one, other) => one - other)).toEqual(Array.from(pictures.keys()))
  })

  it.each([[[]], [[0, 0, 0, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 0, 0, 240]]])("is not spelled from %j", (numbersOfNone) => {
    expect(() => spellReturnCode(Uint8Array.from(numbersOfNone), "id")).toThrow(RangeError)
  })

  it("does not come into the error that refuses it", () => {
    expect(String(refusal("gajah rahasia"))).not.toMatch(/gajah|rahasia/)
  })
})
