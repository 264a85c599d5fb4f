import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { DoubleTap, quickExit, ThreeShifts, watchTabs, Way } from "../../../apps/survivor/quickExit.ts"

const HARMLESS = "https://weather.example/"

describe("Shift three times", () => {
  const pressed = (...presses: (readonly [key: string, at: number])[]): boolean[] => {
    const shifts = new ThreeShifts()
    return presses.map(([key, at]) => shifts.press(key, at))
  }

  it("leaves at the third press", () => {
    expect(pressed(["Shift", 0], ["Shift", 100], ["Shift", 200])).toEqual([false, false, true])
  })

  it("restarts its five seconds with each press", () => {
    expect(pressed(["Shift", 0], ["Shift", 4900], ["Shift", 9800]).at(-1)).toBe(true)
  })

  it("begins anew after a longer pause", () => {
    expect(pressed(["Shift", 0], ["Shift", 100], ["Shift", 5101], ["Shift", 5200], ["Shift", 5300])).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })

  it("is reset by any other key, so that writing in capitals does not leave", () => {
    expect(pressed(["Shift", 0], ["A", 10], ["Shift", 100], ["B", 110], ["Shift", 200]).includes(true)).toBe(false)
  })
})

describe("a double tap", () => {
  it("is two taps in one place, one soon after the other", () => {
    const taps = new DoubleTap()
    expect([taps.tap(10, 10, 0), taps.tap(30, 20, 300)]).toEqual([false, true])
  })

  it("is neither two slow taps nor two distant ones", () => {
    const taps = new DoubleTap()
    expect([taps.tap(10, 10, 0), taps.tap(10, 10, 401), taps.tap(10, 60, 500)]).toEqual([false, false, false])
  })

  it("does not count over a tap on something else", () => {
    const taps = new DoubleTap()
    taps.tap(10, 10, 0)
    taps.interrupt()
    expect(taps.tap(10, 10, 100)).toBe(false)
  })
})

describe("quick exit", () => {
  let done: string[] = []
  const overlay = {
    set hidden(isHidden: boolean) {
      done.push(isHidden ? "uncovered" : "covered")
    },
  }
  const words = { value: "secret" }

  beforeEach(() => {
    vi.useFakeTimers()
    done = []
    words.value = "secret"
    const page = { remove: () => done.push("emptied") }
    vi.stubGlobal("document", {
      getElementById: (id: string) => (id === "overlay" ? overlay : page),
      querySelectorAll: (selector: string) => (selector === "textarea" ? [words] : []),
    })
    vi.stubGlobal("navigator", { sendBeacon: (path: string) => done.push(`beacon ${path}`) })
    const host = { postMessage: (message: unknown) => done.push(`host ${JSON.stringify(message)}`) }
    vi.stubGlobal("window", { parent: host, location: { replace: (path: string) => done.push(`replace ${path}`) } })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it("covers first, then drops words and keys, then says so, then goes", () => {
    quickExit(
      () => {
        done.push("vanished")
        return new Uint8Array(48)
      },
      new Way(HARMLESS, () => false),
      { postMessage: (isAway: boolean) => done.push(`tabs ${String(isAway)}`) },
    )
    expect(done).toEqual([
      "covered",
      "emptied",
      "vanished",
      "tabs false",
      "beacon /",
      "beacon /x",
      'host {"teduh":"exit"}',
      "replace /x",
    ])
    expect(words.value).toBe("")
  })

  it("goes straight where the relay is away, as it was before the keys were dropped, and says so", () => {
    let isCutOff = true
    const drop = (): Uint8Array<ArrayBuffer> => {
      isCutOff = false
      return new Uint8Array()
    }
    const way = new Way(HARMLESS, () => isCutOff)
    const tabs = { postMessage: (isAway: boolean) => done.push(`tabs ${String(isAway)}`) }
    quickExit(drop, way, tabs)
    const straight = ["tabs true", "beacon /x", `host {"teduh":"exit","to":"${HARMLESS}"}`, `replace ${HARMLESS}`]
    expect(done).toEqual(["covered", "emptied", ...straight])
    // She taps once more: it is away still.
    done = []
    quickExit(drop, way, tabs)
    expect(done).toEqual(["covered", "emptied", ...straight])
  })

  it("goes straight after a while where the relay leads nowhere", () => {
    quickExit(() => new Uint8Array(), new Way(HARMLESS, () => false))
    expect(done.slice(-2)).toEqual(['host {"teduh":"exit"}', "replace /x"])
    vi.runAllTimers()
    expect(done.slice(-2)).toEqual([`host {"teduh":"exit","to":"${HARMLESS}"}`, `replace ${HARMLESS}`])
  })

  it("goes whatever fails before", () => {
    vi.stubGlobal("document", {})
    const broken = (): never => {
      throw new Error("broken")
    }
    quickExit(broken, new Way(HARMLESS, broken))
    expect(done.at(-1)).toBe("replace /x")
  })
})

describe("her other tabs", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it("cannot be told where her browser blocks cookies; the page is there all the same", () => {
    vi.stubGlobal("BroadcastChannel", function refuse() {
      throw new DOMException("The operation is insecure.", "SecurityError")
    })
    expect(watchTabs(() => undefined)).toBeNull()
  })
})
