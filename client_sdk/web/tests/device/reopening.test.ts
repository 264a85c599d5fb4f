/** Her request, over a link that breaks and a relay that is busy. */
import { afterEach, expect, it, vi } from "vitest"

import { AuthenticationService } from "../../src/trust/authenticationService.ts"
import type { Organisation } from "../../src/credentials/organisation.ts"
import { CLASSIC_SUITE } from "../../src/mls/suites.ts"
import { decodeClientFrame, encode } from "../../src/relay/codec.ts"
import { Done, ErrorCode, ErrorFrame, Hello, RequestOpened, Subscribed, type ClientFrame, type OpenRequest, type Price, type RelayFrame } from "../../src/relay/frames.ts"
import { solve } from "../../src/relay/proofOfWork.ts"
import { RevocationFetch } from "../../src/trust/revocations.ts"
import { Survivor } from "../../src/survivor.ts"
import { HeldSocket } from "../heldSocket.ts"
import { TestOrganisation } from "../scriptedLog.ts"

const limits = { frameBytes: 262_144, payloadBytes: 131_072, subscriptions: 64, appendsInFlight: 32, heartbeatSeconds: 20 }
const HELLO = Hello({ version: 1, nonce: new Uint8Array(32), time: 0, limits })
const conversationId = new Uint8Array(16).fill(7)

/** A relay by the answers that the test gives; remembers what it heard. */
class Relay {
  readonly heard: ClientFrame[] = []
  sockets: HeldSocket[] = []
  isAway = false
  open: (ref: number) => RelayFrame = (ref) => RequestOpened({ ref, conversationId, position: 1 })

  dial = (): Promise<HeldSocket> => this.dialed()

  dialed(): Promise<HeldSocket> {
    const socket = new HeldSocket()
    this.sockets.push(socket)
    if (this.isAway) {
      socket.close()
      return Promise.resolve(socket)
    }
    socket.say(encode(HELLO))
    socket.send = (data) => {
      const frame = decodeClientFrame(data)
      this.heard.push(frame)
      if (frame.type === "openRequest") socket.say(encode(this.open(frame.ref)))
      if (frame.type === "subscribe")
        socket.say(encode(Subscribed({ ref: frame.ref, conversationId, member: 0, epoch: 0, lastSeq: 0, firstSeq: 1, counter: 0 })))
    }
    return Promise.resolve(socket)
  }

  asked(): number {
    return this.heard.filter(({ type }) => type === "openRequest").length
  }
}

