/** The driver around the state: what it keeps before it sends, what it tells, and how it ends. */

import { beforeEach, describe, expect, it } from "vitest"

import { encodeCall } from "../../src/call/codec.ts"
import { Ring, mediaOf } from "../../src/call/messages.ts"
import { Conversation, type ConversationOwner } from "../../src/conversation/conversation.ts"
import { ConversationOver, KeyStoreError, LogBroken, TeduhError } from "../../src/errors.ts"
import type { Event } from "../../src/events.ts"
import { ErrorCode, ErrorFrame, Hello, Subscribed, type ClientFrame } from "../../src/relay/frames.ts"
import type { Answer, RelayLink } from "../../src/net/relayLink.ts"
import { keptFromBytes, keptToBytes, restoreHeard, saveHeard, type Kept } from "../../src/conversation/savedConversation.ts"
import { CONVERSATION, NOW, Pair } from "../scriptedLog.ts"

const limits = {
  frameBytes: 262_144,
  payloadBytes: 131_072,
  subscriptions: 64,
  appendsInFlight: 32,
  heartbeatSeconds: 20,
}

/** A link that takes what it is given. */
class HeldLink {
  readonly sent: ClientFrame[] = []
  readonly hello = Hello({ version: 1, nonce: new Uint8Array(32), time: 0, limits })
  answer: ((answer: Answer) => void) | null = null

  send(frame: ClientFrame): void {
    this.sent.push(frame)
  }

  question(make: (ref: number) => ClientFrame, answer: (answer: Answer) => void): void {
    this.sent.push(make(1))
    this.answer = answer
  }

  types(): string[] {
    return this.sent.splice(0).map(({ type }) => type)
  }
}

/** Everything that waits to be told, without waiting for more. */
async function told(conversation: Conversation): Promise<Event[]> {
  await conversation.act(() => undefined)
  const events: Event[] = []
  const reader = conversation[Symbol.asyncIterator]()
  for (;;) {
    const none = new Promise<null>((resolve) => setTimeout(resolve, 20, null))
    const next = await Promise.race([reader.next(), none])
    if (next === null || next.done === true) return events
    events.push(next.value)
  }
}

async function types(conversation: Conversation): Promise<string[]> {
  return (await told(conversation)).map(({ type }) => type)
}

let pair: Pair
let link: HeldLink
let kept: string[]

/** Her conversation, connected, with a driver around it. */
async function hers(owner: Partial<ConversationOwner> = {}): Promise<Conversation> {
  const conversation = new Conversation(pair.survivor.state, link as unknown as RelayLink, {
    resume: (one) => {
      one.subscribe()
    },
    over: () => kept.push("over"),
    ...owner,
  })
  conversation.linkIsUp()
  subscribed()
  await conversation.act(() => undefined)
  link.types()
  return conversation
}

/** The counselor's, likewise; what the log has for him comes by `receive`. */
async function staffs(owner: Partial<ConversationOwner> = {}): Promise<Conversation> {
  const resume = (one: Conversation): void => {
    one.subscribe()
  }
  const conversation = new Conversation(pair.counselor.state, link as unknown as RelayLink, {
    resume,
    over: () => undefined,
    ...owner,
  })
  pair.counselor.isConnected = false
  conversation.linkIsUp()
  subscribed(pair.counselor)
  await conversation.act(() => undefined)
  link.types()
  return conversation
}

function subscribed(seat = pair.survivor): void {
  const lastSeq = pair.log.entries.length
  const { counter, number: member } = seat
  const common = { ref: 1, conversationId: CONVERSATION, epoch: pair.log.epoch, firstSeq: 1 }
  link.answer?.(Subscribed({ ...common, lastSeq, counter, member }))
}

beforeEach(async () => {
  pair = await Pair.talking()
  link = new HeldLink()
  kept = []
})

