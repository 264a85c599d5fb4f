/** A conversation about whose calls a test decides, and what a call needs of a browser. Time is made up, too. */

import { vi } from "vitest"

import { decodeCall, encodeCall } from "../../src/call/codec.ts"
import type { CallConversation } from "../../src/call/media/browserCall.ts"
import { Description, Heartbeat, Join, MediaReason, Phase, Ring, type CallMessage } from "../../src/call/messages.ts"
import type { CallListener } from "../../src/conversation/callSignals.ts"
import type { IceServers } from "../../src/net/iceServers.ts"
import { CallPolicy } from "../../src/relay/frames.ts"
import { Participant } from "../../src/group/room.ts"

const MEDIA = { audio: true, video: false, screen: false, reason: MediaReason.CHOSEN }
const OFFER = { generation: 1, revision: 1, isOffer: true, restartsIce: false, sdp: "v=0\r\n", candidates: [] }
export const THEIR_CALL = new Uint8Array(8).fill(7)
export const [COUNSELOR, SHE, MEDIC] = [0, 1, 2]

/** Whatever was captured, and what connections were made, since `makeUpBrowser`. */
export const tracks: { isOn: boolean }[] = []
export const connections: BrowserConnection[] = []
/** What a test has the browser wait for before it opens a device, as a person reads its question; whether it describes. */
export const question: { answered: Promise<unknown>; describes: boolean } = { answered: Promise.resolve(), describes: false }

export function makeUpBrowser(): void {
  tracks.length = connections.length = 0
  question.answered = Promise.resolve()
  question.describes = false
  vi.useFakeTimers()
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" })
  vi.stubGlobal("document", page)
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page))
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page))
  const getUserMedia = async (): Promise<unknown> => {
    await question.answered
    const one = { isOn: true }
    tracks.push(one)
    const track = { enabled: true, onended: null, stop: () => (one.isOn = false) }
    return { getTracks: () => [track] }
  }
  vi.stubGlobal("RTCPeerConnection", BrowserConnection)
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => null })
  vi.stubGlobal("MediaStream", BrowserStream)
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } })
}

export function giveUpBrowser(): void {
  vi.useRealTimers()
  vi.unstubAllGlobals()
}

/** One that stands, and breaks, when the test says so; it looks for a way where what it describes is taken. */
class BrowserConnection {
  connectionState: RTCPeerConnectionState = "new"
  isGathering = false
  isClosed = false
  currentLocalDescription: RTCSessionDescriptionInit | null = null
  onconnectionstatechange: () => void = () => undefined

  constructor(public configuration: RTCConfiguration) {
    connections.push(this)
  }

  getTransceivers = (): never[] => []
  addTransceiver = (): object => ({})
  setRemoteDescription = (): Promise<void> => Promise.resolve()
  createOffer = (): Promise<RTCSessionDescriptionInit> =>
    question.describes ? Promise.resolve({ type: "offer", sdp: "v=0\r\n" }) : new Promise(() => undefined)
  createAnswer = (): Promise<RTCSessionDescriptionInit> =>
    question.describes ? Promise.resolve({ type: "answer", sdp: "v=0\r\n" }) : new Promise(() => undefined)
  setConfiguration = (configuration: RTCConfiguration): void => void (this.configuration = configuration)
  setLocalDescription = (): Promise<void> => {
    this.isGathering = true
    return Promise.resolve()
  }
  getStats = (): Promise<ReadonlyMap<string, unknown>> => Promise.resolve(new Map())
  close = (): void => void (this.isClosed = true)

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state
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
export class Talk implements CallConversation {
  participants: readonly Participant[] = [COUNSELOR, SHE, MEDIC].map(person)
  readonly me = person(SHE)
  /** Since when she is in a call. */
  joined = 0
  /** What she said something of last. */
  call: Uint8Array = THEIR_CALL
  /** When she said something last, by her clock. */
  lastSent = 0
  readonly said: CallMessage["type"][] = []
  /** Whether she says that her microphone is on; null until she says anything of it after she came. */
  saysOn: boolean | null = null
  /** What the relay allows. */
  relayOnly = true
  allowsCalls = true
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
    this.call = message.call
    this.lastSent = message.sent
    if (message.type === "mediaState") this.saysOn = message.media.audio
  }

  iceServers(): Promise<IceServers> {
    const username = `name ${String((this.#asked += 1))}`
    const policy = !this.allowsCalls ? CallPolicy.OFF : this.relayOnly ? CallPolicy.RELAY : CallPolicy.DIRECT
    const ice = { policy, urls: ["turn:turn.example"], username, credential: "word", expires: 1, relayOnly: this.relayOnly }
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
    await idle()
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

  /** Somebody whom she rang comes, and offers. */
  async takesUp(leaf: number): Promise<void> {
    const { call, joined: toJoined } = this
    const now = Date.now()
    await this.says(leaf, Join({ call, sent: now, joined: now, media: MEDIA, canRestartIce: true }))
    await this.says(leaf, Description({ call, sent: now + 1, joined: now, to: SHE, toJoined, ...OFFER }))
  }

  /** The counselor's device makes a connection, and it stands. */
  async connects(): Promise<void> {
    const about = { call: THEIR_CALL, sent: Date.now(), joined: this.#rung, to: SHE, toJoined: this.joined }
    await this.says(COUNSELOR, Description({ ...about, ...OFFER }))
    connections.at(-1)?.becomes("connected")
    await idle()
  }

  /** By everybody. */
  async isLeft(): Promise<void> {
    this.participants = [this.me]
    this.#listener?.roomChanged()
    await idle()
  }

  /** Of whichever question waits longest. */
  async answers(): Promise<void> {
    this.questions.shift()?.answer()
    await idle()
  }
}

export const idle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(1)
}
