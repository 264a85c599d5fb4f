/**
 * A description waits for no candidate. And a path that breaks while another is being looked for already is reported once, or
 * the connection would be made anew.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { Connections, type ConnectionOutlets } from "../../../src/call/media/connections.ts"
import type { LocalCandidate, Route } from "../../../src/call/media/peer.ts"

const OURS = { leaf: 1, generation: 1 }
/** As `Peer` has it: so long it waits for a path that does not answer. */
const PATIENCE_MS = 4_000

/** Of what is sent; counts how often its limits were asked for, which halts a page while a connection is made. */
class Sender {
  asked = 0
  track: MediaStreamTrack | null = null
  encodings: RTCRtpEncodingParameters[] = [{}]

  constructor(readonly kind: string) {}

  replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    this.track = track
    return Promise.resolve()
  }
  getParameters(): object {
    this.asked += 1
    return { encodings: this.encodings.map((one) => ({ ...one })) }
  }
  setParameters({ encodings }: RTCRtpSendParameters): Promise<void> {
    this.encodings = encodings
    return Promise.resolve()
  }
}

/** What `Peer` needs of a browser's connection; the test says what becomes of it. */
class BrowserConnection {
  connectionState: RTCPeerConnectionState = "new"
  currentLocalDescription: RTCSessionDescriptionInit | null = null
  onconnectionstatechange: () => void = () => undefined
  onicecandidate: (event: { candidate: LocalCandidate | null }) => void = () => undefined
  onicecandidateerror: (event: { errorCode: number }) => void = () => undefined
  isClosed = false
  readonly asked: string[] = []
  #name = 0

  constructor() {
    made.push(this)
  }

  readonly senders: Sender[] = []

  getTransceivers = (): object[] => this.senders.map((sender) => ({ sender, receiver: { track: { kind: sender.kind } } }))
  addTransceiver(kind: string): object {
    this.senders.push(new Sender(kind))
    return {}
  }
  setConfiguration(): void {
    this.asked.push("configuration")
  }
  createOffer({ iceRestart }: RTCOfferOptions): Promise<RTCSessionDescriptionInit> {
    this.asked.push(iceRestart === true ? "restart" : "offer")
    return Promise.resolve({ type: "offer", sdp: this.#sdp(iceRestart === true || this.#name === 0) })
  }
  createAnswer(): Promise<RTCSessionDescriptionInit> {
    this.asked.push("answer")
    return Promise.resolve({ type: "answer", sdp: this.#sdp(true) })
  }
  setRemoteDescription({ type }: RTCSessionDescriptionInit): Promise<void> {
    this.asked.push(`takes ${type}`)
    return Promise.resolve()
  }
  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.currentLocalDescription = description
    return Promise.resolve()
  }
  close(): void {
    this.isClosed = true
  }

  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state
    this.onconnectionstatechange()
  }

  #sdp(isNew: boolean): string {
    if (isNew) this.#name += 1
    return `v=0\r\nc=IN IP4 198.51.100.9\r\na=ice-ufrag:name${String(this.#name)}\r\n`
  }
}

let made: BrowserConnection[]
let told: string[]
let openRoute: () => void
/** With a description, or by itself. */
let candidates: string[]
let sdps: string[]

beforeEach(() => {
  made = []
  told = []
  candidates = []
  sdps = []
  openRoute = () => undefined
  vi.useFakeTimers()
  vi.stubGlobal("RTCPeerConnection", BrowserConnection)
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => null })
  vi.stubGlobal(
    "MediaStream",
    class {
      getTracks = (): never[] => []
    },
  )
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** Connections whose first route is there, or when `routed`, and every later one when `openRoute` is called. */
function connections(
  isRelayOnly = false,
  mayGather: Promise<unknown> = Promise.resolve(),
  routed: Promise<unknown> = Promise.resolve(),
): Connections {
  const route: Route = { iceServers: [], isRelayOnly, mayGather }
  const tell = (what: string) => (): void => {
    told.push(what)
  }
  const outlets = {
    described: (...[, , , sdp, early]: Parameters<ConnectionOutlets["described"]>) => {
      told.push("described")
      sdps.push(sdp)
      candidates.push(...early.map(({ candidate }) => candidate))
    },
    trickled: (...[, , revision, late]: Parameters<ConnectionOutlets["trickled"]>) => {
      told.push(`trickled ${String(revision)}`)
      candidates.push(...late.map(({ candidate }) => candidate))
    },
    connected: tell("connected"),
    failed: tell("failed"),
    unroutable: (_: number, why: string) => {
      told.push(`unroutable: ${why}`)
    },
    changed: () => undefined,
  }
  return new Connections(
    outlets,
    (isRenewal) =>
      isRenewal
        ? new Promise((resolve) => {
            openRoute = () => {
              resolve(route)
            }
          })
        : routed.then(() => route),
    () => ({ audio: null, video: null }),
  )
}

/** One that stands, and whose path has not answered for as long as it may, but one second. */
async function nearlyFailed(): Promise<readonly [Connections, BrowserConnection]> {
  const all = connections()
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(1)
  const browser = made[0]
  if (browser === undefined) throw new Error("no connection was made")
  browser.becomes("connected")
  browser.becomes("disconnected")
  await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1_000)
  expect(told).toEqual(["described", "connected"])
  told = []
  return [all, browser]
}