describe("the driver of a conversation", () => {
  it("keeps before it sends, and sends before it tells", async () => {
    const conversation = await hers({
      keep: () => {
        kept.push(`kept with ${link.sent.length} sent`)
        return Promise.resolve()
      },
    })
    await conversation.act(() => undefined)
    link.types()
    kept = []
    await conversation.send("one")
    expect([kept, link.types()]).toEqual([["kept with 0 sent"], ["append"]])
  })

  it("keeps what somebody has said before the relay may forget it", async () => {
    const records: Kept[] = []
    const conversation = await staffs({
      keep: (one) => {
        records.push(keptFromBytes(keptToBytes(one.state.save(), one.undeliveredEvents.map(saveHeard))))
        return Promise.resolve()
      },
    })
    await pair.survivor.state.sendText("he is at the door", NOW)
    await pair.log.pump()
    pair.log.entries.slice(-1).forEach((entry) => {
      conversation.receive(entry)
    })
    await conversation.act(() => undefined)
    expect(link.types()).toContain("acknowledge")
    // The page is closed here, and opened again: the log is read after what was acknowledged.
    const last = records.at(-1)
    expect(last?.conversation.place.cursor).toBe(conversation.state.cursor)
    const undeliveredEvents = await Promise.all(last?.undeliveredEvents.map(restoreHeard) ?? [])
    const [heard] = (await told(conversation)).filter((event) => event.type === "textReceived")
    expect(heard).toMatchObject({ text: "he is at the door" })
    // What the application may have had before, it is told again under the same id.
    expect(undeliveredEvents).toMatchObject([{ type: "textReceived", text: "he is at the door", messageId: heard?.messageId }])
  })

  it("hears what is said of a call before it is kept, for that takes time, and tells all else after it", async () => {
    let keep = (): Promise<void> => Promise.resolve()
    const conversation = await staffs({ keep: () => keep() })
    await told(conversation)
    link.types()
    const heard: string[] = []
    conversation.listenToCalls({
      callSignal: () => heard.push("of a call"),
      roomChanged: () => undefined,
      conversationOver: () => undefined,
    })
    let isKept = (): void => undefined
    let began = 0
    keep = () => {
      began += 1
      return new Promise((resolve) => (isKept = resolve))
    }
    const ring = { call: new Uint8Array(8), sent: 1000 * NOW, joined: 1000 * NOW, media: mediaOf({ audio: true }), to: [], canRestartIce: true }
    const comes = async (said: Promise<unknown>): Promise<void> => {
      await said
      await pair.log.pump()
      pair.log.entries.slice(-1).forEach((entry) => {
        conversation.receive(entry)
      })
    }
    await comes(pair.survivor.state.signalCall(encodeCall(Ring(ring)), false, NOW))
    await expect.poll(() => heard).toEqual(["of a call"])
    // Nothing is acknowledged that is not kept: whoever is restarted now reads it once more.
    expect(link.types()).toEqual([])
    await expect.poll(() => began).toBe(1)
    expect(link.types()).toEqual([])
    isKept()
    await expect.poll(() => link.types()).toContain("acknowledge")
    await comes(pair.survivor.state.sendText("one", NOW))
    const waiting = conversation[Symbol.asyncIterator]()
      .next()
      .then(() => heard.push("a text"))
    await expect.poll(() => conversation.undeliveredEvents.length).toBe(1)
    expect(heard).toEqual(["of a call"])
    isKept()
    await waiting
    expect(heard).toEqual(["of a call", "a text"])
  })

  it("keeps what was heard of a call together with the answer to it, before that is sent", async () => {
    let kept = 0
    const conversation = await staffs({
      keep: () => {
        kept += 1
        return Promise.resolve()
      },
    })
    await told(conversation)
    const ring = { call: new Uint8Array(8), sent: 1000 * NOW, joined: 1000 * NOW, media: mediaOf({ audio: true }), to: [], canRestartIce: true }
    const before = kept
    let keptAtOnce = -1
    conversation.listenToCalls({
      callSignal: () => {
        conversation.sendCallSignal(encodeCall(Ring(ring)))
        keptAtOnce = kept - before
      },
      roomChanged: () => undefined,
      conversationOver: () => undefined,
    })
    await pair.survivor.state.signalCall(encodeCall(Ring(ring)), false, NOW)
    await pair.log.pump()
    link.types()
    pair.log.entries.slice(-1).forEach((entry) => {
      conversation.receive(entry)
    })
    await expect.poll(() => link.sent.length).toBeGreaterThan(0)
    expect(link.types()).toEqual(["acknowledge", "append"])
    expect([keptAtOnce, kept - before]).toEqual([0, 1])
  })

  it("does not acknowledge after the link broke what was read before", async () => {
    const conversation = await staffs({ keep: () => Promise.resolve() })
    await told(conversation)
    const ring = { call: new Uint8Array(8), sent: 1000 * NOW, joined: 1000 * NOW, media: mediaOf({ audio: true }), to: [], canRestartIce: true }
    let isHeard = false
    conversation.listenToCalls({ callSignal: () => (isHeard = true), roomChanged: () => undefined, conversationOver: () => undefined })
    await pair.survivor.state.signalCall(encodeCall(Ring(ring)), false, NOW)
    await pair.log.pump()
    link.types()
    pair.log.entries.slice(-1).forEach((entry) => {
      conversation.receive(entry)
    })
    await expect.poll(() => isHeard).toBe(true)
    conversation.linkIsDown()
    await conversation.act(() => undefined)
    await conversation.act(() => undefined)
    expect(link.types()).toEqual([])
  })

  it("sends nothing that cannot be kept, and stops", async () => {
    let isFull = false
    const conversation = await hers({
      keep: () => (isFull ? Promise.reject(new KeyStoreError("the disk is full")) : Promise.resolve()),
    })
    isFull = true
    await conversation.send("one")
    expect(link.types()).not.toContain("append")
    const [last] = (await told(conversation)).slice(-1)
    expect(last).toMatchObject({ type: "stopped", reason: { message: "the disk is full" } })
  })

  it("takes one thing at a time, however many come at once", async () => {
    const conversation = await hers()
    const ids = await Promise.all(["a", "b", "c", "d"].map((text) => conversation.send(text)))
    expect(new Set(ids.map((id) => id.join())).size).toBe(4)
    const counters = link.sent.map((frame) => (frame.type === "append" ? frame.counter : 0))
    expect(counters).toEqual([...counters].sort((one, other) => one - other))
    expect(new Set(counters).size).toBe(4)
  })

  it("sends what is said while somebody waits for all to be confirmed", async () => {
    const conversation = await hers()
    const sending = conversation.send("one")
    void conversation.confirmed()
    await sending
    await expect.poll(() => link.sent.map(({ type }) => type)).toEqual(["append"])
  })

  it("keeps what is said while the link is down, and sends it when it is back", async () => {
    const conversation = await hers()
    conversation.linkIsDown()
    await conversation.send("meanwhile")
    expect([link.types(), conversation.isConnected]).toEqual([[], false])
    conversation.linkIsUp()
    subscribed()
    await conversation.act(() => undefined)
    // How far it was read is told again, for that may have been lost with the connection.
    expect(link.types()).toEqual(["subscribe", "append", "acknowledge"])
    expect(await types(conversation)).toEqual(["connected", "reconnecting", "connected"])
  })

  it("does not send after a break what was made before it", async () => {
    const conversation = await hers()
    const sending = conversation.send("one")
    conversation.linkIsDown()
    await sending
    expect(link.types()).toEqual([])
  })

  it("sends again what the relay was too busy for", async () => {
    const conversation = await hers()
    await conversation.send("one")
    expect(link.types()).toEqual(["append"])
    const busy = { code: ErrorCode.RATE_LIMITED, detail: "", conversationId: CONVERSATION, counter: 3, retryAfterMs: 1 }
    conversation.receive(ErrorFrame(busy))
    await expect.poll(() => link.sent.map(({ type }) => type)).toEqual(["append"])
  })

  it("forgets everything at once when it is wiped, also what is under way", async () => {
    const conversation = await hers()
    const sending = conversation.send("too late")
    conversation.wipe()
    expect([conversation.isOver, conversation.participants.length]).toEqual([true, 0])
    await expect(sending).rejects.toThrow(ConversationOver)
    expect(link.types()).toEqual(["leave"])
    expect(await types(conversation)).toEqual(["ended"])
    await expect(conversation.send("and later")).rejects.toThrow(ConversationOver)
    expect(kept).toEqual(["over"])
  })

  it("ends for whoever waits when it stops", async () => {
    const conversation = await hers()
    const confirmed = conversation.confirmed()
    await conversation.act(() => {
      conversation.state.giveUp(new LogBroken("an entry is missing"))
    })
    await confirmed
    await expect(conversation.joined()).rejects.toThrow(LogBroken)
    expect((await types(conversation)).at(-1)).toBe("stopped")
  })

  it("stops at a fault of its own rather than guess", async () => {
    const conversation = await hers()
    conversation.receive({ type: "ephemeralEntry" } as never)
    await expect.poll(() => conversation.isOver).toBe(true)
    const last = (await told(conversation)).at(-1)
    expect(last?.type === "stopped" && last.reason).toBeInstanceOf(TeduhError)
  })

  it("asks again for what does not come", async () => {
    const conversation = await hers()
    await conversation.send("one")
    link.types()
    for (let times = 0; times < 3; times += 1) conversation.watch()
    expect(link.types()).toEqual(["subscribe", "subscribe"])
  })
})
