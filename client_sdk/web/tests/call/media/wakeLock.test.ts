/** The screen stays on in a call: asked for, asked for again when the browser let go of it, and given back. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { WakeLock } from "../../../src/call/media/wakeLock.ts"

class Sentinel {
  isReleased = false
  release(): Promise<void> {
    this.isReleased = true
    return Promise.resolve()
  }
}

let sentinels: Sentinel[]
let page: EventTarget & { visibilityState: DocumentVisibilityState }

beforeEach(() => {
  sentinels = []
  page = Object.assign(new EventTarget(), { visibilityState: "visible" as const })
  vi.stubGlobal("document", page)
  vi.stubGlobal("navigator", {
    wakeLock: {
      request: (kind: string) => {
        expect(kind).toBe("screen")
        const sentinel = new Sentinel()
        sentinels.push(sentinel)
        return Promise.resolve(sentinel)
      },
    },
  })
})

afterEach(() => {
  vi.unstubAllGlobals()
})

/** As browsers do: hidden pages lose the lock. */
function becomes(state: DocumentVisibilityState): void {
  page.visibilityState = state
  if (state === "hidden") for (const sentinel of sentinels) sentinel.isReleased = true
  page.dispatchEvent(new Event("visibilitychange"))
}

const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

it("is held once, and given back", async () => {
  const lock = new WakeLock()
  lock.hold()
  lock.hold()
  await idle()
  expect(sentinels.map(({ isReleased }) => isReleased)).toEqual([false])
  lock.release()
  expect(sentinels.map(({ isReleased }) => isReleased)).toEqual([true])
})

it("is asked for again when the page is seen again, but not after the call", async () => {
  const lock = new WakeLock()
  lock.hold()
  await idle()
  becomes("hidden")
  expect(sentinels).toHaveLength(1)
  becomes("visible")
  await idle()
  expect(sentinels.map(({ isReleased }) => isReleased)).toEqual([true, false])
  lock.release()
  becomes("hidden")
  becomes("visible")
  await idle()
  expect(sentinels.map(({ isReleased }) => isReleased)).toEqual([true, true])
})

it("is given back when it comes only after the call", async () => {
  const lock = new WakeLock()
  lock.hold()
  lock.release()
  await idle()
  expect(sentinels.map(({ isReleased }) => isReleased)).toEqual([true])
})

it("is done without where there is none, or where it is refused", async () => {
  vi.stubGlobal("navigator", { wakeLock: { request: () => Promise.reject(new Error("the battery is low")) } })
  new WakeLock().hold()
  await idle()
  vi.stubGlobal("navigator", {})
  new WakeLock().hold()
  await idle()
})
