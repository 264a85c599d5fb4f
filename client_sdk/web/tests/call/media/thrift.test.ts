import { describe, expect, it } from "vitest"

import type { Grade, Quality } from "../../../src/call/media/quality.ts"
import { spared, STEPS_DOWN, STEPS_UP, thriftFrom, withVideoAgain, type Level, type Thrift } from "../../../src/call/media/thrift.ts"

const quality = (grade: Grade): Quality => ({
  loss: 0,
  jitterMs: 0,
  roundTripMs: 0,
  rating: 90,
  opinion: 4,
  grade,
  hears: grade !== "silent",
})

function after(from: Level, grades: readonly Grade[], hasVideo = true): Thrift {
  return grades.reduce((thrift, grade) => spared(thrift, quality(grade), hasVideo), thriftFrom(from))
}
const times = (count: number, grade: Grade): Grade[] => Array<Grade>(count).fill(grade)

describe("what a call gives up", () => {
  it("is nothing on a good line", () => {
    expect(after("full", times(50, "good"))).toMatchObject({ level: "full", reason: null })
  })

  it("is first the rate, then video, then speech, each with its reason", () => {
    expect(after("full", times(STEPS_DOWN.full, "weak"))).toMatchObject({ level: "low", reason: "weak" })
    expect(after("low", times(STEPS_DOWN.low, "poor"))).toMatchObject({ level: "audio", reason: "poor" })
    expect(after("audio", times(STEPS_DOWN.audio, "silent"))).toMatchObject({ level: "text", reason: "silent" })
  })

  it("is no video where there is none", () => {
    expect(after("full", times(STEPS_DOWN.full, "weak"), false).level).toBe("audio")
  })

  it("is nothing for one bad moment", () => {
    const grades = Array.from({ length: 20 }, (_, at): Grade => (at % 2 === 0 ? "poor" : "fair"))
    expect(after("full", grades).level).toBe("full")
  })

  it("is not speech for a weak line: who can be understood goes on talking", () => {
    expect(after("audio", times(100, "weak")).level).toBe("audio")
  })

  it("comes back to the full rate, but video only by a tap", () => {
    expect(after("low", times(STEPS_UP, "good")).level).toBe("full")
    expect(after("audio", times(100, "good")).level).toBe("audio")
    expect(withVideoAgain(thriftFrom("audio")).level).toBe("low")
  })

  it("stays text: only a new call is a call", () => {
    expect(after("text", times(100, "good")).level).toBe("text")
    expect(withVideoAgain(thriftFrom("text")).level).toBe("text")
  })
})
