/** The link to the relay, over a socket that the test holds. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { AuthenticationRefused, ClientClosed, RelayLost, RelayMisbehaved } from "../../src/errors.ts"
import { decodeClientFrame, encode } from "../../src/relay/codec.ts"
import {
  Acknowledge,
  Append,
  Authenticate,
  Authenticated,
  Done,
  ErrorCode,
  ErrorFrame,
  Hello,
  Moving,
  Ping,
  Pong,
  QueueChanged,
  SetAvailability,
  type RelayFrame,
} from "../../src/relay/frames.ts"
import { RelayLink, type LinkListener } from "../../src/net/relayLink.ts"
import { Backoff, type Socket } from "../../src/net/transport.ts"
import { HeldSocket } from "../heldSocket.ts"

const limits = {
  frameBytes: 262_144,
  payloadBytes: 131_072,
  subscriptions: 64,
  appendsInFlight: 32,
  heartbeatSeconds: 20,
}
const HELLO = Hello({ version: 1, nonce: new Uint8Array(32), time: 1_760_000_000, limits })

class LinkFixture {
  readonly sockets: HeldSocket[] = []
  readonly told: string[] = []
  readonly received: RelayFrame[] = []
  readonly link: RelayLink

  constructor(introduce: LinkListener["introduce"] = () => null) {
    const dial = (): Promise<Socket> => {
      this.sockets.push(new HeldSocket())
      return Promise.resolve(this.socket)
    }
    const listener: LinkListener = {
      receive: (frame) => this.received.push(frame),
      onUp: () => this.told.push("up"),
      onDown: () => this.told.push("down"),
      introduce,
    }
    this.link = new RelayLink(dial, listener, new Backoff((_, most) => most))
  }

  get socket(): HeldSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error("nobody has dialled")
    return socket
  }

  /** The kinds of the frames that were sent over the present socket. */
  get sent(): string[] {
    return this.socket.sent.map((data) => decodeClientFrame(data).type)
  }

  /** What the relay says over it. */
  async hears(...frames: RelayFrame[]): Promise<void> {
    this.socket.say(...frames.map(encode))
    await vi.advanceTimersByTimeAsync(0)
  }

  async begin(): Promise<void> {
    void this.link.run()
    await vi.advanceTimersByTimeAsync(0)
  }
}

