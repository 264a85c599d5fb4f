/** Between the tap and the call there is time, in which the ring may end, or somebody else ring. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { decodeCall, encodeCall } from "../../../src/call/codec.ts"
import { BrowserCall, type CallConversation } from "../../../src/call/media/browserCall.ts"
import { Cancel, EndReason, HangUp, Join, MediaReason, Ring, type CallMessage } from "../../../src/call/messages.ts"
import type { CallListener } from "../../../src/callSignals.ts"
import type { IceServers } from "../../../src/iceServers.ts"
import { CallPolicy } from "../../../src/relay/frames.ts"
import { Participant } from "../../../src/room.ts"

const MEDIA = { audio: true, video: false, screen: false, reason: MediaReason.CHOSEN }
const THEIR_CALL = new Uint8Array(8).fill(7)
const [COUNSELOR, SHE, MEDIC] = [0, 1, 2]

let tracks: { isOn: boolean }[]

beforeEach(() => {
  tracks = []
  vi.useFakeTimers()
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" })
  vi.stubGlobal("document", page)
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page))
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page))
  const getUserMedia = (): Promise<unknown> => {
    const one = { isOn: true }
    tracks.push(one)
    const track = { enabled: true, onended: null, stop: () => (one.isOn = false) }
    return Promise.resolve({ getTracks: () => [track] })
  }
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function person(leaf: number): Participant {
  const key = Uint8Array.of(leaf)
  return new Participant(leaf, key, key, leaf === SHE ? null : "Sari", leaf === SHE ? "survivor" : "counselor")
}

/** Her conversation with a counselor and a medic, and a relay that answers when the test says so. */
class Talk implements CallConversation {
  participants: readonly Participant[] = [COUNSELOR, SHE, MEDIC].map(person)
  readonly me = person(SHE)
  readonly said: CallMessage["type"][] = []
  readonly questions: { answer: () => void; fail: () => void }[] = []
  #listener: CallListener | null = null

  listenToCalls(listener: CallListener): void {
    this.#listener = listener
  }

  sendCallSignal(data: Uint8Array): void {
    const message = decodeCall(data)
    if (message !== null) this.said.push(message.type)
  }

  iceServers(): Promise<IceServers> {
    const ice = { policy: CallPolicy.RELAY, urls: ["turn:turn.example"], username: "name", credential: "word", expires: 1, relayOnly: true }
    return new Promise((resolve, reject) => {
      this.questions.push({
        answer: () => {
          resolve(ice)
        },
        fail: () => {
          reject(new Error("the relay is away"))
        },
      })
    })
  }

  async says(leaf: number, message: CallMessage): Promise<void> {
    this.#listener?.callSignal(person(leaf), encodeCall(message), true)
    await settled()
  }

  async rings(leaf: number, call = THEIR_CALL): Promise<void> {
    const now = Date.now()
    await this.says(leaf, Ring({ call, sent: now, joined: now, media: MEDIA, to: [], canRestartIce: true }))
  }

  async joins(leaf: number): Promise<void> {
    const now = Date.now()
    await this.says(leaf, Join({ call: THEIR_CALL, sent: now, joined: now, media: MEDIA, canRestartIce: true }))
  }

  /** By everybody. */
  async isLeft(): Promise<void> {
    this.participants = [this.me]
    this.#listener?.roomChanged()
    await settled()
  }

  /** Of whichever question waits longest. */
  async answers(): Promise<void> {
    this.questions.shift()?.answer()
    await settled()
  }
}

const settled = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(1)
}

function made(): readonly [BrowserCall, Talk] {
  const talk = new Talk()
  return [new BrowserCall(talk, { onChange: () => undefined }), talk]
}

const isAnythingOn = (): boolean => tracks.some(({ isOn }) => isOn)

it("goes into the call of somebody who rang while ours was being prepared: both have asked for it", async () => {
  const [call, talk] = made()
  const rung = call.ring()
  await settled()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await rung
  expect(call.view.phase).toBe("in call")
  expect(talk.said).toEqual(["join"])
  call.hangUp()
  expect(isAnythingOn()).toBe(false)
})

it("has nothing on when nobody is left to be rung", async () => {
  const [call, talk] = made()
  const rung = call.ring()
  await settled()
  await talk.isLeft()
  await talk.answers()
  await rung
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending).not.toBeNull()
  expect(isAnythingOn()).toBe(false)
})

it("has nothing on when the call that it goes into has ended meanwhile", async () => {
  const [call, talk] = made()
  const began = Date.now()
  for (const leaf of [COUNSELOR, MEDIC]) await talk.joins(leaf)
  expect(call.view.running).toHaveLength(2)
  const joined = call.join()
  await settled()
  for (const leaf of [COUNSELOR, MEDIC])
    await talk.says(leaf, HangUp({ call: THEIR_CALL, sent: began + 100, joined: began + 50, reason: EndReason.HUNG_UP }))
  await talk.answers()
  await joined
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending).not.toBeNull()
  expect(isAnythingOn()).toBe(false)
})

it("closes the microphone when the ring that was answered has ended meanwhile", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  const accepted = call.accept()
  await settled()
  expect(isAnythingOn()).toBe(true)
  const now = Date.now()
  await talk.says(COUNSELOR, Cancel({ call: THEIR_CALL, sent: now, joined: now - 2, reason: EndReason.CANCELLED }))
  await talk.answers()
  await accepted
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending?.why).toBe("missed")
  expect(isAnythingOn()).toBe(false)
})