it("says that a path failed which did not answer for long", async () => {
  await nearlyFailed()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(told).toEqual(["failed"])
})

it.each(["we offer", "they offer"])("does not say it while another path is being looked for: %s", async (who) => {
  const [all, browser] = await nearlyFailed()
  if (who === "we offer") all.createOffer(OURS.leaf, OURS.generation, 2, true)
  else all.applyDescription(OURS.leaf, OURS.generation, 2, { isOffer: true, restartsIce: true, sdp: "v=0\r\n" })
  // Credentials for the new path take longer than the patience with the old one.
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  browser.becomes("failed")
  expect(told).toEqual([])
  openRoute()
  await vi.advanceTimersByTimeAsync(1)
  browser.onicecandidate({ candidate: null })
  await vi.advanceTimersByTimeAsync(1)
  expect(told).toEqual(["described"])
  const asked = who === "we offer" ? ["restart"] : ["takes offer", "answer"]
  expect(browser.asked).toEqual(["offer", "configuration", "configuration", ...asked])
  browser.becomes("connected")
  expect(told).toEqual(["described", "connected"])
  // The new path is watched as the old one was.
  browser.becomes("disconnected")
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  expect(told).toEqual(["described", "connected", "failed"])
  expect(made).toHaveLength(1)
})

/** Of a TURN server; what stands behind it is the address of whoever uses it. */
const relayed = (port: number): string => `candidate:1 1 udp 7 192.0.2.1 ${String(port)} typ relay raddr 198.51.100.9 rport 4`
const HOST = "candidate:2 1 udp 9 198.51.100.9 4 typ host"
const SERVES_MS = 6_000
const TOGETHER_MS = 60

it.each(["offer", "answer"])("describes at once, and lets the candidates follow as they are found: %s", async (what) => {
  const all = connections(true)
  if (what === "offer") all.createOffer(OURS.leaf, OURS.generation, 1, false)
  else all.applyDescription(OURS.leaf, OURS.generation, 1, { isOffer: true, restartsIce: false, sdp: "v=0\r\n" })
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(["described"])
  for (const candidate of [HOST, relayed(1), relayed(2)])
    made[0]?.onicecandidate({ candidate: { candidate, sdpMid: "0", sdpMLineIndex: 0 } })
  made[0]?.onicecandidate({ candidate: null })
  expect(told).toEqual(["described", "trickled 1", "trickled 1"])
  expect(candidates).toEqual([1, 2].map((port) => relayed(port).replace(/raddr.*/, "raddr 0.0.0.0 rport 0")))
  await vi.advanceTimersByTimeAsync(SERVES_MS)
  expect(told).toHaveLength(3)
})

it("describes a new path with its first candidates, for Chromium may stay on the old one where they come later", async () => {
  const all = connections()
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  const [browser] = made
  const finds = (port: number): void => browser?.onicecandidate({ candidate: { candidate: relayed(port), sdpMid: "0", sdpMLineIndex: 0 } })
  all.createOffer(OURS.leaf, OURS.generation, 2, true)
  await vi.advanceTimersByTimeAsync(0)
  // Even before the browser has said that it took the description.
  if (browser !== undefined)
    browser.setLocalDescription = (description) => {
      browser.currentLocalDescription = description
      finds(1)
      return Promise.resolve()
    }
  openRoute()
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(["described"])
  await vi.advanceTimersByTimeAsync(TOGETHER_MS - 1)
  finds(2)
  expect(told).toEqual(["described"])
  await vi.advanceTimersByTimeAsync(1)
  expect(told).toEqual(["described", "described"])
  expect(candidates).toEqual([1, 2].map(relayed))
  finds(3)
  expect(told.at(-1)).toBe("trickled 2")
})

it.each([
  ["refused", 401],
  ["unreachable", 701],
])("says why there is no relayed way, though the description has gone: %s", async (_, errorCode) => {
  connections(true).createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  made[0]?.onicecandidateerror({ errorCode })
  made[0]?.onicecandidate({ candidate: null })
  await vi.advanceTimersByTimeAsync(SERVES_MS)
  expect(told).toEqual(["described", `unroutable: ${errorCode === 401 ? "refused" : "unreachable"}`])
})

const ANSWER = { isOffer: false, restartsIce: false, sdp: "v=0\r\n" }
const THEIR_OFFER = { isOffer: true, restartsIce: false, sdp: "v=0\r\n" }

