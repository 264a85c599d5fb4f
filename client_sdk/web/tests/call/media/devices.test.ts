import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { playThrough } from "../../../src/call/media/devices.ts"

/** As Chromium: without a track, or with a loudspeaker that is gone, the choice is refused. */
class Element {
  sinkId = ""
  volume = 1
  readyState = 0
  onloadedmetadata: (() => void) | null = null

  setSinkId(id: string): Promise<void> {
    if (this.readyState === 0) return Promise.reject(new DOMException("no track", "AbortError"))
    if (id === "gone") return Promise.reject(new DOMException("gone", "NotFoundError"))
    this.sinkId = id
    return Promise.resolve()
  }

  async plays(): Promise<void> {
    this.readyState = 1
    this.onloadedmetadata?.()
    await vi.waitFor(() => {
      expect(this.volume).toBe(1)
    })
  }
}

const play = (element: Element, id: string): Promise<void> => playThrough(element as unknown as HTMLMediaElement, id)

describe("the loudspeaker that was chosen", () => {
  beforeEach(() => vi.stubGlobal("HTMLMediaElement", Element))
  afterEach(() => vi.unstubAllGlobals())

  it("is taken with the first track, and nothing is heard before", async () => {
    const element = new Element()
    await play(element, "headset")
    expect(element).toMatchObject({ sinkId: "", volume: 0 })
    await element.plays()
    expect(element.sinkId).toBe("headset")
  })

  it("is the last that was chosen before there is a track", async () => {
    const element = new Element()
    await play(element, "headset")
    await play(element, "")
    await element.plays()
    expect(element.sinkId).toBe("")
  })

  it("stays the one before where the new one is gone", async () => {
    const element = Object.assign(new Element(), { readyState: 1 })
    await play(element, "headset")
    await play(element, "gone")
    expect(element).toMatchObject({ sinkId: "headset", volume: 1 })
  })
})
