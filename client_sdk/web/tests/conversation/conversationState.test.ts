/** Two and three people at a log in memory: what they hear, and what a dishonest relay or colleague achieves. */

import { beforeEach, describe, expect, it, vi } from "vitest"

import { AuthenticationService } from "../../src/trust/authenticationService.ts"
import { encodeMessage } from "../../src/chat/codec.ts"
import { Referral, Text } from "../../src/chat/messages.ts"
import { signToken } from "../../src/credentials/jsonWebToken.ts"
import { LogBroken, MessageTooLong, RequestUnusable, RosterNotAdmitted, WrongConversation } from "../../src/errors.ts"
import type { StateEvent } from "../../src/events.ts"
import { HandOverNotes } from "../../src/conversation/handOverNotes.ts"
import { MlsGroup } from "../../src/mls/group.ts"
import type { MlsProposal } from "../../src/mls/group.ts"
import { CLASSIC_SUITE } from "../../src/mls/suites.ts"
import { Accepted, Append, EntryKind, type Entry } from "../../src/relay/frames.ts"
import { authenticatedCounter } from "../../src/group/senderOrder.ts"
import { ConversationState } from "../../src/conversation/conversationState.ts"
import { verifyRoom } from "../../src/group/room.ts"
import { authorityStatement, CONVERSATION, NOW, Pair, ScriptedLog, type Seat } from "../scriptedLog.ts"

const DAY = 24 * 3600

function texts(happened: readonly StateEvent[]): string[] {
  return happened.flatMap((event) => (event.type === "textReceived" ? [event.text] : []))
}

function types(happened: readonly StateEvent[]): string[] {
  return happened.map(({ type }) => type)
}

/** Why this member stopped; nothing may be sent after it. */
function reasonToStop(seat: Seat): Error {
  const stopped = seat.collect().filter((event) => event.type === "stopped")
  expect(stopped).toHaveLength(1)
  expect(seat.state.isOver).toBe(true)
  expect(seat.state.participants).toEqual([])
  expect(seat.state.takeFrames()).toEqual([])
  return stopped[0]?.reason ?? new Error("it did not stop")
}

/** A counselor whose device does whatever MLS allows, past all rules of the SDK. */
class DishonestStaff {
  #group: MlsGroup

  constructor(readonly pair: Pair) {
    const { group } = pair.counselor.state.membership
    if (group === null) throw new Error("there is no group")
    this.#group = group
    // The honest half of the device does not hear of it.
    pair.counselor.isConnected = false
  }

  async commit(...proposals: MlsProposal[]): Promise<void> {
    const counter = this.pair.counselor.counter + 1
    const commit = await this.#group.commit(proposals, { authenticatedData: authenticatedCounter(counter), now: NOW })
    this.#group = commit.group
    await this.#append(counter, EntryKind.COMMIT, commit.message, commit.welcome ?? null)
  }

  async say(text: string, kind: 0 | 1 = EntryKind.MESSAGE): Promise<void> {
    const counter = this.pair.counselor.counter + 1
    const id = new Uint8Array(16)
    const data = encodeMessage(Text({ id, sent: NOW, text }))
    const sealed = await this.#group.protect(data, { authenticatedData: authenticatedCounter(counter) })
    this.#group = sealed.group
    await this.#append(counter, kind, sealed.message, null)
  }

  async #append(counter: number, kind: 0 | 1, payload: Uint8Array, welcome: Uint8Array | null): Promise<void> {
    const { log, counselor } = this.pair
    const append = Append({ conversationId: CONVERSATION, counter, kind, epoch: log.epoch, payload, welcome })
    await log.append(counselor, append)
    await log.pump()
  }
}

let pair: Pair

beforeEach(async () => {
  pair = await Pair.talking()
})

