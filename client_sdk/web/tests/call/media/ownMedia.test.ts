/** What of ours is on, and which devices that is, with made-up devices. */

import { expect, it, vi } from "vitest"

import { OwnMedia } from "../../../src/call/media/ownMedia.ts"

function made() {
  const wishes: MediaStreamConstraints[] = []
  const ended: MediaStreamTrack[] = []
  const devices = {
    getUserMedia: (wish: MediaStreamConstraints) => {
      wishes.push(wish)
      const track = { enabled: true, onended: null, stop: () => ended.push(track as unknown as MediaStreamTrack) }
      return Promise.resolve({ getTracks: () => [track] })
    },
  }
  const changed = vi.fn()
  return { media: new OwnMedia(changed, devices as unknown as MediaDevices), wishes, ended, changed }
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
  await media.begin({ camera: true })
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
  await media.begin({})
  media.mute(true)
  await media.choose("microphone", "the second")
  expect(media.tracks.audio?.enabled).toBe(false)
})