const available = (ref: number): SetAvailability => SetAvailability({ ref, availability: 2 })

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe("the link", () => {
  it("is up when the relay has said Hello, and hands on what answers no question", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    expect(fixture.link.isUp).toBe(false)
    await fixture.hears(HELLO)
    expect([fixture.link.isUp, fixture.told]).toEqual([true, ["up"]])
  })

  it("of staff is up when the relay has believed them", async () => {
    const authenticate = Authenticate({ statement: "a.b.c", signature: new Uint8Array(64) })
    const fixture = new LinkFixture(() => Promise.resolve(authenticate))
    await fixture.begin()
    await fixture.hears(HELLO)
    expect([fixture.link.isUp, fixture.sent]).toEqual([false, ["authenticate"]])
    await fixture.hears(Authenticated({ deviceId: new Uint8Array(32), expires: 0, keyPackagesLeft: 0 }))
    expect(fixture.link.isUp).toBe(true)
    const answered = fixture.link.ask(available, "done")
    await vi.advanceTimersByTimeAsync(0)
    await fixture.hears(QueueChanged({ waiting: 1 }), Done({ ref: 1 }))
    expect((await answered).ref).toBe(1)
    expect(fixture.received.map(({ type }) => type)).toEqual(["queueChanged"])
  })

  it("that the relay refuses for good is not tried again, and nobody waits for it", async () => {
    const fixture = new LinkFixture(() => Authenticate({ statement: "a.b.c", signature: new Uint8Array(64) }))
    const waiting = expect(fixture.link.waitUntilUp()).rejects.toThrow(AuthenticationRefused)
    await fixture.begin()
    await fixture.hears(HELLO)
    await fixture.hears(ErrorFrame({ code: ErrorCode.STATEMENT_REVOKED, detail: "", fatal: true }))
    await waiting
    await vi.advanceTimersByTimeAsync(60_000)
    expect(fixture.sockets).toHaveLength(1)
  })

  it("comes back after it broke; what was asked is told to be lost", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO)
    const lost = expect(fixture.link.ask((ref) => ({ type: "ping", ref }), "pong")).rejects.toThrow(RelayLost)
    await vi.advanceTimersByTimeAsync(0)
    fixture.socket.close()
    await lost
    expect(fixture.told).toEqual(["up", "down"])
    await vi.advanceTimersByTimeAsync(300)
    await fixture.hears(HELLO)
    expect([fixture.sockets.length, fixture.told]).toEqual([2, ["up", "down", "up"]])
  })

  it("lets an acknowledgement wait for the next one, but not long, nor behind what else is said", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO)
    const conversationId = new Uint8Array(16)
    const other = new Uint8Array(16).fill(1)
    const said = (): unknown[] => fixture.socket.sent.splice(0).map((data) => decodeClientFrame(data))
    for (const seq of [1, 2, 3]) fixture.link.send(Acknowledge({ conversationId, seq }))
    expect(said()).toEqual([])
    await vi.advanceTimersByTimeAsync(100)
    expect(said()).toEqual([Acknowledge({ conversationId, seq: 3 })])
    fixture.link.send(Acknowledge({ conversationId, seq: 4 }))
    fixture.link.send(Ping({ ref: 1 }))
    expect(said()).toEqual([Acknowledge({ conversationId, seq: 4 }), Ping({ ref: 1 })])
    fixture.link.send(Acknowledge({ conversationId, seq: 5 }))
    fixture.link.send(Acknowledge({ conversationId: other, seq: 7 }))
    const append = Append({ conversationId, counter: 1, kind: 0, epoch: 1, payload: new Uint8Array(3) })
    fixture.link.send(append)
    fixture.link.send(append)
    expect(said()).toEqual([Acknowledge({ conversationId: other, seq: 7 }), { ...append, has: 5 }, append])
    await vi.advanceTimersByTimeAsync(200)
    expect(said()).toEqual([])
    fixture.link.send(Acknowledge({ conversationId, seq: 6 }))
    fixture.socket.close()
    await vi.advanceTimersByTimeAsync(300)
    await fixture.hears(HELLO)
    await vi.advanceTimersByTimeAsync(300)
    expect(said()).toEqual([])
  })

  it("waits longer after each failure, and not at all when the network is back", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    for (let failure = 0; failure < 5; failure += 1) {
      fixture.socket.close()
      await vi.advanceTimersByTimeAsync(1000 * 0.25 * 2 ** failure)
    }
    expect(fixture.sockets).toHaveLength(6)
    fixture.socket.close()
    await vi.advanceTimersByTimeAsync(1000)
    expect(fixture.sockets).toHaveLength(6)
    fixture.link.hurry()
    await vi.advanceTimersByTimeAsync(0)
    expect(fixture.sockets).toHaveLength(7)
  })

  it("moves when the relay is about to stop, within the time that it gave", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO, Moving({ withinMs: 3000 }))
    await vi.advanceTimersByTimeAsync(2900)
    expect(fixture.sockets).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(fixture.sockets).toHaveLength(2)
  })

  it("shows that it lives, and leaves a relay that does not answer that", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO)
    await vi.advanceTimersByTimeAsync(20_100)
    expect(fixture.sent).toEqual(["ping"])
    await fixture.hears(Pong({ ref: 0 }))
    await vi.advanceTimersByTimeAsync(22_300)
    expect(fixture.link.isUp).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    expect([fixture.told, fixture.sockets.length]).toEqual([["up", "down"], 2])
  })

  it("goes by the relay's heartbeat as soon as Hello has named it", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears({ ...HELLO, limits: { ...HELLO.limits, heartbeatSeconds: 3 } })
    await vi.advanceTimersByTimeAsync(5_400)
    expect([fixture.told, fixture.sent]).toEqual([["up"], ["ping"]])
    await vi.advanceTimersByTimeAsync(200)
    expect(fixture.told).toEqual(["up", "down"])
  })

  it("does not take the relay for gone when it was the page that slept", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO)
    await vi.advanceTimersByTimeAsync(1_000)
    const clock = vi.spyOn(performance, "now")
    const before = performance.now()
    clock.mockImplementation(() => before + 300_000)
    await vi.advanceTimersByTimeAsync(20_100)
    expect([fixture.link.isUp, fixture.sent]).toEqual([true, ["ping"]])
    clock.mockImplementation(() => before + 301_000)
    await fixture.hears(Pong({ ref: 0 }))
    clock.mockImplementation(() => before + 305_000)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(fixture.link.isUp).toBe(true)
    clock.mockRestore()
  })

  it("ends when the relay breaks the protocol", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO, HELLO)
    expect(fixture.told).toEqual(["up", "down"])
  })

  it("says so when an answer is not what was asked for", async () => {
    const fixture = new LinkFixture()
    await fixture.begin()
    await fixture.hears(HELLO)
    const answered = expect(fixture.link.ask((ref) => ({ type: "ping", ref }), "pong")).rejects.toThrow(RelayMisbehaved)
    await vi.advanceTimersByTimeAsync(0)
    await fixture.hears(Done({ ref: 1 }))
    await answered
  })

  it("that was closed is waited for by nobody", async () => {
    const fixture = new LinkFixture()
    const waiting = expect(fixture.link.waitUntilUp()).rejects.toThrow(ClientClosed)
    await fixture.begin()
    fixture.link.close()
    await waiting
    await vi.advanceTimersByTimeAsync(60_000)
    expect([fixture.sockets.length, fixture.socket.isClosed]).toEqual([1, true])
  })
})
