/** The relay's storage is away for a while: what does her page send? */
import { expect, it, vi, afterEach } from "vitest"

import { Conversation } from "../../src/conversation/conversation.ts"
import { ErrorCode, ErrorFrame, Hello, Subscribed, type ClientFrame } from "../../src/relay/frames.ts"
import type { Answer, RelayLink } from "../../src/net/relayLink.ts"
import { CONVERSATION, Pair } from "../scriptedLog.ts"

const limits = { frameBytes: 262_144, payloadBytes: 131_072, subscriptions: 64, appendsInFlight: 32, heartbeatSeconds: 20 }

afterEach(() => {
  vi.useRealTimers()
})

it.each([2, 3, 5])("does not send more and more while the relay answers `unavailable` to %i messages", async (messages) => {
  const pair = await Pair.talking()
  const perSecond: number[] = [0]
  let given: (answer: Answer) => void = () => undefined
  const link = {
    hello: Hello({ version: 1, nonce: new Uint8Array(32), time: 0, limits }),
    send(frame: ClientFrame): void {
      if (frame.type !== "append") return
      perSecond.push((perSecond.pop() ?? 0) + 1)
      // As refused_append.py answers each append that the store did not answer.
      const { conversationId, counter } = frame
      const error = ErrorFrame({ code: ErrorCode.UNAVAILABLE, detail: "", conversationId, counter, retryAfterMs: 500 })
      setTimeout(() => {
        conversation.receive(error)
      }, 20)
    },
    question(make: (ref: number) => ClientFrame, answer: (answer: Answer) => void): void {
      make(1)
      given = answer
    },
  }
  const conversation: Conversation = new Conversation(pair.survivor.state, link as unknown as RelayLink, {
    resume: (one) => { one.subscribe(); },
    over: () => undefined,
  })
  conversation.linkIsUp()
  const lastSeq = pair.log.entries.length
  const { counter, number: member } = pair.survivor
  given(Subscribed({ ref: 1, conversationId: CONVERSATION, epoch: pair.log.epoch, firstSeq: 1, lastSeq, counter, member }))
  await conversation.act(() => undefined)
  vi.useFakeTimers()
  for (let i = 0; i < messages; i += 1) await conversation.send(`help ${i}`)
  for (let second = 0; second < 7; second += 1) {
    for (let step = 0; step < 50; step += 1) await vi.advanceTimersByTimeAsync(20)
    perSecond.push(0)
    if (perSecond.reduce((a, b) => a + b) > 30_000) break
  }
  expect(Math.max(...perSecond)).toBeLessThanOrEqual(4 * messages)
}, 60_000)
