/**
 * Between the tap and the call there is time, in which the ring may end, or somebody else ring. And what the relay gives for
 * a call serves for a while only.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { BrowserCall } from "../../../src/call/media/browserCall.ts"
import { Cancel, EndReason, HangUp } from "../../../src/call/messages.ts"
import { connections, COUNSELOR, giveUpBrowser, makeUpBrowser, MEDIC, question, idle, Talk, THEIR_CALL, tracks } from "../madeUpTalk.ts"

beforeEach(makeUpBrowser)
afterEach(giveUpBrowser)

function made(): readonly [BrowserCall, Talk] {
  const talk = new Talk()
  return [new BrowserCall(talk, { onChange: () => undefined }), talk]
}

const isAnythingOn = (): boolean => tracks.some(({ isOn }) => isOn)

it("goes into the call of somebody who rang while ours was being prepared: both have asked for it", async () => {
  const [call, talk] = made()
  const rung = call.ring()
  await idle()
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
  await idle()
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
  await idle()
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
  await idle()
  expect(isAnythingOn()).toBe(true)
  const now = Date.now()
  await talk.says(COUNSELOR, Cancel({ call: THEIR_CALL, sent: now, joined: now - 2, reason: EndReason.CANCELLED }))
  await talk.answers()
  await accepted
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending?.why).toBe("cancelled")
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
  await idle()
  expect(talk.questions).toHaveLength(1)
  await talk.answers()
  expect(call.view.phase).toBe("calling")
})

it("answers a ring for which the relay had no credentials at first", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  talk.questions.shift()?.fail()
  await idle()
  void call.accept()
  await idle()
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
  await idle()
  talk.questions.shift()?.fail()
  await idle()
  expect(call.view.phase).toBe("in call")
})

it.each(["ring", "accept"] as const)("says that there is no connection while the relay is away, and turns the microphone off: %s", async (what) => {
  const [call, talk] = made()
  if (what === "accept") await talk.rings(COUNSELOR)
  void call[what]()
  await idle()
  expect(isAnythingOn()).toBe(true)
  await vi.advanceTimersByTimeAsync(15_000)
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending?.why).toBe("offline")
  expect(isAnythingOn()).toBe(false)
  // What it would have begun is not begun when the relay is back.
  await talk.answers()
  expect(call.view.phase).toBe("idle")
  expect(isAnythingOn()).toBe(false)
  // Whoever rang has heard of the tap, and hears that it came to nothing.
  expect([talk.said[0], talk.said.at(-1)]).toEqual(what === "accept" ? ["join", "hangUp"] : [undefined, undefined])
})

it("goes on while the relay is away for as long as the connection stands, and no longer", async () => {
  const [call, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await call.accept()
  await talk.connects()
  await vi.advanceTimersByTimeAsync(LONG_MS)
  expect(call.view.phase).toBe("in call")
  connections.at(-1)?.becomes("disconnected")
  await vi.advanceTimersByTimeAsync(30_000)
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending?.why).toBe("lost")
  expect(isAnythingOn()).toBe(false)
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
  await idle()
  await talk.answers()
  expect(talk.said.at(-1)).toBe("ring")
  expect(talk.lastSent - before).toBeGreaterThanOrEqual(LONG_MS)
})

/** She has tapped, and the browser asks her whether the microphone may be used; gives what allows it. */
async function isAsked(call: BrowserCall, talk: Talk): Promise<() => Promise<void>> {
  let allow = (): void => undefined
  question.answered = new Promise<void>((resolve) => (allow = resolve))
  await talk.rings(COUNSELOR)
  await talk.answers()
  void call.accept()
  await idle()
  await talk.connects()
  return async () => {
    allow()
    await idle()
  }
}

it("connects through the TURN server while she looks for the browser's question, and says that nothing is on yet", async () => {
  const [call, talk] = made()
  const allow = await isAsked(call, talk)
  expect(connections).toHaveLength(1)
  expect(talk.said).toEqual(["join"])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(talk.said).toEqual(["join", "mediaState"])
  expect(talk.saysOn).toBe(false)
  expect(isAnythingOn()).toBe(false)
  await allow()
  expect(talk.saysOn).toBe(true)
  expect(isAnythingOn()).toBe(true)
})

