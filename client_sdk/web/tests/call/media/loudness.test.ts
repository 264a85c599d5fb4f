import { describe, expect, it } from "vitest"

import { loudnessOf } from "../../../src/call/media/loudness.ts"

const tone = (amplitude: number): Float32Array => Float32Array.from({ length: 2048 }, (_, at) => amplitude * Math.sin(at / 7))

describe("loudness", () => {
  it("is nothing in silence and in the noise of a quiet room", () => {
    expect(loudnessOf(tone(0))).toBe(0)
    expect(loudnessOf(tone(0.001))).toBe(0)
  })

  it("is all for somebody who speaks near the phone", () => {
    expect(loudnessOf(tone(0.5))).toBe(1)
  })

  it("grows with the voice", () => {
    expect(loudnessOf(tone(0.05))).toBeGreaterThan(loudnessOf(tone(0.01)))
  })

  it("of no samples is none", () => {
    expect(loudnessOf(new Float32Array())).toBe(0)
  })
})
