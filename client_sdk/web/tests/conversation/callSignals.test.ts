/** What devices say about calls travels in a conversation: sealed, in order, and only while it is worth it. */

import { beforeEach, expect, it } from "vitest"

import { CallExchange } from "../../src/conversation/callExchange.ts"
import { encodeCall } from "../../src/call/codec.ts"
import { EndReason, HangUp, Heartbeat, Phase, mediaOf } from "../../src/call/messages.ts"
import type { CallSignal, StateEvent } from "../../src/events.ts"
import { concatenate, copyOf } from "../../src/hazmat/bytes.ts"
import { EphemeralEntry } from "../../src/relay/frames.ts"
import { NOW, Pair } from "../scriptedLog.ts"

const CALL = new Uint8Array(8)

function hangUp(sent = NOW): Uint8Array {
  return encodeCall(HangUp({ call: CALL, sent: sent * 1000, joined: sent * 1000, reason: EndReason.HUNG_UP }))
}

function heartbeat(): Uint8Array {
  const media = mediaOf({ audio: true })
  const said = { call: CALL, sent: NOW * 1000, joined: 1, phase: Phase.IN_CALL, media }
  return encodeCall(Heartbeat({ ...said, canRestartIce: true, awaited: [], peers: [] }))
}

function signals(happened: readonly StateEvent[]): CallSignal[] {
  return happened.flatMap((event) => (event.type === "callSignal" ? [event] : []))
}

let pair: Pair
beforeEach(async () => {
  pair = await Pair.talking()
})

it("arrives with its sender in the log", async () => {
  await pair.survivor.state.signalCall(hangUp(), false, NOW)
  await pair.log.pump()
  const [signal] = signals(pair.counselor.collect())
  expect(signal?.sender.isSurvivor).toBe(true)
  expect(signal?.data).toEqual(hangUp())
  expect(signal?.isLive).toBe(true)
})

it("arrives beside the log when it may be lost", async () => {
  const before = pair.log.entries.length
  await pair.counselor.state.signalCall(heartbeat(), true, NOW)
  await pair.log.pump()
  const [signal] = signals(pair.survivor.collect())
  expect(signal?.data).toEqual(heartbeat())
  expect(pair.log.entries.length).toBe(before)
})

it.each(["teduh call 1", "teduh typing 1"])("harms nobody when it is sealed for a leaf at which nobody is: %s", async (label) => {
  // Every member can compute every key of the epoch, those of empty leaves among them.
  const { group } = pair.counselor.state.membership
  if (group === null) throw new Error("there is no group")
  const [leaf, nonce] = [9, new Uint8Array(12)]
  const head = new Uint8Array(12)
  new DataView(head.buffer).setUint32(0, leaf)
  new DataView(head.buffer).setBigUint64(4, BigInt(group.epoch))
  const body = new Uint8Array(1024)
  new DataView(body.buffer).setBigUint64(0, 1n)
  const secret = copyOf(await group.export(label, head.slice(0, 4), 32))
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt"])
  const how = { name: "AES-GCM", iv: nonce, additionalData: concatenate(group.groupId, head) }
  const payload = concatenate(head, nonce, new Uint8Array(await crypto.subtle.encrypt(how, key, body)))
  await pair.survivor.state.receive(EphemeralEntry({ conversationId: pair.survivor.state.conversationId, member: 1, payload }), NOW)
  expect(pair.survivor.collect()).toEqual([])
  expect(pair.survivor.state.isOver).toBe(false)
})

it("is heard beside the log only where it is a heartbeat: a member could speak for another there", async () => {
  for (const data of [hangUp(), new Uint8Array(), Uint8Array.of(0xc1), Uint8Array.of(0x90), heartbeat()])
    await pair.counselor.state.signalCall(data, true, NOW)
  await pair.log.pump()
  expect(signals(pair.survivor.collect()).map(({ data }) => data)).toEqual([heartbeat()])
  expect(pair.survivor.state.isOver).toBe(false)
})

it("says that it waited in the log while we were away", async () => {
  pair.log.disconnect(pair.survivor)
  await pair.counselor.state.signalCall(hangUp(), false, NOW)
  await pair.log.pump()
  await pair.log.connect(pair.survivor)
  expect(signals(pair.survivor.collect()).map(({ isLive }) => isLive)).toEqual([false])
})

it("is not sent when it could not be for a minute", async () => {
  pair.log.disconnect(pair.counselor)
  await pair.counselor.state.signalCall(hangUp(NOW - 61), false, NOW)
  await pair.counselor.state.signalCall(hangUp(NOW - 59), false, NOW)
  await pair.log.connect(pair.counselor)
  await pair.log.pump()
  expect(signals(pair.survivor.collect()).map(({ data }) => data)).toEqual([hangUp(NOW - 59)])
})

it("is told to whoever begins to listen, and so are the room and the end", () => {
  const [sender] = pair.survivor.state.participants
  if (sender === undefined) throw new Error("nobody is there")
  const exchange = new CallExchange()
  const heard: string[] = []
  exchange.hear({ type: "callSignal", sender, data: Uint8Array.of(7), isLive: true })
  exchange.listen({
    callSignal: (_, data, isLive) => heard.push(`${data.join()} ${String(isLive)}`),
    roomChanged: () => heard.push("room"),
    conversationOver: () => heard.push("over"),
  })
  exchange.hear({ type: "callSignal", sender, data: Uint8Array.of(8), isLive: false })
  exchange.hear({ type: "left", participant: sender })
  exchange.hear({ type: "ended", by: null, unsent: [] })
  expect(heard).toEqual(["7 true", "8 false", "room", "over"])
})
