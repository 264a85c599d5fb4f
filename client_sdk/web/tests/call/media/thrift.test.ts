import { describe, expect, it } from "vitest"

import { qualityBetween, type Grade, type Quality, type Reading } from "../../../src/call/media/quality.ts"
import {
  SPEECHLESS_LOSS,
  spared,
  STEPS_DOWN,
  STEPS_UP,
  thriftFrom,
  withVideoAgain,
  type Level,
  type Thrift,
} from "../../../src/call/media/thrift.ts"

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

/** What is measured on a line that loses this share, and takes so many seconds each way. */
function onLine(loss: number, delay: number): Quality {
  const before: Reading = {
    at: 0,
    packetsReceived: 0,
    packetsLost: 0,
    framesDecoded: 0,
    jitter: 0.01,
    roundTrip: 2 * delay,
    lossThere: loss,
    route: null,
  }
  return qualityBetween(before, { ...before, at: 2000, packetsReceived: 1000 * (1 - loss), packetsLost: 1000 * loss })
}

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

  it("is no picture for a path that breaks, and is found anew", () => {
    expect(after("full", [...times(7, "silent"), "poor", ...times(4, "fair")]).level).toBe("full")
    expect(after("low", [...times(7, "silent"), "poor", "poor", ...times(4, "fair")]).level).toBe("low")
  })

  it("is not speech for a weak line: who can be understood goes on talking", () => {
    expect(after("audio", times(100, "weak")).level).toBe("audio")
  })

  it("is pictures, but not speech, where 15 % is lost and the rest 300 ms late", () => {
    const quality = onLine(0.15, 0.3)
    let thrift = thriftFrom("full")
    for (let at = 0; at < STEPS_DOWN.full + STEPS_DOWN.low; at += 1) thrift = spared(thrift, quality, true)
    expect(thrift).toMatchObject({ level: "audio", reason: "poor" })
    for (let at = 0; at < 100; at += 1) thrift = spared(thrift, quality, false)
    expect(thrift.level).toBe("audio")
  })

  it("is speech at last, where more is lost than can be made up for", () => {
    let thrift = thriftFrom("audio")
    for (let at = 0; at < STEPS_DOWN.audio; at += 1) thrift = spared(thrift, onLine(SPEECHLESS_LOSS + 0.05, 0.05), false)
    expect(thrift).toMatchObject({ level: "text", reason: "poor" })
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
