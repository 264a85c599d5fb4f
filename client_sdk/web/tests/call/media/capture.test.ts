import { describe, expect, it, vi } from "vitest"

import { Capture, CaptureOver, CaptureRefused } from "../../../src/call/media/capture.ts"

class Track {
  readyState: MediaStreamTrackState = "live"
  onended: (() => void) | null = null
  stop(): void {
    this.readyState = "ended"
  }
}

/** Devices that open when the test says so. */
class Devices {
  readonly tracks: Track[] = []
  #open: (() => void)[] = []
  constructor(
    readonly isSlow = false,
    readonly error: Error | null = null,
  ) {}

  getUserMedia = async (): Promise<MediaStream> => {
    if (this.isSlow) await new Promise<void>((resolve) => this.#open.push(resolve))
    if (this.error !== null) throw this.error
    const track = new Track()
    this.tracks.push(track)
    return { getTracks: () => [track] } as unknown as MediaStream
  }
  getDisplayMedia = this.getUserMedia

  openAll(): void {
    for (const open of this.#open.splice(0)) open()
  }
}

function capture(devices: Devices, onChange?: () => void): Capture {
  return new Capture(onChange, devices as unknown as MediaDevices)
}
const states = (devices: Devices): string[] => devices.tracks.map(({ readyState }) => readyState)

describe("capturing", () => {
  it("has ended every track when stopAll returns", async () => {
    const devices = new Devices()
    const mine = capture(devices)
    await mine.microphone()
    await mine.camera()
    await mine.screen()
    mine.stopAll()
    expect(states(devices)).toEqual(["ended", "ended", "ended"])
    expect(mine.isOn).toBe(false)
  })

  it("closes a device that the browser opens only afterwards", async () => {
    const devices = new Devices(true)
    const mine = capture(devices)
    const opening = mine.microphone()
    mine.stopAll()
    devices.openAll()
    await expect(opening).rejects.toBeInstanceOf(CaptureOver)
    expect(states(devices)).toEqual(["ended"])
  })

  it("ends one camera before it opens another", async () => {
    const devices = new Devices()
    const mine = capture(devices)
    await mine.camera()
    await mine.camera({ facing: "environment" })
    expect(states(devices)).toEqual(["ended", "live"])
  })

  it("says when something goes on or off, also by itself", async () => {
    const devices = new Devices()
    const changed = vi.fn()
    const mine = capture(devices, changed)
    await mine.microphone()
    expect(changed).toHaveBeenCalledTimes(1)
    devices.tracks[0]?.onended?.()
    expect(changed).toHaveBeenCalledTimes(2)
    expect(mine.track("microphone")).toBeNull()
  })

  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "missing"],
    ["OverconstrainedError", "missing"],
    ["NotReadableError", "busy"],
    ["TypeError", "unsupported"],
  ])("tells a %s as %s", async (name, refusal) => {
    const error = Object.assign(new Error("no"), { name })
    const opening = capture(new Devices(false, error)).camera()
    await expect(opening).rejects.toSatisfy((one) => one instanceof CaptureRefused && one.refusal === refusal)
  })

  it("is refused where the browser has no devices", async () => {
    const opening = new Capture(undefined, {} as MediaDevices).screen()
    await expect(opening).rejects.toSatisfy((one) => one instanceof CaptureRefused && one.refusal === "unsupported")
  })
})
