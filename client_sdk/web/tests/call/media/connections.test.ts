/** A path that breaks while another is being looked for already is reported once, or the connection would be made anew. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { Connections } from "../../../src/call/media/connections.ts"
import type { Route } from "../../../src/call/media/peer.ts"

const OURS = { leaf: 1, generation: 1 }
/** As `Peer` has it: so long it waits for a path that does not answer. */
const PATIENCE_MS = 4_000

/** What `Peer` needs of a browser's connection; the test says what becomes of it. */
class BrowserConnection {
  connectionState: RTCPeerConnectionState = "new"
  currentLocalDescription: RTCSessionDescriptionInit | null = null
  onconnectionstatechange: () => void = () => undefined
  onicecandidate: (event: { candidate: null }) => void = () => undefined
  isClosed = false
  readonly asked: string[] = []
  #name = 0

  constructor() {
    made.push(this)
  }

  getTransceivers = (): never[] => []
  addTransceiver = (): object => ({})
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
  setRemoteDescription = (): Promise<void> => Promise.resolve()
  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.currentLocalDescription = description
    setTimeout(() => {
      this.onicecandidate({ candidate: null })
    })
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
    return `v=0\r\na=ice-ufrag:name${String(this.#name)}\r\n`
  }
}

let made: BrowserConnection[]
let told: string[]
let openRoute: () => void

beforeEach(() => {
  made = []
  told = []
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

/** Connections whose first route is there, and every later one when `openRoute` is called. */
function connections(): Connections {
  const route: Route = { iceServers: [], isRelayOnly: false }
  const tell = (what: string) => (): void => {
    told.push(what)
  }
  const outlets = {
    described: tell("described"),
    trickled: tell("trickled"),
    connected: tell("connected"),
    failed: tell("failed"),
    unroutable: tell("unroutable"),
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
        : Promise.resolve(route),
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
  expect(told).toEqual(["described"])
  expect(browser.asked).toEqual(["offer", "configuration", who === "we offer" ? "restart" : "answer"])
  browser.becomes("connected")
  expect(told).toEqual(["described", "connected"])
  // The new path is watched as the old one was.
  browser.becomes("disconnected")
  await vi.advanceTimersByTimeAsync(PATIENCE_MS)
  expect(told).toEqual(["described", "connected", "failed"])
  expect(made).toHaveLength(1)
})
