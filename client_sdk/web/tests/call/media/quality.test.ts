import { describe, expect, it } from "vitest"

import {
  barsOf,
  opinionOf,
  qualityBetween,
  readingOf,
  transmissionRating,
  worstOf,
  type Reading,
} from "../../../src/call/media/quality.ts"

const SILENT: Reading = {
  at: 0,
  packetsReceived: 0,
  packetsLost: 0,
  framesDecoded: 0,
  jitter: null,
  roundTrip: null,
  lossThere: null,
  route: null,
}
const reading = (values: Partial<Reading>): Reading => ({ ...SILENT, ...values })
const between = (after: Partial<Reading>) => qualityBetween(SILENT, reading(after))

describe("a reading", () => {
  const report = [
    { id: "T", type: "transport", selectedCandidatePairId: "P" },
    { id: "Q", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 9, localCandidateId: "H" },
    { id: "P", type: "candidate-pair", currentRoundTripTime: 0.12, localCandidateId: "L", remoteCandidateId: "R" },
    { id: "L", type: "local-candidate", candidateType: "relay" },
    { id: "R", type: "remote-candidate", candidateType: "relay" },
    { id: "A", type: "inbound-rtp", kind: "audio", packetsReceived: 95, packetsLost: 5, jitter: 0.03 },
    { id: "V", type: "inbound-rtp", kind: "video", packetsReceived: 400, packetsLost: 50, framesDecoded: 24, jitter: 0.5 },
    { id: "B", type: "remote-inbound-rtp", kind: "audio", fractionLost: 0.25, roundTripTime: 0.2 },
  ]

  it("counts what is heard, over the pair that is in use", () => {
    expect(readingOf(report, 1000)).toEqual({
      at: 1000,
      packetsReceived: 95,
      packetsLost: 5,
      framesDecoded: 24,
      jitter: 0.03,
      roundTrip: 0.12,
      lossThere: 0.25,
      route: { local: "relay", remote: "relay" },
    })
  })

  it("of a browser without transport statistics takes the nominated pair", () => {
    expect(readingOf(report.slice(1), 0).roundTrip).toBe(9)
  })

  it("of nothing measures nothing", () => {
    expect(readingOf([], 0)).toEqual(SILENT)
  })
})

describe("quality", () => {
  it("of a good line is good", () => {
    const quality = between({ packetsReceived: 100, jitter: 0.005, roundTrip: 0.04 })
    expect(quality).toMatchObject({ grade: "good", loss: 0, jitterMs: 5, roundTripMs: 40, hears: true })
    expect(quality.opinion).toBeGreaterThan(4.3)
  })

  it("counts the loss between two readings, not that of the whole call", () => {
    const before = reading({ packetsReceived: 1000, packetsLost: 0 })
    const after = reading({ packetsReceived: 1090, packetsLost: 10 })
    expect(qualityBetween(before, after).loss).toBeCloseTo(0.1)
  })

  it("is as bad as the worse direction", () => {
    expect(between({ packetsReceived: 100, lossThere: 0.2 }).loss).toBe(0.2)
  })

  it.each([
    [0, "good"],
    [0.05, "fair"],
    [0.1, "weak"],
    [0.3, "poor"],
  ])("at a loss of %d is %s", (lossThere, grade) => {
    expect(between({ packetsReceived: 100, lossThere, roundTrip: 0.05 }).grade).toBe(grade)
  })

  it("is silent when nothing comes, however short the round trip", () => {
    expect(between({ roundTrip: 0.01 })).toMatchObject({ grade: "silent", hears: false })
  })

  it("of several is that of the worst", () => {
    const good = between({ packetsReceived: 100 })
    const bad = between({ packetsReceived: 100, lossThere: 0.3 })
    expect(worstOf([good, bad, good])).toBe(bad)
    expect(worstOf([good, between({})])?.hears).toBe(false)
    expect(worstOf([])).toBeNull()
  })

  it("has four bars at best and none in silence", () => {
    expect((["good", "fair", "weak", "poor", "silent"] as const).map(barsOf)).toEqual([4, 3, 2, 1, 0])
  })
})

describe("the E-model", () => {
  it("falls with loss, jitter and delay, and stays in its range", () => {
    const none = { loss: 0, jitterMs: 0, roundTripMs: 0 }
    const best = transmissionRating(none)
    for (const worse of [{ loss: 0.01 }, { jitterMs: 20 }, { roundTripMs: 100 }])
      expect(transmissionRating({ ...none, ...worse })).toBeLessThan(best)
    expect(transmissionRating({ loss: 1, jitterMs: 1e6, roundTripMs: 1e6 })).toBe(0)
    expect(best).toBeLessThanOrEqual(93.2)
  })

  it("makes delay dear beyond 177 ms (G.107, 7.3)", () => {
    const at = (roundTripMs: number) => transmissionRating({ loss: 0, jitterMs: 0, roundTripMs })
    expect(at(0) - at(200)).toBeCloseTo(2.4)
    expect(at(400) - at(600)).toBeGreaterThan(10)
  })

  it("gives the opinions of G.107, Annex B", () => {
    const rounded = [-5, 0, 50, 60, 70, 80, 90, 93.2, 120].map((rating) => Number(opinionOf(rating).toFixed(2)))
    expect(rounded).toEqual([1, 1, 2.58, 3.1, 3.6, 4.02, 4.34, 4.41, 4.5])
  })
})
