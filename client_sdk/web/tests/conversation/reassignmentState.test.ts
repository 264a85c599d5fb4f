/** A counselor's device is gone; the survivor's device lets in another, at a log in memory. */

import { beforeEach, expect, it } from "vitest"

import { NotTrusted, RosterNotAdmitted } from "../../src/errors.ts"
import type { StateEvent } from "../../src/events.ts"
import type { KeyPackageBundle } from "../../src/mls/keyPackageBundle.ts"
import { EntryKind, ErrorCode, ErrorFrame, KeyPackage, QueuePosition, StaffReachable, type Append } from "../../src/relay/frames.ts"
import { CONVERSATION, NOW, Pair, TestOrganisation, type Seat, type StaffDevice } from "../scriptedLog.ts"

const conversationId = CONVERSATION
let pair: Pair
let dewi: StaffDevice
let bundle: KeyPackageBundle

beforeEach(async () => {
  pair = await Pair.talking()
  dewi = await pair.organisation.staff("Dewi")
  bundle = await dewi.keyPackage()
})

function types(happened: readonly StateEvent[]): string[] {
  return happened.map(({ type }) => type)
}

function texts(happened: readonly StateEvent[]): string[] {
  return happened.flatMap((event) => (event.type === "textReceived" ? [event.text] : []))
}

async function found(device: StaffDevice = dewi, { keyPackage }: KeyPackageBundle = bundle): Promise<void> {
  const { deviceId } = await device.who()
  await pair.survivor.state.receiveCandidate(KeyPackage({ ref: 1, deviceId, keyPackage }), NOW)
}

async function lose(): Promise<void> {
  pair.log.disconnect(pair.counselor)
  await pair.survivor.state.receive(StaffReachable({ conversationId, reachable: false }), NOW)
}

async function newcomer(): Promise<Seat> {
  const state = dewi.state([bundle])
  const welcome = pair.log.entries.findLast(({ kind }) => kind === EntryKind.WELCOME)
  state.startAfter((welcome?.seq ?? 0) - 1)
  const seat = pair.log.seat(state, 2)
  await pair.log.connect(seat)
  await pair.log.pump()
  return seat
}

function lastCommit(): Append | undefined {
  const commits = pair.survivor.sent.filter((frame) => frame.type === "append")
  return commits.findLast(({ kind }) => kind === EntryKind.COMMIT)
}

it("tells once that nobody can be reached, and that somebody can again by the relay's word or a member's", async () => {
  await lose()
  await lose()
  expect(types(pair.survivor.collect())).toEqual(["staffUnreachable"])
  await pair.log.connect(pair.counselor)
  await pair.counselor.state.sendText("I was only slow", NOW)
  await pair.log.pump()
  expect(types(pair.survivor.collect())).toEqual(["staffReachable", "textReceived"])
})

it("finds somebody while a refresh of her keys is on its way", async () => {
  await lose()
  await pair.survivor.state.change({ type: "refresh" }, NOW)
  expect(pair.survivor.state.membership.pending).not.toBeNull()
  await pair.survivor.state.setReassignment(true, NOW)
  await found()
  await pair.survivor.state.admitCandidate(NOW)
  await pair.log.pump()
  await newcomer()
  expect(pair.survivor.state.participants.map(String)).toEqual(["Dewi (counselor)", "survivor"])
})

it("says again to whoever comes what had reached nobody, and what was kept for her", async () => {
  await pair.survivor.state.sendText("heard by Sari", NOW)
  await pair.log.pump()
  await lose()
  await pair.survivor.state.sendText("one", NOW)
  await pair.log.pump()
  await pair.survivor.state.setReassignment(true, NOW)
  await pair.survivor.state.sendText("two", NOW)
  await pair.log.pump()
  expect(pair.survivor.state.isConfirmed).toBe(false)
  await found()
  const asked = pair.survivor.collect().find((event) => event.type === "reassignmentFound")
  expect(asked?.participant.toString()).toBe("Dewi (counselor)")
  expect(pair.survivor.state.participants).toHaveLength(2)
  await pair.survivor.state.admitCandidate(NOW)
  await pair.log.pump()
  expect(lastCommit()).toMatchObject({ added: [(await dewi.who()).deviceId], removed: [(await pair.device.who()).deviceId] })
  expect(pair.survivor.state.participants.map(({ name }) => name)).toEqual(["Dewi", null])
  expect(texts((await newcomer()).collect())).toEqual(["one", "two"])
})

it("takes nobody out who is there again when she says yes", async () => {
  await lose()
  await pair.survivor.state.setReassignment(true, NOW)
  await found()
  await pair.survivor.state.receive(StaffReachable({ conversationId, reachable: true }), NOW)
  await pair.log.connect(pair.counselor)
  await pair.survivor.state.admitCandidate(NOW)
  await pair.log.pump()
  expect(pair.counselor.state.participants.map(({ name }) => name)).toEqual(["Sari", null, "Dewi"])
})

it("lets nobody in when the lease has ended, by the relay's queue or by its refusal", async () => {
  const { state } = pair.survivor
  await lose()
  await state.setReassignment(true, NOW)
  await found()
  state.takeEvents()
  await state.receive(QueuePosition({ conversationId, position: 1, leastSeconds: null, mostSeconds: null }), NOW)
  await state.admitCandidate(NOW)
  expect(types(state.takeEvents())).toEqual(["waiting", "reassignmentLapsed"])
  await found()
  await state.admitCandidate(NOW)
  const [commit] = state.takeFrames().filter((frame) => frame.type === "append")
  const counter = commit?.counter ?? 0
  await state.receive(ErrorFrame({ code: ErrorCode.NOT_PERMITTED, detail: "", conversationId, counter }), NOW)
  expect(types(state.takeEvents())).toEqual(["reassignmentFound", "reassignmentLapsed"])
  expect(state.membership.pending).toBeNull()
  // The counter is free: what she says next takes it.
  await state.setReassignment(false, NOW)
  await state.sendText("still here", NOW)
  expect(state.takeFrames()).toMatchObject([{ type: "append", counter }])
})

it("refuses a key package of another device, of another organisation, and of who is in the room", async () => {
  await lose()
  await pair.survivor.state.setReassignment(true, NOW)
  const eve = await pair.organisation.staff("Eve")
  await expect(found(dewi, await eve.keyPackage())).rejects.toThrow(NotTrusted)
  const stranger = await (await TestOrganisation.make()).staff("Dewi")
  await expect(found(stranger, await stranger.keyPackage())).rejects.toThrow(RosterNotAdmitted)
  await expect(found(pair.device, await pair.device.keyPackage())).rejects.toThrow(RosterNotAdmitted)
  expect(pair.survivor.state.isOver).toBe(false)
  // What was thrown away harms nothing.
  await found()
  expect(types(pair.survivor.collect())).toContain("reassignmentFound")
})
