/** Promise of the waiting screen: an estimate is said only as far as it is known. */

import { describe, expect, it } from "vitest"

import { estimate } from "../../../apps/survivor/estimate.ts"

const MINUTE = 60_000
const at = (position: number, minutes: number) => ({ position, at: minutes * MINUTE })

describe("an estimate", () => {
  it("is nothing before the relay has said a place", () => {
    expect(estimate([], 0, 10)).toEqual({ kind: "unknown" })
  })

  it("is that somebody joins at place 0", () => {
    expect(estimate([at(1, 0), at(0, 1)], MINUTE, null)).toEqual({ kind: "joining" })
  })

  it("is nothing without a pace and without a usual time", () => {
    expect(estimate([at(3, 0)], MINUTE, null)).toEqual({ kind: "unknown" })
  })

  it("is the organisation's usual time while the queue has not moved", () => {
    expect(estimate([at(3, 0)], MINUTE, 10)).toEqual({ kind: "usual", minutes: 10 })
  })

  it("follows the pace of the queue, rounded up to what people say", () => {
    // Two places in four minutes: place 3 is six minutes away, of which none has passed.
    expect(estimate([at(5, 0), at(3, 4)], 4 * MINUTE, null)).toEqual({ kind: "minutes", minutes: 10 })
  })

  it("is never less than a minute", () => {
    expect(estimate([at(2, 0), at(1, 0.1)], 0.5 * MINUTE, null)).toEqual({ kind: "minutes", minutes: 1 })
  })

  it("is given up when the queue stands still for much longer than before", () => {
    expect(estimate([at(2, 0), at(1, 2)], 7 * MINUTE, null)).toEqual({ kind: "long" })
  })

  it("says that it takes long after twice the usual time", () => {
    expect(estimate([at(1, 0)], 19 * MINUTE, 10)).toEqual({ kind: "usual", minutes: 10 })
    expect(estimate([at(1, 0)], 20 * MINUTE, 10)).toEqual({ kind: "long" })
  })
})