describe("two people", () => {
  it("hear each other in order, and learn what became of what they said", async () => {
    const { survivor, counselor, log } = pair
    const first = await survivor.state.sendText("He is not here now.", NOW)
    await survivor.state.sendText("But soon.", NOW)
    await log.pump()
    expect(texts(counselor.collect())).toEqual(["He is not here now.", "But soon."])
    await counselor.state.markRead(first, NOW)
    await log.pump()
    expect(types(survivor.collect())).toEqual(["sent", "sent", "delivered", "delivered", "read"])
    expect(survivor.state.isConfirmed && counselor.state.isConfirmed).toBe(true)
  })

  it("tell of a service as it was found, and learn that it came", async () => {
    const { survivor, counselor, log } = pair
    const id = new Uint8Array(16).fill(7)
    const of = { id, sent: NOW, service: "Rumah", kind: "shelter", contact: "129", serviceId: new Uint8Array(16), directoryVersion: NOW }
    await counselor.state.say(Referral(of), NOW)
    await log.pump()
    expect(survivor.collect()).toMatchObject([{ type: "messageReceived", message: { type: "referral", ...of } }])
    expect(counselor.collect()).toMatchObject([
      { type: "sent", messageId: id },
      { type: "delivered", messageId: id },
    ])
  })

  it("see each other type, and an old notice is not shown again", async () => {
    const { survivor, counselor, log } = pair
    const seen: Entry[] = []
    await survivor.state.type(true, NOW)
    await log.pump()
    expect(counselor.collect()).toMatchObject([{ type: "typingSeen", active: true }])
    const notice = survivor.sent.findLast((frame) => frame.type === "ephemeral")
    if (notice === undefined) throw new Error("no notice was sent")
    const again = { type: "ephemeralEntry", conversationId: CONVERSATION, member: 0, payload: notice.payload } as const
    await counselor.state.receive(again, NOW)
    expect([...counselor.collect(), ...seen]).toEqual([])
  })

  it("part when she leaves: all keys are gone on both sides", async () => {
    const { survivor, counselor, log } = pair
    await survivor.state.leave(NOW)
    await log.pump()
    survivor.state.wipe()
    expect(types(counselor.collect())).toEqual(["left", "ended"])
    expect([survivor.state.isOver, counselor.state.isOver]).toEqual([true, true])
    expect(counselor.state.membership.group).toBeNull()
  })

  it("cannot say what is too long", async () => {
    await expect(pair.survivor.state.sendText("x".repeat(8001), NOW)).rejects.toThrow(MessageTooLong)
  })

  it("lose nothing and repeat nothing when answers and connections are lost", async () => {
    const { survivor, counselor, log } = pair
    log.losesAnswers = true
    await survivor.state.sendText("one", NOW)
    await log.pump()
    log.disconnect(survivor)
    await survivor.state.sendText("two", NOW)
    log.losesAnswers = false
    await counselor.state.sendText("meanwhile", NOW)
    await log.pump()
    await log.connect(survivor)
    await log.pump()
    expect(texts(counselor.collect())).toEqual(["one", "two"])
    expect(texts(survivor.collect())).toEqual(["meanwhile"])
    expect(survivor.state.isConfirmed).toBe(true)
  })
})

