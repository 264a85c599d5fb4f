/**
 * Between the tap and the call there is time, in which the ring may end, or somebody else ring. And what the relay gives for
 * a call serves for a while only.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { decodeCall, encodeCall } from "../../../src/call/codec.ts"
import { BrowserCall, type CallConversation } from "../../../src/call/media/browserCall.ts"
import { Cancel, Description, EndReason, HangUp, Heartbeat, Join, MediaReason, Phase, Ring, type CallMessage } from "../../../src/call/messages.ts"
import type { CallListener } from "../../../src/callSignals.ts"
import type { IceServers } from "../../../src/iceServers.ts"
import { CallPolicy } from "../../../src/relay/frames.ts"
import { Participant } from "../../../src/room.ts"

const MEDIA = { audio: true, video: false, screen: false, reason: MediaReason.CHOSEN }
const THEIR_CALL = new Uint8Array(8).fill(7)
const [COUNSELOR, SHE, MEDIC] = [0, 1, 2]

let tracks: { isOn: boolean }[]
let connections: BrowserConnection[]

beforeEach(() => {
  tracks = []
  connections = []
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
  vi.stubGlobal("RTCPeerConnection", BrowserConnection)
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => null })
  vi.stubGlobal("MediaStream", BrowserStream)
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** One that stands when the test says so; nothing is described. */
class BrowserConnection {
  connectionState: RTCPeerConnectionState = "new"
  currentLocalDescription: RTCSessionDescriptionInit | null = null
  onconnectionstatechange: () => void = () => undefined

  constructor(readonly configuration: RTCConfiguration) {
    connections.push(this)
  }

  getTransceivers = (): never[] => []
  addTransceiver = (): object => ({})
  setRemoteDescription = (): Promise<void> => Promise.resolve()
  createOffer = (): Promise<RTCSessionDescriptionInit> => new Promise(() => undefined)
  createAnswer = (): Promise<RTCSessionDescriptionInit> => new Promise(() => undefined)
  getStats = (): Promise<ReadonlyMap<string, unknown>> => Promise.resolve(new Map())
  close = (): void => undefined

  stands(): void {
    this.connectionState = "connected"
    this.onconnectionstatechange()
  }
}

class BrowserStream {
  getTracks = (): never[] => []
}

function person(leaf: number): Participant {
  const key = Uint8Array.of(leaf)
  return new Participant(leaf, key, key, leaf === SHE ? null : "Sari", leaf === SHE ? "survivor" : "counselor")
}

/** Her conversation with a counselor and a medic, and a relay that answers when the test says so. */
class Talk implements CallConversation {
  participants: readonly Participant[] = [COUNSELOR, SHE, MEDIC].map(person)
  readonly me = person(SHE)
  /** Since when she is in a call. */
  joined = 0
  /** When she said something last, by her clock. */
  lastSent = 0
  readonly said: CallMessage["type"][] = []
  readonly questions: { answer: () => void; fail: () => void }[] = []
  #listener: CallListener | null = null
  #asked = 0
  #rung = 0

  listenToCalls(listener: CallListener): void {
    this.#listener = listener
  }

  sendCallSignal(data: Uint8Array): void {
    const message = decodeCall(data)
    if (message === null) return
    this.said.push(message.type)
    this.joined = message.joined
    this.lastSent = message.sent
  }

  iceServers(): Promise<IceServers> {
    const username = `name ${String((this.#asked += 1))}`
    const ice = { policy: CallPolicy.RELAY, urls: ["turn:turn.example"], username, credential: "word", expires: 1, relayOnly: true }
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
    const now = (this.#rung = Date.now())
    await this.says(leaf, Ring({ call, sent: now, joined: now, media: MEDIA, to: [], canRestartIce: true }))
  }

  async joins(leaf: number): Promise<void> {
    const now = Date.now()
    await this.says(leaf, Join({ call: THEIR_CALL, sent: now, joined: now, media: MEDIA, canRestartIce: true }))
  }

  /** The counselor who rang is heard every five seconds, for so long. */
  async goesOn(milliseconds: number): Promise<void> {
    const about = { call: THEIR_CALL, joined: this.#rung, media: MEDIA, canRestartIce: true, grants: [], isRecording: false }
    const stage =
      this.joined === 0
        ? { phase: Phase.CALLING, awaited: [SHE], peers: [] }
        : { phase: Phase.IN_CALL, awaited: [], peers: [{ leaf: SHE, joined: this.joined }] }
    for (let passed = 0; passed < milliseconds; passed += 5_000) {
      await vi.advanceTimersByTimeAsync(5_000)
      await this.says(COUNSELOR, Heartbeat({ ...about, ...stage, sent: Date.now() }))
    }
  }

  /** The counselor's device makes a connection, and it stands. */
  async connects(): Promise<void> {
    const about = { call: THEIR_CALL, sent: Date.now(), joined: this.#rung, to: SHE, toJoined: this.joined }
    const offer = { generation: 1, revision: 1, isOffer: true, restartsIce: false, sdp: "v=0\r\n", candidates: [] }
    await this.says(COUNSELOR, Description({ ...about, ...offer }))
    connections.at(-1)?.stands()
    await settled()
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

/** Longer than the credentials of any relay are sure to serve. */
const LONG_MS = 600_000

it("asks for new credentials when it calls back long after a call was missed", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await vi.advanceTimersByTimeAsync(LONG_MS)
  expect(call.view.ending?.why).toBe("missed")
  void call.ring()
  await settled()
  expect(talk.questions).toHaveLength(1)
  await talk.answers()
  expect(call.view.phase).toBe("calling")
})

it("answers a ring for which the relay had no credentials at first", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  talk.questions.shift()?.fail()
  await settled()
  void call.accept()
  await settled()
  await talk.answers()
  expect(call.view.phase).toBe("in call")
  expect(talk.said).toEqual(["join"])
})

it("connects to whoever comes late with credentials that serve", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await call.accept()
  await talk.connects()
  await talk.goesOn(LONG_MS)
  expect(call.view.phase).toBe("in call")
  await talk.joins(MEDIC)
  await talk.answers()
  const usernames = connections.map(({ configuration }) => configuration.iceServers?.[0]?.username)
  expect(usernames).toEqual(["name 1", "name 2"])
})

it("makes do with the credentials that it has where the relay gives none now", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await talk.goesOn(50_000)
  void call.accept()
  await settled()
  talk.questions.shift()?.fail()
  await settled()
  expect(call.view.phase).toBe("in call")
})

it("goes on saying that it is there when the clock is set back, and rings as before", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await call.accept()
  const before = talk.lastSent
  vi.setSystemTime(Date.now() - 3_600_000)
  await vi.advanceTimersByTimeAsync(11_000)
  expect(talk.said.filter((what) => what === "heartbeat")).toHaveLength(2)
  expect(talk.lastSent - before).toBeGreaterThanOrEqual(10_000)
  call.hangUp()
  await vi.advanceTimersByTimeAsync(LONG_MS)
  void call.ring()
  await settled()
  await talk.answers()
  expect(talk.said.at(-1)).toBe("ring")
  expect(talk.lastSent - before).toBeGreaterThanOrEqual(LONG_MS)
})
