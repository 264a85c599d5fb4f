/** What a page hears of the network and of whoever looks at it makes it try the relay at once. */

import { readFileSync } from "node:fs"

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { RelayLost } from "../../src/errors.ts"
import { Survivor, readOrganisation } from "../../src/index.ts"

const file = new URL("../../../../tests/vectors/credentials.json", import.meta.url)
const { organisation } = JSON.parse(readFileSync(file, "utf-8")) as { organisation: unknown }

class Page extends EventTarget {
  visibilityState = "visible"
}

describe("a page that waits for the relay to come back", () => {
  let window: EventTarget
  let page: Page
  let dialled = 0

  const dial = (): Promise<never> => {
    dialled += 1
    return Promise.reject(new RelayLost("nobody there"))
  }

  beforeEach(() => {
    vi.useFakeTimers()
    window = new EventTarget()
    page = new Page()
    dialled = 0
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window))
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window))
    vi.stubGlobal("document", page)
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("nobody there")))
    vi.spyOn(Math, "random").mockReturnValue(0.999)
  })

  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })

  const waiting = async (): Promise<Survivor> => {
    const survivor = await Survivor.open("https://relay.example", readOrganisation(organisation), { dial })
    await vi.advanceTimersByTimeAsync(20_000)
    dialled = 0
    return survivor
  }

  it.each([
    ["the network is back", () => window.dispatchEvent(new Event("online"))],
    ["it is shown again from the cache of pages", () => window.dispatchEvent(new Event("pageshow"))],
    ["somebody looks at it again", () => page.dispatchEvent(new Event("visibilitychange"))],
  ])("tries at once when %s", async (_, signal) => {
    const survivor = await waiting()
    signal()
    await vi.advanceTimersByTimeAsync(0)
    expect(dialled).toBe(1)
    await survivor.close()
    signal()
    await vi.advanceTimersByTimeAsync(0)
    expect(dialled).toBe(1)
  })

  it("does not when it goes out of sight", async () => {
    const survivor = await waiting()
    page.visibilityState = "hidden"
    page.dispatchEvent(new Event("visibilitychange"))
    await vi.advanceTimersByTimeAsync(0)
    expect(dialled).toBe(0)
    await survivor.close()
  })
})
