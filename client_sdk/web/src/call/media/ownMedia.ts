/**
 * What of ours is on: in the call, and in the try-out before it, which nobody else sees or hears.
 *
 *     begin, microphone, camera, screen, mute ──> in the call ──┐
 *     tryOut ───────────────────────────────────> the try-out ──┴──> view, tracks; stopAll ends both at once
 */

import { Capture, CaptureOver, CaptureRefused, type CameraWish, type Source } from "./capture.ts"
import type { Kind } from "./peer.ts"
import type { OwnView } from "./view.ts"

/** What is turned on with the tap. */
export interface Wish {
  readonly camera?: boolean
  readonly microphone?: boolean
}

/** A device that can be chosen among several. */
export type Chosen = "microphone" | "camera"
/** The same, and what is played through. */
export type Choice = Chosen | "speaker"

/** Devices that were asked for. Neither rejects. */
export interface Opening {
  /** One is open, or none will be. */
  readonly one: Promise<unknown>
  /** Each is open or refused. */
  readonly all: Promise<unknown>
}

export class OwnMedia {
  readonly #call: Capture
  readonly #tryOut: Capture
  readonly #chosen: Record<Choice, string | null> = { microphone: null, camera: null, speaker: null }
  readonly #onChange: (isByItself: boolean) => void
  #isMuted = false
  #refused: OwnView["refused"] = null

  /** `onChange` is called whenever something goes on or off or is refused, and told whether it went off by itself. */
  constructor(onChange: (isByItself: boolean) => void, devices?: MediaDevices) {
    this.#onChange = onChange
    this.#call = new Capture(onChange, devices)
    this.#tryOut = new Capture(() => {
      onChange(false)
    }, devices)
  }

  get view(): OwnView {
    return {
      microphone: this.#call.track("microphone") !== null,
      isMuted: this.#isMuted,
      camera: this.#call.track("camera"),
      screen: this.#call.track("screen"),
      refused: this.#refused,
      chosen: { ...this.#chosen },
      tried: { microphone: this.#tryOut.track("microphone"), camera: this.#tryOut.track("camera") },
    }
  }

  /** What is sent: a screen takes the place of the camera's picture. */
  get tracks(): Readonly<Record<Kind, MediaStreamTrack | null>> {
    return { audio: this.#call.track("microphone"), video: this.#call.track("screen") ?? this.#call.track("camera") }
  }

  /** What is wished for with the tap, asked for at once so that the browser knows whose wish it is. */
  begin({ microphone = true, camera = false }: Wish): Opening {
    this.#refused = null
    this.#isMuted = false
    // Each by itself, for one may be refused and the other not.
    const opening = [...(microphone ? [this.microphone()] : []), ...(camera ? [this.camera()] : [])]
    return { one: anyOf(opening), all: Promise.all(opening) }
  }

  /** Gives whether it is on. Never rejects. */
  async microphone(): Promise<boolean> {
    const isOpen = await this.#opened("microphone", () => this.#call.microphone(this.#chosen.microphone))
    this.mute(this.#isMuted)
    return isOpen
  }

  /** Gives whether it is on. Never rejects. */
  async camera(wish: CameraWish = {}): Promise<boolean> {
    const which = wish.facing === undefined ? { deviceId: this.#chosen.camera, ...wish } : wish
    return await this.#opened("camera", () => this.#call.camera(which))
  }

  /** Gives whether it is shown. Never rejects. */
  async screen(): Promise<boolean> {
    return await this.#opened("screen", () => this.#call.screen())
  }

  /** The device stays open, and sends silence. */
  mute(isMuted: boolean): void {
    this.#isMuted = isMuted
    const track = this.#call.track("microphone")
    if (track !== null) track.enabled = !isMuted
    this.#onChange(false)
  }

  stop(source: Source): void {
    this.#call.stop(source)
  }

  /** From now on this one; null is the usual one. What is on changes to it. Never rejects. */
  async choose(source: Choice, deviceId: string | null): Promise<void> {
    this.#chosen[source] = deviceId
    this.#onChange(false)
    // The page plays; there is nothing to open.
    if (source === "speaker") return
    if (this.#tryOut.track(source) !== null) await this.tryOut(source)
    if (this.#call.track(source) !== null) await (source === "microphone" ? this.microphone() : this.camera())
  }

  /** Turns one on for ourselves alone. Never rejects. */
  async tryOut(source: Chosen): Promise<void> {
    const deviceId = this.#chosen[source]
    const { microphone, camera } = { microphone: () => this.#tryOut.microphone(deviceId), camera: () => this.#tryOut.camera({ deviceId }) }
    await this.#opened(source, source === "microphone" ? microphone : camera)
  }

  stopTrying(source?: Chosen): void {
    if (source === undefined) this.#tryOut.stopAll()
    else this.#tryOut.stop(source)
  }

  /** What is in the call is off when this returns. */
  stopCall(): void {
    this.#call.stopAll()
  }

  /** All is off when this returns. */
  stopAll(): void {
    this.#call.stopAll()
    this.#tryOut.stopAll()
  }

  async #opened(source: Source, open: () => Promise<MediaStreamTrack>): Promise<boolean> {
    this.#refused = null
    try {
      await open()
      return true
    } catch (error) {
      if (error instanceof CaptureRefused) this.#refused = { source, why: error.refusal }
      else if (!(error instanceof CaptureOver)) throw error
      this.#onChange(false)
      return false
    }
  }
}

/** Done when one of them is true, or none of them is. */
async function anyOf(all: readonly Promise<boolean>[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const one of all)
      void one.then((isTrue) => {
        if (isTrue) resolve()
      })
    void Promise.all(all).then(() => {
      resolve()
    })
  })
}
