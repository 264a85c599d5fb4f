/**
 * The only door to camera, microphone and screen: whatever is captured is known here, and `stopAll` ends it at once.
 *
 *     a tap ──> microphone() / camera() / screen() ──> track ──> a preview, a call
 *                                                        │
 *     quick exit, hanging up, vanish ──> stopAll() ──────┴──> every track ended before it returns
 *
 * A device that the browser opens only after `stopAll` (it was still asking for permission) is closed as it comes. What
 * goes on or off by itself, such as a microphone that is pulled out, is told by `onChange`.
 */

/** What can be captured. */
export type Source = "microphone" | "camera" | "screen"
/** Why it could not be: not allowed, not there, used by another program, not offered by this browser. */
export type Refusal = "denied" | "missing" | "busy" | "unsupported"

/** A device could not be opened; `refusal` says why. */
export class CaptureRefused extends Error {
  constructor(
    readonly source: Source,
    readonly refusal: Refusal,
    options?: ErrorOptions,
  ) {
    super(`the ${source} could not be opened: ${refusal}`, options)
    this.name = "CaptureRefused"
  }
}

/** Closed while a device was being opened. */
export class CaptureOver extends Error {
  override name = "CaptureOver"
}

export interface CameraWish {
  readonly deviceId?: string | null
  /** On phones: the one towards her, or away from her. */
  readonly facing?: "user" | "environment"
}

// Speech on a phone: one channel, without the echo of the loudspeaker.
const SPEECH = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } as const
const PICTURE = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 } } as const

export class Capture {
  readonly #devices: MediaDevices | undefined
  readonly #onChange: (isByItself: boolean) => void
  readonly #tracks = new Map<Source, MediaStreamTrack>()
  readonly #wanted = new Map<Source, symbol>()

  /** `onChange` is called whenever something goes on or off, and told whether it did so by itself. */
  constructor(onChange: (isByItself: boolean) => void = () => undefined, devices: MediaDevices | undefined = mediaDevices()) {
    this.#onChange = onChange
    this.#devices = devices
  }

  /** What is on now. */
  track(source: Source): MediaStreamTrack | null {
    return this.#tracks.get(source) ?? null
  }

  /** Whether anything is on: the sign on the page says so. */
  get isOn(): boolean {
    return this.#tracks.size > 0
  }

  /** Turns it on; where the one that is asked for is gone, the usual one. Rejects with `CaptureRefused`, `CaptureOver`. */
  async microphone(deviceId: string | null = null): Promise<MediaStreamTrack> {
    return await this.#open("microphone", deviceId, (devices, id) =>
      devices.getUserMedia({ audio: { ...SPEECH, ...(id === null ? {} : chosen(id)) } }),
    )
  }

  /** Turns it on, in place of another camera. Rejects with `CaptureRefused`, `CaptureOver`. */
  async camera({ deviceId = null, facing = "user" }: CameraWish = {}): Promise<MediaStreamTrack> {
    // A phone opens no second camera while the first is in use.
    this.stop("camera")
    return await this.#open("camera", deviceId, (devices, id) =>
      devices.getUserMedia({ video: { ...PICTURE, ...(id === null ? { facingMode: facing } : chosen(id)) } }),
    )
  }

  /** Staff: shows a screen or a window, which the browser lets them choose. Rejects with `CaptureRefused`, `CaptureOver`. */
  async screen(): Promise<MediaStreamTrack> {
    return await this.#open("screen", null, (devices) =>
      devices.getDisplayMedia({ video: { frameRate: { ideal: 5, max: 10 } }, audio: false }),
    )
  }

  /** Turns one off, at once. */
  stop(source: Source): void {
    this.#wanted.delete(source)
    this.#end(source, false)
  }

  /** Turns everything off, at once. */
  stopAll(): void {
    for (const source of ["microphone", "camera", "screen"] as const) this.stop(source)
  }

  async #open(
    source: Source,
    deviceId: string | null,
    ask: (devices: MediaDevices, id: string | null) => Promise<MediaStream>,
  ): Promise<MediaStreamTrack> {
    const wish = Symbol(source)
    this.#wanted.set(source, wish)
    const stream = await this.#asked(source, (devices) => ask(devices, deviceId)).catch(async (error: unknown) => {
      const isGone = deviceId !== null && error instanceof CaptureRefused && error.refusal === "missing"
      if (!isGone || this.#wanted.get(source) !== wish) throw error
      // Pulled out since it was chosen, and perhaps the only one to choose from was left.
      return await this.#asked(source, (devices) => ask(devices, null))
    })
    const [track, ...others] = stream.getTracks()
    for (const other of others) other.stop()
    if (this.#wanted.get(source) !== wish || track === undefined) {
      track?.stop()
      throw new CaptureOver(`the ${source} is not wanted any more`)
    }
    this.#wanted.delete(source)
    this.#end(source, false)
    this.#tracks.set(source, track)
    // Pulled out, taken by another program, or ended by the browser's own button.
    track.onended = () => {
      if (this.#tracks.get(source) === track) this.#end(source, true)
    }
    this.#onChange(false)
    return track
  }

  #end(source: Source, isByItself: boolean): void {
    const track = this.#tracks.get(source)
    if (track === undefined) return
    this.#tracks.delete(source)
    track.onended = null
    track.stop()
    this.#onChange(isByItself)
  }

  async #asked(source: Source, ask: (devices: MediaDevices) => Promise<MediaStream>): Promise<MediaStream> {
    // Without a secure context there are no devices, and some browsers share no screens.
    if (this.#devices === undefined || (source === "screen" && !("getDisplayMedia" in this.#devices)))
      throw new CaptureRefused(source, "unsupported")
    try {
      return await ask(this.#devices)
    } catch (error) {
      throw new CaptureRefused(source, refusalOf(error), { cause: error })
    }
  }
}

function mediaDevices(): MediaDevices | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.mediaDevices
}

function chosen(deviceId: string): MediaTrackConstraints {
  return { deviceId: { exact: deviceId } }
}

/** Media Capture and Streams, 10.2: the names of errors. */
function refusalOf(error: unknown): Refusal {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ""
  if (name === "NotAllowedError" || name === "SecurityError") return "denied"
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing"
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "unsupported"
}