it("describes before it may look for a way, and takes the answer and its candidates when it looks", async () => {
  let allow = (): void => undefined
  const all = connections(false, new Promise<void>((resolve) => (allow = resolve)))
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(["described"])
  all.applyDescription(OURS.leaf, OURS.generation, 1, ANSWER)
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  const [browser] = made
  expect([browser?.currentLocalDescription, browser?.asked]).toEqual([null, ["offer", "configuration"]])
  allow()
  await vi.advanceTimersByTimeAsync(0)
  expect(browser?.currentLocalDescription).not.toBeNull()
  expect(browser?.asked).toEqual(["offer", "configuration", "takes answer"])
})

it.each([true, false])("offers before there is a route, naming no address, and looks for a way when there is one: %s", async (isRelayOnly) => {
  let open = (): void => undefined
  const routed = new Promise<void>((resolve) => (open = resolve))
  const all = connections(isRelayOnly, Promise.resolve(), routed)
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  all.applyDescription(OURS.leaf, OURS.generation, 1, ANSWER)
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  expect(told).toEqual(["described"])
  expect(sdps).toEqual(["v=0\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:name1\r\n"])
  expect(made).toMatchObject([{ currentLocalDescription: null, asked: ["offer"] }])
  open()
  await vi.advanceTimersByTimeAsync(0)
  expect(made[0]?.currentLocalDescription).not.toBeNull()
  expect(made[0]?.asked).toEqual(["offer", "configuration", "takes answer"])
})

it("says that it failed where there is no route", async () => {
  const all = connections(true, Promise.resolve(), Promise.reject(new Error("the relay is away")))
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(["described", "failed"])
  expect(made).toMatchObject([{ currentLocalDescription: null, asked: ["offer"] }])
})

it("looks for no way any more that was closed before it might", async () => {
  let allow = (): void => undefined
  const all = connections(false, new Promise<void>((resolve) => (allow = resolve)))
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  all.closeAll()
  allow()
  await vi.advanceTimersByTimeAsync(0)
  expect(made).toMatchObject([{ currentLocalDescription: null, isClosed: true }])
})

it.each([true, false])("uses the connection that is ready, and the offer that is made: %s", async (offers) => {
  const all = connections()
  all.prepare(offers)
  await vi.advanceTimersByTimeAsync(0)
  expect(made).toMatchObject([{ currentLocalDescription: null, asked: offers ? ["offer"] : [] }])
  if (offers) all.createOffer(OURS.leaf, OURS.generation, 1, false)
  else all.applyDescription(OURS.leaf, OURS.generation, 1, THEIR_OFFER)
  await vi.advanceTimersByTimeAsync(0)
  expect(told).toEqual(["described"])
  expect(made).toHaveLength(1)
  expect(made[0]?.asked).toEqual(offers ? ["offer", "configuration"] : ["configuration", "takes offer", "answer"])
  // One revision has one offer, and whoever comes next a connection of their own.
  all.createOffer(OURS.leaf, OURS.generation, 2, false)
  all.createOffer(2, 1, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  expect(made.map(({ asked }) => asked.filter((what) => what === "offer").length)).toEqual([offers ? 2 : 1, 1])
})

it("does not answer by a connection that was made to offer, and closes it in the end", async () => {
  const all = connections()
  all.prepare(true)
  all.applyDescription(OURS.leaf, OURS.generation, 1, THEIR_OFFER)
  await vi.advanceTimersByTimeAsync(0)
  expect(made.map(({ asked }) => asked)).toEqual([["offer"], ["configuration", "takes offer", "answer"]])
  all.closeAll()
  expect(made.map(({ isClosed }) => isClosed)).toEqual([true, true])
})

it("tells each encoder its limits once, and again when they change", async () => {
  const all = connections()
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  await vi.advanceTimersByTimeAsync(0)
  all.applyDescription(OURS.leaf, OURS.generation, 1, ANSWER)
  await vi.advanceTimersByTimeAsync(0)
  const senders = made[0]?.senders ?? []
  expect(senders.map(({ kind, asked }) => [kind, asked])).toEqual([
    ["audio", 1],
    ["video", 1],
  ])
  await all.limit("low")
  expect(senders.map(({ asked, encodings }) => [asked, encodings[0]?.maxBitrate])).toEqual([
    [2, 20_000],
    [2, 150_000],
  ])
})

it("tells an encoder its limits with the answer where there was none before", async () => {
  const all = connections()
  all.prepare(true)
  all.createOffer(OURS.leaf, OURS.generation, 1, false)
  // As some browsers: before it is negotiated there is nothing to limit.
  made[0]?.senders.forEach((one) => (one.encodings = []))
  await vi.advanceTimersByTimeAsync(0)
  const senders = made[0]?.senders ?? []
  senders.forEach((one) => (one.encodings = [{}]))
  all.applyDescription(OURS.leaf, OURS.generation, 1, ANSWER)
  await vi.advanceTimersByTimeAsync(0)
  expect(senders.map(({ encodings }) => encodings[0]?.maxBitrate)).toEqual([24_000, 600_000])
})
