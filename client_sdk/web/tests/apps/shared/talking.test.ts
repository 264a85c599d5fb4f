import { describe, expect, it } from "vitest"

import { partsOf, stopReason } from "../../../apps/shared/talking.ts"
import { LogBroken, RosterNotAdmitted } from "../../../src/index.ts"

describe("a long text", () => {
  it("goes in parts that end where a word ends, and loses nothing", () => {
    const words = "kata ".repeat(4000)
    const parts = partsOf(words, 8000)
    expect(parts.every((part) => part.length <= 8000 && part.endsWith("kata"))).toBe(true)
    expect(parts.join(" ")).toBe(words.trim())
  })

  it("is cut between characters, never within one", () => {
    expect(partsOf("😀".repeat(5), 2)).toEqual(["😀😀", "😀😀", "😀"])
  })

  it("of nothing but spaces is nothing", () => {
    expect(partsOf("  \n ", 10)).toEqual([])
  })

  it("is cut within a word only if the word is longer than a part", () => {
    expect(partsOf("aaa bbb ccc", 8)).toEqual(["aaa bbb", "ccc"])
    expect(partsOf("x".repeat(20), 8).join("")).toBe("x".repeat(20))
  })
})

describe("the reason of a stop", () => {
  it("is told apart by whose fault it is", () => {
    expect(stopReason(new LogBroken("x"))).toBe("gap")
    expect(stopReason(new RosterNotAdmitted("x"))).toBe("stranger")
    expect(stopReason(new Error("x"))).toBe("trouble")
  })
})