async function here(relay: Relay): Promise<Survivor> {
  const organisation = await TestOrganisation.make()
  vi.spyOn(AuthenticationService, "of").mockReturnValue(organisation.service)
  vi.spyOn(RevocationFetch.prototype, "run").mockResolvedValue()
  vi.spyOn(RevocationFetch.prototype, "wait").mockResolvedValue()
  return Survivor.open("https://relay.example", {} as Organisation, { dial: relay.dial, suite: CLASSIC_SUITE })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
afterEach(() => {
  vi.restoreAllMocks()
})

it("keeps waiting when the queue is full as her phone wakes up, for the relay says when to ask again", async () => {
  const relay = new Relay()
  const survivor = await here(relay)
  const conversation = await survivor.ask()
  await conversation.send("he will be home at six")
  let isFull = true
  relay.open = (ref) =>
    isFull
      ? ErrorFrame({ code: ErrorCode.TOO_MANY, detail: "too many requests are waiting", ref, retryAfterMs: 1000 })
      : RequestOpened({ ref, conversationId, position: 1 })
  relay.sockets[0]?.close()
  await pause(700)
  isFull = false
  await pause(2500)
  expect(conversation.isOver).toBe(false)
  survivor.vanish()
}, 20_000)

it("asks again no earlier than the relay says", async () => {
  const relay = new Relay()
  relay.open = (ref) => ErrorFrame({ code: ErrorCode.RATE_LIMITED, detail: "", ref, retryAfterMs: 60_000 })
  const survivor = await here(relay)
  survivor.ask().catch(() => undefined)
  await pause(5500)
  expect(relay.asked()).toBe(1)
  survivor.vanish()
}, 20_000)

it("does not put her request to the relay again after she has stopped", async () => {
  const relay = new Relay()
  const survivor = await here(relay)
  await survivor.ask()
  relay.isAway = true
  relay.sockets[0]?.close()
  await pause(300)
  // She presses "stop" while the page says "reconnecting".
  const closing = survivor.close()
  relay.isAway = false
  const before = relay.asked()
  await closing
  await pause(500)
  expect(relay.asked()).toBe(before)
}, 20_000)

/** A relay that gives a token to whoever leaves. */
class PartingRelay extends Relay {
  continuation: Uint8Array = new Uint8Array(296).fill(9)
  #opened = 0

  constructor() {
    super()
    this.open = (ref) => {
      this.#opened += 1
      return RequestOpened({ ref, conversationId: new Uint8Array(16).fill(this.#opened), position: 1 })
    }
  }

  override dial = async (): Promise<HeldSocket> => {
    const socket = await this.dialed()
    const send = socket.send.bind(socket)
    socket.send = (data) => {
      send(data)
      const frame = decodeClientFrame(data)
      if (frame.type !== "leave" && frame.type !== "cancelRequest") return
      const { continuation } = this
      const done = Done(frame.type === "leave" ? { ref: frame.ref, continuation } : { ref: frame.ref })
      socket.say(encode(done))
    }
    return socket
  }

  lastRequest(): OpenRequest {
    const frame = this.heard.filter(({ type }) => type === "openRequest").at(-1)
    if (frame?.type !== "openRequest") throw new Error("nothing was asked")
    return frame
  }

  capability(): Uint8Array {
    return this.lastRequest().capability
  }
}

it("shows the token that the relay gave as she left, with the capability of that conversation, and to nobody else", async () => {
  const relay = new PartingRelay()
  const survivor = await here(relay)
  const first = await survivor.ask()
  const capability = relay.capability()
  await first.leave()
  await survivor.ask({}, first)
  expect(relay.lastRequest().continues).toEqual(capability)
  expect(relay.lastRequest().continuation).toEqual(relay.continuation)
  // Who asks for anybody shows neither.
  await survivor.ask()
  expect(relay.lastRequest().continues).toBe(null)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  survivor.vanish()
})

it("does not show it at another relay", async () => {
  const relay = new PartingRelay()
  const survivor = await here(relay)
  const first = await survivor.ask()
  await first.leave()
  const elsewhere = await Survivor.open("https://another.example", {} as Organisation, { dial: relay.dial, suite: CLASSIC_SUITE })
  await elsewhere.ask({}, first)
  expect(relay.lastRequest().continues).toBe(null)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  elsewhere.vanish()
  survivor.vanish()
})

it("asks without a token where a relay one release older gave none", async () => {
  const relay = new PartingRelay()
  relay.continuation = new Uint8Array()
  const survivor = await here(relay)
  const first = await survivor.ask()
  const capability = relay.capability()
  await first.leave()
  const again = await survivor.ask({}, first)
  expect(relay.lastRequest().continues).toEqual(capability)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  expect(again.isOver).toBe(false)
  survivor.vanish()
})

it("forgets the token as the conversation is wiped, and takes none that comes afterwards", async () => {
  const relay = new PartingRelay()
  const survivor = await here(relay)
  const left = await survivor.ask()
  await left.leave()
  left.wipe()
  await survivor.ask({}, left)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  const wiped = await survivor.ask()
  wiped.wipe()
  await vi.waitFor(() => {
    expect(relay.heard.filter(({ type }) => type === "leave")).toHaveLength(2)
  })
  await survivor.ask({}, wiped)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  survivor.vanish()
})

it("knows neither capability nor token after she has vanished", async () => {
  const relay = new PartingRelay()
  const survivor = await here(relay)
  const first = await survivor.ask()
  await first.leave()
  survivor.vanish()
  const anew = await Survivor.open("https://relay.example", {} as Organisation, { dial: relay.dial, suite: CLASSIC_SUITE })
  await anew.ask({}, first)
  expect(relay.lastRequest().continues).toBe(null)
  expect(relay.lastRequest().continuation).toEqual(new Uint8Array())
  anew.vanish()
})

/** A relay that asks for a proof of work until it has one for the very request. */
class DearRelay extends Relay {
  prices: Price[] = []
  paid: Uint8Array[] = []

  quoted(at: number): Price {
    const price = this.prices[at]
    if (price === undefined) throw new Error("it has quoted no such price")
    return price
  }

  constructor(public bits = 2) {
    super()
    this.open = (ref) => {
      const asked = this.heard.at(-1)
      if (asked?.type === "openRequest" && asked.proofOfWork.length > 0) {
        this.paid.push(asked.proofOfWork)
        return RequestOpened({ ref, conversationId, position: 1 })
      }
      const price = { challenge: crypto.getRandomValues(new Uint8Array(32)), puzzles: 2, bits: this.bits, memory: 4 }
      this.prices.push(price)
      return ErrorFrame({ code: ErrorCode.PROOF_OF_WORK_REQUIRED, detail: "", ref, retryAfterMs: 10_000, price })
    }
  }
}

it("pays what the relay quotes for her request, at once, and says that it works", async () => {
  const relay = new DearRelay()
  const survivor = await here(relay)
  const told: boolean[] = []
  survivor.onPaying((isPaying) => told.push(isPaying))
  await survivor.ask()
  expect(relay.prices).toHaveLength(1)
  expect(relay.paid[0]).toEqual(await solve(relay.quoted(0)))
  expect(told).toEqual([true, false])
  const capabilities = relay.heard.flatMap((frame) => (frame.type === "openRequest" ? [frame.capability] : []))
  expect(capabilities[1]).toEqual(capabilities[0])
  survivor.vanish()
})

it("does not pay on another connection what was quoted on one that is gone", async () => {
  const relay = new DearRelay()
  const quote = relay.open
  relay.open = (ref) => {
    const answer = quote(ref)
    if (relay.prices.length === 1) {
      // It breaks as soon as the price is told; the next one is low.
      relay.bits = 1
      setTimeout(() => relay.sockets[0]?.close())
    }
    return answer
  }
  relay.bits = 10
  const survivor = await here(relay)
  await survivor.ask()
  expect(relay.prices).toHaveLength(2)
  expect(relay.paid).toEqual([await solve(relay.quoted(1))])
  survivor.vanish()
})