it("says nothing of devices that open in time", async () => {
  const [call, talk] = made()
  const allow = await isAsked(call, talk)
  await allow()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(talk.said).toEqual(["join"])
})

it("answers a direct call at once, and looks for a way when a device is open, for until then browsers hide the addresses", async () => {
  const [call, talk] = made()
  talk.relayOnly = false
  question.describes = true
  const allow = await isAsked(call, talk)
  expect(talk.said).toEqual(["join", "description"])
  expect(connections.map(({ isGathering }) => isGathering)).toEqual([false])
  await allow()
  expect(connections.map(({ isGathering }) => isGathering)).toEqual([true])
})

/** Of the two of them, she offers. */
async function rungByMedic(call: BrowserCall, talk: Talk): Promise<void> {
  question.describes = true
  talk.participants = talk.participants.filter(({ leafIndex }) => leafIndex !== COUNSELOR)
  await talk.rings(MEDIC)
  void call.accept()
  await idle()
}

it("answers and offers with the tap, and looks for a way when the relay has said through which servers", async () => {
  const [call, talk] = made()
  await rungByMedic(call, talk)
  expect(call.view.phase).toBe("in call")
  expect(talk.said).toEqual(["join", "description"])
  expect(connections).toMatchObject([{ isGathering: false, configuration: { iceServers: [], iceTransportPolicy: "relay" } }])
  await talk.answers()
  expect(connections).toMatchObject([{ isGathering: true, configuration: { iceServers: [{ username: "name 1" }] } }])
  expect(talk.said).toEqual(["join", "description"])
})

it("makes one connection for whoever rang, also where others are in the room", async () => {
  const [call, talk] = made()
  question.describes = true
  await talk.rings(MEDIC)
  void call.accept()
  await idle()
  expect(talk.said).toEqual(["join", "description"])
  expect(connections).toHaveLength(1)
})

it("hangs up, with nothing on, where the relay allows no calls after all", async () => {
  const [call, talk] = made()
  talk.allowsCalls = false
  await rungByMedic(call, talk)
  expect(isAnythingOn()).toBe(true)
  await talk.answers()
  expect(call.view.phase).toBe("idle")
  expect(call.view.ending?.why).toBe("off")
  expect(talk.said).toEqual(["join", "description", "hangUp"])
  expect(isAnythingOn()).toBe(false)
  expect(connections).toMatchObject([{ isGathering: false, isClosed: true }])
})

it("has a connection ready when somebody answers, which knows no server and looks for no way before", async () => {
  const [call, talk] = made()
  void call.ring()
  await idle()
  expect(connections).toHaveLength(0)
  await talk.answers()
  expect(talk.said).toEqual(["ring"])
  expect(connections).toMatchObject([{ isGathering: false, configuration: { iceServers: [], iceTransportPolicy: "relay" } }])
  question.describes = true
  await talk.takesUp(COUNSELOR)
  expect(talk.said).toEqual(["ring", "description"])
  expect(connections).toMatchObject([{ isGathering: true, configuration: { iceServers: [{ username: "name 1" }], iceTransportPolicy: "relay" } }])
})

it.each(["hangs up", "is declined"])("leaves no connection behind where nobody answers: %s", async (how) => {
  const [call, talk] = made()
  void call.ring()
  await idle()
  await talk.answers()
  if (how === "hangs up") call.hangUp()
  else await talk.isLeft()
  expect(call.view.phase).toBe("idle")
  expect(connections.map(({ isClosed }) => isClosed)).toEqual([true])
})

it("asks the relay while she decides how to ring, and not once more when she does", async () => {
  const [call, talk] = made()
  call.prepare()
  await idle()
  await talk.answers()
  expect(call.view.phase).toBe("idle")
  expect(isAnythingOn()).toBe(false)
  expect(talk.said).toEqual([])
  void call.ring()
  await idle()
  expect(talk.questions).toHaveLength(0)
  expect(talk.said).toEqual(["ring"])
})

it("looks for no way and says nothing while it rings: whoever rings to learn where she is learns nothing", async () => {
  const [, talk] = made()
  await talk.rings(COUNSELOR)
  await talk.answers()
  await talk.goesOn(50_000)
  expect(connections).toHaveLength(0)
  expect(talk.said).toEqual([])
})