describe("a colleague", () => {
  it("whom she accepted comes in, talks and goes", async () => {
    const medic = await pair.organisation.staff("Dewi", "medic")
    const seat = await pair.addInvited(medic)
    expect(pair.survivor.state.participants.map(String)).toEqual(["Sari (counselor)", "survivor", "Dewi (medic)"])
    await seat.state.sendText("Hello", NOW)
    await pair.log.pump()
    expect(texts(pair.survivor.collect())).toEqual(["Hello"])
    await seat.state.leave(NOW)
    await pair.log.pump()
    expect(pair.survivor.state.participants.map(String)).toEqual(["Sari (counselor)", "survivor"])
    expect(pair.survivor.state.epoch).toBe(5)
  })

  it("and another who change the group at once: one of them is first, the other tries again", async () => {
    const other = await pair.addInvited(await pair.organisation.staff("Budi"))
    const { counselor, survivor, log } = pair
    await counselor.state.change({ type: "refresh" }, NOW)
    await other.state.change({ type: "removeMember", deviceKey: pair.device.signer.publicKey }, NOW)
    await survivor.state.sendText("in between", NOW)
    await log.pump()
    const lost = [...counselor.collect(), ...other.collect()].filter(({ type }) => type === "commitLost")
    expect(lost).toHaveLength(1)
    expect([counselor, other, survivor].map(({ state }) => state.epoch)).toEqual([5, 5, 5])
    await other.state.sendText("all well", NOW)
    await log.pump()
    expect(texts(survivor.collect())).toEqual(["all well"])
  })

  it("whom she did not accept is refused, and all stops", async () => {
    const ghost = await pair.organisation.staff("Budi", "supervisor")
    await new DishonestStaff(pair).commit({ add: (await ghost.keyPackage()).keyPackage })
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("whom she declined is refused", async () => {
    const budi = await pair.organisation.staff("Budi", "supervisor")
    await pair.accept(budi, false)
    await new DishonestStaff(pair).commit({ add: (await budi.keyPackage()).keyPackage })
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("on another device than the one she accepted is refused, even under the same name", async () => {
    const [accepted, other] = [await pair.organisation.staff("Budi"), await pair.organisation.staff("Budi")]
    await pair.accept(accepted)
    await new DishonestStaff(pair).commit({ add: (await other.keyPackage()).keyPackage })
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("of another organisation is refused, accepted or not", async () => {
    const stranger = await (await Pair.talking()).organisation.staff("Eve", "medic")
    await pair.accept(stranger)
    await new DishonestStaff(pair).commit({ add: (await stranger.keyPackage()).keyPackage })
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("who is revoked in the middle of it ends it", async () => {
    await pair.organisation.revoke("staff-Sari")
    await pair.survivor.state.lookAgain(NOW)
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("who is revoked between her yes and the relay's is not let in", async () => {
    const budi = await pair.organisation.staff("Budi", "medic")
    const { keyPackage } = await budi.keyPackage()
    const { deviceId } = await budi.who()
    await pair.survivor.state.setReassignment(true, NOW)
    await pair.survivor.state.receiveCandidate({ type: "keyPackage", ref: 1, deviceId, keyPackage }, NOW)
    await pair.survivor.state.admitCandidate(NOW)
    await pair.organisation.revoke("staff-Budi")
    await pair.survivor.state.lookAgain(NOW)
    await pair.log.pump()
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("who is revoked while the relay is asked is let in by no counselor either", async () => {
    const budi = await pair.organisation.staff("Budi", "medic")
    await pair.accept(budi)
    const { published: keyPackage } = await budi.keyPackage()
    await pair.counselor.state.change({ type: "addMember", keyPackage, byCapability: false }, NOW)
    await pair.organisation.revoke("staff-Budi")
    await pair.counselor.state.lookAgain(NOW)
    await pair.log.pump()
    expect(reasonToStop(pair.counselor)).toBeInstanceOf(RosterNotAdmitted)
  })
})

describe("a dishonest relay", () => {
  async function say(...lines: string[]): Promise<void> {
    for (const line of lines) {
      await pair.counselor.state.sendText(line, NOW)
      await pair.log.pump()
    }
  }

  it("that withholds an entry and renumbers the rest is found out by the next one", async () => {
    let withheld = 0
    pair.survivor.tamper = (entry) => {
      withheld ||= entry.seq
      return entry.seq === withheld ? [] : [{ ...entry, seq: entry.seq - 1 }]
    }
    await say("one", "two")
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(LogBroken)
  })

  it("that renumbers the sender's count is found out at once", async () => {
    pair.survivor.tamper = (entry) => [{ ...entry, counter: entry.counter + 1 }]
    await say("one")
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(LogBroken)
  })

  it("that repeats an entry under a new place achieves nothing but a note", async () => {
    await say("one")
    const last = pair.log.entries.at(-1)
    if (last === undefined) throw new Error("the log is empty")
    pair.survivor.collect()
    await pair.survivor.state.receive({ ...last, seq: pair.survivor.state.cursor + 1 }, NOW)
    expect(types(pair.survivor.collect())).not.toContain("textReceived")
  })

  it("that changes a ciphertext is heard as something unreadable, and nothing of it is shown", async () => {
    pair.survivor.tamper = (entry) => {
      const payload = entry.payload.slice()
      payload[payload.length - 1] = (payload.at(-1) ?? 0) ^ 1
      return [{ ...entry, payload }]
    }
    await say("one")
    expect(types(pair.survivor.collect())).toEqual(["messageRefused"])
  })

  it("that sells a message for a commit is refused", async () => {
    await new DishonestStaff(pair).say("I am no commit", EntryKind.COMMIT)
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(RosterNotAdmitted)
  })

  it("that accepts what was never sent is refused", async () => {
    await pair.survivor.state.receive({ type: "accepted", conversationId: CONVERSATION, counter: 99, seq: 99 }, NOW)
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(LogBroken)
  })

  it("that has forgotten entries is refused", async () => {
    pair.log.disconnect(pair.survivor)
    pair.log.entries.length = 1
    await pair.log.connect(pair.survivor)
    expect(reasonToStop(pair.survivor)).toBeInstanceOf(LogBroken)
  })

  it("that leads her into another group than she asked for is refused", async () => {
    const { state, bundle } = await pair.organisation.survivor()
    const group = await MlsGroup.create(CLASSIC_SUITE, new Uint8Array(16).fill(9), pair.device.identity)
    const { welcome } = await group.commit([{ add: bundle.keyPackage }], { now: NOW })
    const seat = pair.log.seat(state, 0)
    const entry = pair.log.entries.find(({ kind }) => kind === EntryKind.WELCOME)
    if (entry === undefined || welcome === undefined) throw new Error("there is no Welcome")
    await state.receive({ ...entry, seq: 1, payload: welcome }, NOW)
    expect(reasonToStop(seat)).toBeInstanceOf(WrongConversation)
  })
})

describe("a request that somebody takes and cannot answer", () => {
  /** She has asked, and somebody has taken it and has a group for it; nothing is in the log yet. */
  async function taken() {
    const { organisation } = pair
    const { state, bundle } = await organisation.survivor()
    const log = new ScriptedLog()
    const survivor = log.seat(state, 0)
    await log.connect(survivor)
    const device = await organisation.staff("Sari")
    const counselor = log.seat(device.state(), 1)
    counselor.isConnected = true
    const group = await MlsGroup.create(CLASSIC_SUITE, CONVERSATION, device.identity)
    return { log, survivor, counselor, group, bundle }
  }

  it("is told to her: it leaves the queue by a commit that adds nobody, and nobody will ever come", async () => {
    const { log, survivor, counselor, group } = await taken()
    const { message: payload } = await group.commit([], { authenticatedData: authenticatedCounter(1), now: NOW })
    await log.append(counselor, Append({ conversationId: CONVERSATION, counter: 1, kind: EntryKind.COMMIT, epoch: 0, payload }))
    expect(survivor.collect()).toEqual([])
    // What does not come is asked for again.
    expect(survivor.state.waitingFor).not.toBeNull()
    await log.connect(survivor)
    expect(reasonToStop(survivor)).toBeInstanceOf(RequestUnusable)
  })

  it("is not taken for one whose Welcome takes long on its way", async () => {
    const { log, survivor, counselor, group, bundle } = await taken()
    survivor.tamper = (entry) => (entry.kind === EntryKind.WELCOME ? [] : [entry])
    const change = { type: "addMember", keyPackage: bundle.published, byCapability: true } as const
    await counselor.state.create(group, 1, change, NOW)
    await log.pump()
    expect(survivor.state.waitingFor).not.toBeNull()
    await log.connect(survivor)
    expect(survivor.collect()).toEqual([])
    survivor.tamper = (entry) => [entry]
    await log.connect(survivor)
    expect(types(survivor.collect())).toEqual(["joined"])
  })
})

describe("a survivor whose browser cannot call", () => {
  const told = (seat: Seat): boolean[] =>
    seat.collect().flatMap((event) => (event.type === "callsUnsupported" ? [event.participant.isSurvivor] : []))

  it("says so once to whoever comes", async () => {
    const without = await Pair.talking(undefined, false)
    const medic = await without.addInvited(await without.organisation.staff("Maya", "medic"))
    expect(told(medic)).toEqual([true])
    await without.counselor.state.change({ type: "refresh" }, NOW)
    await without.log.pump()
    expect([told(medic), told(without.survivor)]).toEqual([[], []])
  })

  it("is not taken for one where nothing is said of it", async () => {
    expect(told(await pair.addInvited(await pair.organisation.staff("Maya", "medic")))).toEqual([])
  })
})

describe("a revocation list that has become too old as somebody comes to her", () => {
  /** She goes by a list of the day before yesterday; `signAnew` brings today's, which revokes these. */
  async function comingTo() {
    const { organisation } = pair
    const { root, id } = organisation
    const service = AuthenticationService.of({ id, name: "Rumah Aman", rootPublicKey: root.publicKey })
    const list = (iat: number, version: number, subjects: readonly string[]): Promise<string> => {
      const claims = { iss: id, iat, exp: iat + DAY, version, statements: [], subjects, devices: [] }
      return signToken("teduh-revocations+jwt", claims, root)
    }
    const authority = await authorityStatement(id, root)
    await service.adoptRevocations({ list: await list(NOW - 3 * DAY, 1, []), authority }, NOW - 3 * DAY)
    const { bundle } = await organisation.survivor()
    const identity = { signatureKey: bundle.signer.publicKey, isSurvivor: true, bundles: [bundle] }
    const log = new ScriptedLog()
    const survivor = log.seat(new ConversationState(CONVERSATION, identity, verifyRoom(service)), 0)
    await log.connect(survivor)
    const device = await organisation.staff("Sari")
    const counselor = log.seat(device.state(), 1)
    counselor.isConnected = true
    const group = await MlsGroup.create(CLASSIC_SUITE, CONVERSATION, device.identity)
    const change = { type: "addMember", keyPackage: bundle.published, byCapability: true } as const
    await counselor.state.create(group, 1, change, NOW)
    await counselor.state.sendText("Good evening.", NOW)
    await log.pump()
    const signAnew = async (...revoked: readonly string[]): Promise<void> => {
      await service.adoptRevocations({ list: await list(NOW, 2, revoked) }, NOW)
      await survivor.state.lookAgain(NOW)
      await log.pump()
    }
    return { log, survivor, signAnew }
  }

  it("lets nobody in, and keeps her waiting", async () => {
    const { survivor } = await comingTo()
    expect(survivor.collect()).toEqual([])
    expect(survivor.state.isOver).toBe(false)
    expect(survivor.state.participants).toEqual([])
    // Nothing is missing from the log, so that it is not given up for that.
    expect(survivor.state.waitingFor).toBeNull()
  })

  it("and is signed anew lets in who came, also after a break", async () => {
    const { log, survivor, signAnew } = await comingTo()
    log.disconnect(survivor)
    await log.connect(survivor)
    await log.pump()
    expect(survivor.collect()).toEqual([])
    await signAnew()
    const [joined, ...rest] = survivor.collect()
    expect(joined).toMatchObject({ type: "joined", participant: { name: "Sari" } })
    expect(texts(rest)).toEqual(["Good evening."])
  })

  it("and revokes who came once it is signed anew ends it", async () => {
    const { survivor, signAnew } = await comingTo()
    await signAnew("staff-Sari")
    expect(reasonToStop(survivor)).toBeInstanceOf(RosterNotAdmitted)
  })
})

describe("a console that is opened again", () => {
  it("writes the group once for a text, for that it is accepted changes the queue alone", async () => {
    const { state } = pair.counselor
    const before = state.save().membership.group
    const written = vi.spyOn(MlsGroup.prototype, "toBytes")
    await state.sendText("once", NOW)
    const [append] = state.takeFrames()
    if (append?.type !== "append") throw new Error("nothing was sent")
    const queued = state.save()
    const { conversationId, cursor } = state
    await state.receive(Accepted({ conversationId, counter: append.counter, seq: cursor + 1 }), NOW)
    const accepted = state.save()
    expect(state.isConfirmed).toBe(true)
    expect(queued.membership.group).not.toEqual(before)
    expect(accepted.membership.group).toEqual(queued.membership.group)
    expect(written).toHaveBeenCalledTimes(1)
    written.mockRestore()
  })

  it("goes on from what was kept: nothing is lost, no key is used twice", async () => {
    const { counselor, survivor, log, device, organisation } = pair
    await counselor.state.sendText("before", NOW)
    const kept = counselor.state.save()
    log.disconnect(counselor)
    await survivor.state.sendText("are you there?", NOW)
    await log.pump()
    const state = await ConversationState.restore(kept, device.signer, verifyRoom(organisation.service), new HandOverNotes(), NOW)
    const again = log.seat(state, 1)
    again.counter = counselor.counter
    await log.connect(again)
    await log.pump()
    expect(texts(survivor.collect())).toEqual(["before"])
    expect(texts(again.collect())).toEqual(["are you there?"])
    await again.state.sendText("yes", NOW)
    await log.pump()
    expect(texts(survivor.collect())).toEqual(["yes"])
  })

  it("does not go on from an older record, for the relay would take what is said next for a repetition", async () => {
    const { log, survivor, counselor } = pair
    const older = counselor.state.save()
    await counselor.state.sendText("we have a place for you", NOW)
    await log.pump()
    log.disconnect(counselor)
    const { signer } = pair.device
    const verify = verifyRoom(pair.organisation.service)
    const state = await ConversationState.restore(older, signer, verify, new HandOverNotes(), NOW)
    await state.sendText("come at six", NOW)
    const again = log.seat(state, counselor.number)
    again.counter = counselor.counter
    await log.connect(again)
    await log.pump()
    expect(reasonToStop(again)).toBeInstanceOf(LogBroken)
    expect(texts(survivor.collect())).toEqual(["we have a place for you"])
  })

  it("does not go on in a room that does not pass any more", async () => {
    const { counselor, device, organisation } = pair
    const kept = counselor.state.save()
    await organisation.revoke("staff-Sari")
    const verify = verifyRoom(organisation.service)
    await expect(ConversationState.restore(kept, device.signer, verify, new HandOverNotes(), NOW)).rejects.toThrow(RosterNotAdmitted)
  })
})
