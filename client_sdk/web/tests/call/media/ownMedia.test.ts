/** What of ours is on, and which devices that is, with made-up devices. */

import { describe, expect, it, vi } from "vitest"

import { OwnMedia } from "../../../src/call/media/ownMedia.ts"

function made() {
  const wishes: MediaStreamConstraints[] = []
  const ended: MediaStreamTrack[] = []
  /** Devices that are not there any more. */
  const gone = new Set<unknown>()
  const devices = {
    getUserMedia: (wish: MediaStreamConstraints) => {
      wishes.push(wish)
      const { exact } = { exact: null, ...((wish.audio ?? wish.video) as { deviceId?: object }).deviceId }
      if (gone.has(exact)) return Promise.reject(Object.assign(new Error("no such device"), { name: "OverconstrainedError" }))
      const track = { enabled: true, onended: null, stop: () => ended.push(track as unknown as MediaStreamTrack) }
      return Promise.resolve({ getTracks: () => [track] })
    },
  }
  const changed = vi.fn()
  return { media: new OwnMedia(changed, devices as unknown as MediaDevices), wishes, ended, changed, gone }
}

const audioOf = (wish: MediaStreamConstraints | undefined) => (wish?.audio as MediaTrackConstraints).deviceId
const videoOf = (wish: MediaStreamConstraints | undefined) => (wish?.video as MediaTrackConstraints).deviceId

it("opens what was chosen, in the try-out and in the call, and changes what is on", async () => {
  const { media, wishes, ended } = made()
  await media.choose("microphone", "the second")
  await media.choose("camera", "another")
  expect(wishes).toEqual([])
  await media.tryOut("microphone")
  expect(audioOf(wishes.at(-1))).toEqual({ exact: "the second" })
  await media.begin({ camera: true }).all
  expect(videoOf(wishes.at(-1))).toEqual({ exact: "another" })
  const before = media.tracks.audio
  await media.choose("microphone", null)
  expect(wishes.slice(-2).map(audioOf)).toEqual([undefined, undefined])
  expect(media.tracks.audio).not.toBe(before)
  expect(ended).toContain(before)
})

it("remembers the loudspeaker for the page, and opens nothing for it", async () => {
  const { media, wishes, changed } = made()
  await media.choose("speaker", "the loud one")
  expect(media.view.chosen).toEqual({ microphone: null, camera: null, speaker: "the loud one" })
  expect(changed).toHaveBeenCalled()
  expect(wishes).toEqual([])
})

it("stays muted when the microphone is changed", async () => {
  const { media } = made()
  await media.begin({}).all
  media.mute(true)
  await media.choose("microphone", "the second")
  expect(media.tracks.audio?.enabled).toBe(false)
})

it("opens the usual one where the one that was chosen was pulled out: it may be the only one, with none to choose from", async () => {
  const { media, wishes, gone } = made()
  for (const source of ["microphone", "camera"] as const) await media.choose(source, `the ${source}`)
  gone.add("the microphone").add("the camera")
  await media.begin({ camera: true }).all
  expect(media.view.microphone).toBe(true)
  expect(media.view.camera).not.toBeNull()
  expect(media.view.refused).toBeNull()
  expect(wishes).toHaveLength(4)
})

it("opens nothing in its place where the call is over meanwhile", async () => {
  const { media, wishes, gone } = made()
  await media.choose("microphone", "the second")
  gone.add("the second")
  const begun = media.begin({}).all
  media.stopCall()
  await begun
  expect(media.view.microphone).toBe(false)
  expect(wishes).toHaveLength(1)
})

describe("what was asked for with the tap", () => {
  /** Devices that open when the test says so. */
  function asked() {
    const answers: Record<"audio" | "video", (stream: unknown) => void> = { audio: () => undefined, video: () => undefined }
    const getUserMedia = (wish: MediaStreamConstraints) =>
      new Promise((resolve) => (answers[wish.audio === undefined ? "video" : "audio"] = resolve))
    const media = new OwnMedia(() => undefined, { getUserMedia } as unknown as MediaDevices)
    const told: string[] = []
    const opening = media.begin({ camera: true })
    for (const what of ["one", "all"] as const) void opening[what].then(() => told.push(what))
    const opens = (what: "audio" | "video") => {
      answers[what]({ getTracks: () => [{ enabled: true, onended: null, stop: () => undefined }] })
    }
    return { told, opens }
  }
  const passes = () => new Promise((resolve) => setTimeout(resolve))

  it("is told when the first of them is open, and when each is", async () => {
    const { told, opens } = asked()
    await passes()
    expect(told).toEqual([])
    opens("video")
    await passes()
    expect(told).toEqual(["one"])
    opens("audio")
    await passes()
    expect(told).toEqual(["one", "all"])
  })

  it("waits for nothing where nothing was asked for, or all is refused", async () => {
    const devices = { getUserMedia: () => Promise.reject(Object.assign(new Error(), { name: "NotAllowedError" })) }
    const media = new OwnMedia(() => undefined, devices as unknown as MediaDevices)
    await media.begin({ microphone: false }).one
    await media.begin({ camera: true }).one
    expect(media.tracks).toEqual({ audio: null, video: null })
  })
})
