/** What the desk keeps, reads and counts, with a made-up SDK behind it. */

import { describe, expect, it, vi } from "vitest"

import { Cabinet } from "../../../../apps/console/door/cabinet.ts"
import { Desk, type StaffSide } from "../../../../apps/console/desk/desk.ts"
import { newTalk, type DeskState } from "../../../../apps/console/desk/deskState.ts"
import {
  RelayLost,
  ColleagueAbsent,
  ConversationForgotten,
  DeviceNotProven,
  InvitationDeclined,
  MemoryKeyStore,
  NotYetValid,
  Participant,
  RosterNotAdmitted,
  TeduhError,
  type Conversation,
  type Event,
  type OpenOffer,
  type QueueListing,
  type Shift,
} from "../../../../src/index.ts"
import { ErrorCode } from "../../../../src/relay/frames.ts"
import { EventQueue } from "../../../../src/conversation/eventQueue.ts"

const ID = new Uint8Array(16).fill(7)
const NAME = "07".repeat(16)
const HER = new Participant(0, new Uint8Array([1]), new Uint8Array([1]), null, "survivor")
const BUDI = new Participant(2, new Uint8Array([3]), new Uint8Array([3]), "Budi", "counselor")
const MAYA = { deviceId: new Uint8Array([5]), name: "Maya", role: "medic", languages: [], skills: [], availability: 2, load: 0 } as const
const INVITATION = { type: "invitation", id: ID, sent: 1, deviceId: MAYA.deviceId, name: "Maya", role: "medic", reason: "" } as const
const ME = new Participant(1, new Uint8Array([2]), new Uint8Array([2]), "Sari", "counselor")

/** A conversation that tells what it is given, and remembers what it was asked to do. */
function madeUpConversation(participants: readonly Participant[] = [HER, ME]) {
  const undeliveredEvents = new EventQueue(() => undefined)
  const tell = (event: Event): void => {
    undeliveredEvents.put(event)
  }
  const conversation = {
    id: ID,
    participants,
    me: ME,
    isConnected: true,
    isOver: false,
    listenToCalls: () => undefined,
    request: { details: { need: "legal", language: "id", preferredGender: null, region: null, urgency: 1 }, waitedSeconds: 60 },
    send: vi.fn(() => Promise.resolve(new Uint8Array([9]))),
    refer: vi.fn<Conversation["refer"]>(() => Promise.resolve()),
    end: vi.fn(() => Promise.resolve()),
    leave: vi.fn(() => Promise.resolve()),
    invite: vi.fn<Conversation["invite"]>(() => Promise.resolve(HER)),
    addInvited: vi.fn<Conversation["addInvited"]>(() => Promise.resolve(HER)),
    inviteFromQueue: vi.fn<Conversation["inviteFromQueue"]>(() => Promise.resolve(HER)),
    handOver: vi.fn<Conversation["handOver"]>(() => Promise.resolve(HER)),
    [Symbol.asyncIterator]: () => ({
      next: () => undeliveredEvents.next(),
      return: () => {
        undeliveredEvents.letGo()
        return Promise.resolve({ done: true, value: undefined })
      },
    }),
  }
  const isOver = (): void => void (conversation.isOver = true)
  return { conversation: conversation as unknown as Conversation, isOver, tell, undeliveredEvents, send: conversation.send, refer: conversation.refer, end: conversation.end, leave: conversation.leave, handOver: conversation.handOver, invite: conversation.invite, addInvited: conversation.addInvited, inviteFromQueue: conversation.inviteFromQueue }
}

/** A store whose first writing waits for `write`; `put` counts. */
function slowStore() {
  const store = new MemoryKeyStore()
  let write = (): void => undefined
  const disk = new Promise<void>((resolve) => (write = resolve))
  const put = vi.fn(async (name: string, value: Uint8Array) => {
    await disk
    await store.put(name, value)
  })
  const slow = {
    get: store.get.bind(store),
    delete: store.delete.bind(store),
    names: store.names.bind(store),
    getKey: store.getKey.bind(store),
    putKey: store.putKey.bind(store),
    put,
  }
  return { cabinet: new Cabinet(slow), slow, put, write }
}

type Listing = (news: Pick<QueueListing, "waiting" | "requests">) => void
type Offers = (offers: readonly OpenOffer[]) => void

function madeUpStaff(claimed: Conversation, kept: readonly Conversation[] = [], lost: readonly Conversation[] = []) {
  const said: string[] = []
  const say = (what: string): Promise<void> => {
    said.push(what)
    return Promise.resolve()
  }
  const news: { list: Listing; offer: Offers; shift: Shift | null; claimed: Conversation } = {
    claimed,
    list: () => undefined,
    offer: () => undefined,
    shift: null,
  }
  const routing = {
    offers: [] as OpenOffer[],
    makesOffers: false,
    onListing: (listener: Listing) => {
      news.list = listener
      return () => undefined
    },
    onOffers: (listener: Offers) => {
      news.offer = listener
      return () => undefined
    },
    accept: (id: Uint8Array) => say(`offer ${id[0]} accepted`).then(() => claimed),
    decline: (id: Uint8Array) => say(`offer ${id[0]} declined`),
    reportAbuse: (id: Uint8Array) => say(`${id[0]} reported`),
  }
  const staff = {
    name: "Sari",
    role: "counselor",
    isConnected: true,
    failure: null,
    conversations: kept,
    lost,
    restored: () => Promise.resolve(),
    claim: (id: Uint8Array | null) => say(`claimed ${id?.[0] ?? "the next"}`).then(() => news.claimed),
    colleagues: () => Promise.resolve([]),
    setAvailable: (capacity: number, shift: Shift) => {
      news.shift = shift
      return say(`available ${capacity}`)
    },
    setBusy: () => say("busy"),
    setAway: () => say("away"),
    async *invitations() {
      await new Promise(() => undefined)
      yield undefined
    },
    inviteRole: vi.fn<StaffSide["inviteRole"]>(() => Promise.reject(new ColleagueAbsent("nobody"))),
    askToJoin: () => say("asked to join"),
    async *asksToJoin() {
      yield { deviceId: new Uint8Array([6]), name: "Rina", role: "supervisor", languages: [], skills: [], availability: 1 }
      await new Promise(() => undefined)
    },
    routing,
    onConnection: () => () => undefined,
    verificationBlocked: null,
    onVerificationBlocked: () => () => undefined,
    onAsked: () => () => undefined,
    close: () => say("closed"),
  }
  return { staff: staff as unknown as StaffSide, said, news, routing }
}

function text(id: number, words: string, markRead = vi.fn(() => Promise.resolve())): Event & { type: "textReceived" } {
  return { type: "textReceived", messageId: new Uint8Array([id]), sender: HER, text: words, sent: 1, replyTo: null, markRead }
}

async function accepted(store = new MemoryKeyStore()) {
  const made = madeUpConversation()
  const { staff, said, news, routing } = madeUpStaff(made.conversation)
  const states: DeskState[] = []
  const desk = new Desk(staff, store, (state) => states.push(state))
  await desk.begin()
  await desk.setPresence("available")
  await desk.accept()
  return { ...made, desk, said, news, store, routing }
}

/** A desk with an open conversation, whose relay does not say at once that it has heard that we are away. */
async function beingLocked() {
  const made = madeUpConversation()
  const { staff } = madeUpStaff(made.conversation, [made.conversation])
  const relay = { answers: (): void => undefined }
  staff.close = () => new Promise((resolve) => (relay.answers = resolve))
  const desk = new Desk(staff, new MemoryKeyStore(), () => undefined)
  await desk.begin()
  desk.show(NAME)
  return { ...made, desk, relay }
}

/** Until all that is under way has come as far as it can. */
const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

describe("accepting", () => {
  it("shows the conversation with what was asked for", async () => {
    const { desk } = await accepted()
    expect(desk.state.shown).toBe(NAME)
    expect(desk.state.talks[0]).toMatchObject({ number: 1, link: "connected", asked: { need: "legal", urgency: 1 } })
    expect(desk.state.talks[0]?.people.map(({ name }) => name)).toEqual([null])
  })

  it.each<[Error, string]>([
    [new DeviceNotProven("this device is not proven"), "unproven"],
    [new RosterNotAdmitted("a member is not proven"), "lost"],
  ])("says so where this device is not proven by its own clock, and only then: %s", async (error, acceptFailure) => {
    const { staff } = madeUpStaff(madeUpConversation().conversation)
    const claim = (): Promise<Conversation> => Promise.reject(error)
    const desk = new Desk({ ...staff, claim }, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    await desk.accept()
    expect(desk.state).toMatchObject({ acceptFailure, isAccepting: false, talks: [] })
  })

  it("takes as many more as there is room for, and then none", async () => {
    const { desk, said } = await accepted()
    expect(said).toEqual(["available 3", "claimed the next", "available 2"])
    await desk.prefer({ capacity: 1 })
    expect(said.at(-1)).toBe("busy")
  })

  it("tells the relay with it who one is, where, and until when, and the same after the next unlocking", async () => {
    const { desk, news, store, said } = await accepted()
    expect(news.shift).toEqual({ gender: null, region: null, until: 0 })
    await desk.prefer({ gender: "female" })
    await desk.prefer({ region: "Bandung" })
    await desk.prefer({ until: 2_000_000_000 })
    const shift = { gender: "female", region: "Bandung", until: 2_000_000_000 }
    expect(news.shift).toEqual(shift)
    const before = said.length
    await desk.prefer({ hasSound: false })
    expect(said.length).toBe(before)
    await desk.prefer({ gender: null })
    expect(news.shift).toEqual({ ...shift, gender: null })
    const { staff, news: later } = madeUpStaff(madeUpConversation().conversation)
    const again = new Desk(staff, store, () => undefined)
    await again.begin()
    await again.setPresence("available")
    expect(later.shift).toEqual({ ...shift, gender: null })
  })
})

describe("the end of a shift", () => {
  const maya = { deviceId: new Uint8Array([5]), name: "Maya", role: "medic", languages: [], skills: [], availability: 2, load: 0 } as const

  it.each<[failure: Error | undefined, expected: object]>([
    [undefined, { ending: { why: "handedOver", by: "Maya" }, handOver: { stage: "done" } }],
    [new InvitationDeclined("no"), { ending: null, handOver: { stage: "declined" } }],
    [new ColleagueAbsent("late"), { ending: null, handOver: { stage: "absent" } }],
    [new TeduhError("broken"), { ending: null, handOver: { stage: "failed" } }],
  ])("hands over what goes on, and stays where that fails (%#)", async (failure, expected) => {
    const { desk, said, handOver } = await accepted()
    if (failure !== undefined) handOver.mockRejectedValue(failure)
    await desk.endShift(maya, "my shift ends", new Map([[NAME, "Ask for Ibu Tini."]]))
    expect(said).toContain("away")
    expect(desk.state.presence).toBe("away")
    expect(handOver).toHaveBeenCalledWith(maya, { reason: "my shift ends", note: "Ask for Ibu Tini." })
    expect(desk.state.talks[0]).toMatchObject(expected)
  })
})

describe("a supervisor who asks to be brought in", () => {
  it("is shown, and proposed to the person of the conversation that is chosen", async () => {
    const { desk, invite } = await accepted()
    expect(desk.state.asking).toEqual([{ id: "06", name: "Rina", role: "supervisor" }])
    await desk.addAsking("06", NAME, "so that I am not alone")
    expect(invite.mock.calls.map(([who, why]) => [who.name, who.role, why])).toEqual([
      ["Rina", "supervisor", "so that I am not alone"],
    ])
    expect(desk.state.asking).toEqual([])
  })

  it("stays outside when nobody wants it", async () => {
    const { desk, invite } = await accepted()
    await desk.addAsking("06", null, "")
    expect(invite).not.toHaveBeenCalled()
    expect(desk.state.asking).toEqual([])
  })
})

describe("bringing in by role, or from the queue", () => {
  it("says so when nobody of the role is available", async () => {
    const { desk } = await accepted()
    await desk.invite(NAME, { by: "role", role: "interpreter", language: "id" }, "to translate")
    expect(desk.state.talks[0]).toMatchObject({ proposal: null, items: [{ notice: "nobody" }] })
  })

  it("looks in the queue until somebody is proposed, and then shows who", async () => {
    const { desk, inviteFromQueue } = await accepted()
    const seen: unknown[] = []
    inviteFromQueue.mockImplementation((details, reason, how) => {
      seen.push(details, reason, desk.state.talks[0]?.isLooking)
      how?.proposed?.("Ani", "interpreter")
      seen.push(desk.state.talks[0]?.isLooking, desk.state.talks[0]?.proposal)
      return Promise.reject(new InvitationDeclined("no"))
    })
    await desk.invite(NAME, { by: "queue", need: "interpreter", language: null }, "to translate")
    const ani = { name: "Ani", role: "interpreter" }
    expect(seen).toEqual([{ need: "interpreter", language: null }, "to translate", true, false, ani])
    // That she said no the conversation tells.
    expect(desk.state.talks[0]?.items).toEqual([])
  })

  it("looks for nobody any more when it is told so, and hides what it looks for from its own list", async () => {
    const { desk, inviteFromQueue, news } = await accepted()
    inviteFromQueue.mockImplementation(
      (_details, _reason, how) =>
        new Promise((_, reject) => {
          how?.signal?.addEventListener("abort", () => {
            reject(new ColleagueAbsent("nobody is looked for any more"))
          })
        }),
    )
    const looking = desk.invite(NAME, { by: "queue", need: "interpreter", language: null }, "")
    const details = { need: "interpreter", language: null, preferredGender: null, region: null, urgency: 0 } as const
    news.list({ waiting: 1, requests: [{ conversationId: ID, details, waitedSeconds: 0, known: false }] })
    expect(desk.state).toMatchObject({ waiting: 0, queue: [] })
    desk.inviting.stop(NAME)
    await looking
    expect(desk.state.talks[0]).toMatchObject({ isLooking: false, items: [{ notice: "nobody" }] })
  })

  it("can still be stopped from looking when somebody else was invited meanwhile", async () => {
    const { desk, inviteFromQueue } = await accepted()
    let isStopped = false
    inviteFromQueue.mockImplementation(
      (_details, _reason, how) =>
        new Promise((_, reject) => {
          how?.signal?.addEventListener("abort", () => {
            isStopped = true
            reject(new ColleagueAbsent("nobody is looked for any more"))
          })
        }),
    )
    void desk.invite(NAME, { by: "queue", need: "interpreter", language: null }, "")
    expect(desk.state.talks[0]?.isLooking).toBe(true)
    // A supervisor asks to join, and is brought in.
    await desk.addAsking("06", NAME, "so that I am not alone")
    expect(desk.state.talks[0]?.isLooking).toBe(true)
    desk.inviting.stop(NAME)
    await vi.waitFor(() => { expect(isStopped).toBe(true) })
  })

  it("gives whoever is invited by name a time in which to come, as by role", async () => {
    const { desk, invite } = await accepted()
    await desk.invite(NAME, { by: "person", colleague: MAYA }, "to help")
    expect(invite.mock.calls[0]?.[2]).toBe(300)
  })

  it("lists where we were once and are looked for again, and goes on there with what was said and noted", async () => {
    const { desk, isOver, tell, news } = await accepted()
    tell(text(1, "Where are you?"))
    await desk.note(NAME, "Tuesday")
    isOver()
    tell({ type: "ended", by: null, unsent: [] })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.ending).not.toBeNull()
    })
    const details = { need: "interpreter", language: null, preferredGender: null, region: null, urgency: 0 } as const
    news.list({ waiting: 1, requests: [{ conversationId: ID, details, waitedSeconds: 0, known: false }] })
    expect(desk.state).toMatchObject({ waiting: 1, queue: [{ id: NAME }] })
    news.claimed = madeUpConversation().conversation
    await desk.accept(NAME)
    expect(desk.state.talks).toMatchObject([{ number: 1, ending: null, note: "Tuesday", items: [{ text: "Where are you?" }] }])
  })
})

describe("a colleague of whom she was asked while the console was locked", () => {
  it("is brought in when she says yes", async () => {
    const made = madeUpConversation()
    const addInvited = vi.fn(() => Promise.resolve(HER))
    Object.assign(made.conversation, { addInvited })
    const store = new MemoryKeyStore()
    const { staff } = madeUpStaff(made.conversation, [made.conversation])
    const desk = new Desk(staff, store, () => undefined)
    await desk.begin()
    const invitation = { type: "invitation", id: ID, sent: 1, deviceId: MAYA.deviceId, name: "Maya", role: "medic", reason: "" } as const
    made.tell({ type: "invitationAnswered", invitation, accepted: true })
    await vi.waitFor(() => { expect(addInvited).toHaveBeenCalledWith({ deviceId: MAYA.deviceId }, 300) })
  })

  it("is not when somebody else is there who waits for her yes", async () => {
    const made = madeUpConversation([HER, ME, BUDI])
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.items).toMatchObject([{ notice: "welcomed" }])
    })
    expect(made.addInvited).not.toHaveBeenCalled()
  })

  it("is, a moment later, where whoever is there has not brought her in: it may be that console which is locked", async () => {
    vi.useFakeTimers()
    const made = madeUpConversation([HER, ME, BUDI])
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.advanceTimersByTimeAsync(30_000)
    vi.useRealTimers()
    expect(made.addInvited.mock.calls).toEqual([[{ deviceId: MAYA.deviceId }, 300]])
  })

  it("is not brought in a second time where somebody else has done it, also when she has left again", async () => {
    vi.useFakeTimers()
    const made = madeUpConversation([HER, ME, BUDI])
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    const participant = new Participant(3, new Uint8Array([6]), MAYA.deviceId, "Maya", "medic")
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    made.tell({ type: "joined", participant })
    made.tell({ type: "left", participant })
    await vi.advanceTimersByTimeAsync(30_000)
    vi.useRealTimers()
    expect(desk.state.talks[0]?.items.length).toBeGreaterThan(0)
    expect(made.addInvited).not.toHaveBeenCalled()
  })

  it("is not brought in by a console that is locked again", async () => {
    vi.useFakeTimers()
    const made = madeUpConversation([HER, ME, BUDI])
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.advanceTimersByTimeAsync(0)
    await desk.close()
    await vi.advanceTimersByTimeAsync(30_000)
    vi.useRealTimers()
    expect(made.addInvited).not.toHaveBeenCalled()
  })

  it("is not when she says no", async () => {
    const made = madeUpConversation()
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: false })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.items).toMatchObject([{ notice: "declined" }])
    })
    expect(made.addInvited).not.toHaveBeenCalled()
  })
})

describe("a colleague of whom she was asked before, and another who is asked about now ", () => {
  const LINA = new Participant(3, new Uint8Array([4]), new Uint8Array([4]), "Lina", "counselor")
  const other = { ...MAYA, deviceId: LINA.deviceId, name: "Lina", role: "counselor" } as const
  const hers = { ...INVITATION, id: new Uint8Array(16).fill(9), deviceId: other.deviceId, name: "Lina", role: "counselor" } as const

  it("is brought in when she says yes, though she is being asked about another", async () => {
    const made = madeUpConversation()
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.invite.mockImplementation(() => new Promise(() => undefined))
    void desk.invite(NAME, { by: "person", colleague: other }, "")
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.waitFor(() => { expect(desk.state.talks[0]?.items).toMatchObject([{ notice: "welcomed" }]) })
    expect(made.addInvited).toHaveBeenCalledTimes(1)
  })

  it("is not brought in twice when two are asked about at once", async () => {
    const { desk, invite, addInvited, tell } = await accepted()
    invite.mockImplementation(() => new Promise(() => undefined))
    void desk.invite(NAME, { by: "person", colleague: MAYA }, "")
    void desk.invite(NAME, { by: "person", colleague: other }, "")
    tell({ type: "invitationAnswered", invitation: hers, accepted: true })
    tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.waitFor(() => { expect(desk.state.talks[0]?.items).toHaveLength(2) })
    expect(addInvited).not.toHaveBeenCalled()
  })

  it("is taken out again like anybody else who does not come in time", async () => {
    const made = madeUpConversation()
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    made.tell({ type: "invitationAnswered", invitation: INVITATION, accepted: true })
    await vi.waitFor(() => { expect(made.addInvited).toHaveBeenCalled() })
    expect(made.addInvited.mock.calls[0]).toEqual([{ deviceId: MAYA.deviceId }, 300])
  })
})

describe("a note that is handed over", () => {
  it.each([new InvitationDeclined("no"), new ColleagueAbsent("late"), new TeduhError("broken")])("is still there when it was not: %s", async (failure) => {
    const { desk, handOver } = await accepted()
    handOver.mockRejectedValue(failure)
    await desk.handOver(NAME, MAYA, "my shift ends", "The safe word is rambutan.")
    expect(desk.unhanded.get(NAME)).toBe("The safe word is rambutan.")
    handOver.mockResolvedValue(HER)
    await desk.handOver(NAME, MAYA, "my shift ends", "The safe word is rambutan.")
    expect(desk.unhanded.size).toBe(0)
  })
})

describe("the queue", () => {
  const details = { need: "legal", language: "id", preferredGender: null, region: null, urgency: 2 } as const
  const conversationId = new Uint8Array(16).fill(5)
  const offer = { conversationId, details, waitedSeconds: 30, dropped: [], until: Date.now() / 1000 + 20 }

  it("shows who waits, for how long and what for, and takes the one that is chosen", async () => {
    const { desk, said, news } = await accepted()
    news.list({ waiting: 7, requests: [{ conversationId, details, waitedSeconds: 90, known: true }] })
    expect(desk.state).toMatchObject({ waiting: 7, queue: [{ id: "05".repeat(16), need: "legal", urgency: 2, isKnown: true }] })
    expect(Date.now() - (desk.state.queue[0]?.since ?? 0)).toBeGreaterThanOrEqual(90_000)
    await desk.accept("05".repeat(16))
    expect(said).toContain("claimed 5")
  })

  it("takes what is offered as an offer, and passes on what is not wanted", async () => {
    const { desk, said, news } = await accepted()
    news.offer([offer])
    expect(desk.state.offers).toMatchObject([{ id: "05".repeat(16), until: offer.until * 1000 }])
    await desk.decline("05".repeat(16))
    await desk.accept()
    expect(said).toContain("offer 5 declined")
    expect(said).toContain("offer 5 accepted")
  })
})

describe("a relay whose clock is behind", () => {
  it("is told with both times", async () => {
    const { staff } = madeUpStaff(madeUpConversation().conversation)
    const failure = new NotYetValid(ErrorCode.AUTHENTICATION_FAILED, "statement_not_yet_valid", 7200, 100)
    const desk = new Desk({ ...staff, failure }, new MemoryKeyStore(), () => undefined)
    await desk.begin()
    expect(desk.state).toMatchObject({ isRefused: true, notYet: { begins: 7200, relayTime: 100 } })
  })
})

describe("a conversation that the relay has forgotten", () => {
  it.each([
    ["connected", "forgotten"],
    ["reconnecting", "replaced"],
  ] as const)("while the device was %s is told as %s", async (link, why) => {
    const { desk, tell } = await accepted()
    tell({ type: link })
    tell({ type: "stopped", reason: new ConversationForgotten(ErrorCode.UNKNOWN_CONVERSATION, ""), unsent: [] })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.ending?.why).toBe(why)
    })
  })

  it("was one into which nothing could be said for a while, which is told, too", async () => {
    const { desk, tell } = await accepted()
    tell({ type: "relayUnavailable" })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.link).toBe("held")
    })
    tell({ type: "relayAvailable" })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.link).toBe("connected")
    })
  })
})

describe("a conversation that cannot be gone on with at the next opening", () => {
  it("shows what was said before, and why", async () => {
    const { store, desk, tell: tellBefore } = await accepted()
    tellBefore(text(1, "before"))
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.items).toHaveLength(1)
    })
    await desk.close()
    const { conversation, tell } = madeUpConversation([])
    const again = new Desk(madeUpStaff(conversation, [], [conversation]).staff, store, () => undefined)
    tell(text(2, "as it was locked"))
    tell({ type: "stopped", reason: new RosterNotAdmitted("a statement has ended"), unsent: [] })
    await again.begin()
    await vi.waitFor(() => {
      expect(again.state.talks[0]?.ending?.why).toBe("stranger")
    })
    expect(again.state.talks[0]?.items).toMatchObject([{ text: "before" }, { text: "as it was locked" }])
  })
})

describe("what is preferred", () => {
  it("is there again the next time, but for what is chosen anew at the door", async () => {
    const { desk, store } = await accepted()
    await desk.prefer({ language: "id", capacity: 5 })
    await desk.prefer({ hasSound: false })
    const again = await accepted(store)
    expect(again.desk.state).toMatchObject({ language: "id", capacity: 5, hasSound: false })
    expect(again.said[0]).toBe("available 5")
    const anew = new Desk(madeUpStaff(again.conversation).staff, store, () => undefined)
    await anew.begin({ language: "en" })
    expect(anew.state).toMatchObject({ language: "en", capacity: 5 })
    expect((await new Cabinet(store).preferences()).language).toBe("en")
  })

  it("is kept though the console is locked at once: it is not closed before", async () => {
    const { slow, write } = slowStore()
    const desk = new Desk(madeUpStaff(madeUpConversation().conversation).staff, slow, () => undefined)
    await desk.begin()
    void desk.prefer({ capacity: 4 })
    void desk.prefer({ language: "id" })
    let isClosed = false
    const closing = desk.close().then(() => (isClosed = true))
    await new Promise((resolve) => setTimeout(resolve))
    expect(isClosed).toBe(false)
    write()
    await closing
    expect((await new Cabinet(slow).preferences()).language).toBe("id")
  })
})

describe("a message that comes", () => {
  it("is read at once where somebody looks, and later where nobody does", async () => {
    const { desk, tell } = await accepted()
    const [first, second] = [text(1, "one"), text(2, "two")]
    tell(first)
    await vi.waitFor(() => {
      expect(first.markRead).toHaveBeenCalled()
    })
    desk.lookedAt(false)
    tell(second)
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.unread).toBe(1)
    })
    expect(second.markRead).not.toHaveBeenCalled()
    desk.lookedAt(true)
    expect(second.markRead).toHaveBeenCalled()
    expect(desk.state.talks[0]?.unread).toBe(0)
  })

  it("is kept, and is there again after locking", async () => {
    const { desk, tell, store } = await accepted()
    tell(text(1, "remember this"))
    await vi.waitFor(async () => {
      expect((await new Cabinet(store).talks())[0]?.items).toHaveLength(1)
    })
    await desk.note(NAME, "a note")
    desk.drafts.set(NAME, "What I was about to")
    await desk.close()
    const again = madeUpConversation()
    const { staff } = madeUpStaff(again.conversation, [again.conversation])
    const reopened = new Desk(staff, store, () => undefined)
    await reopened.begin()
    expect(reopened.state.talks[0]).toMatchObject({ note: "a note", ending: null, people: [{ name: null }] })
    expect(reopened.state.talks[0]?.items[0]).toMatchObject({ text: "remember this" })
    expect([...reopened.drafts]).toEqual([[NAME, "What I was about to"]])
    expect(await new Cabinet(store).takeDrafts()).toEqual([])
  })

  it("stays with the SDK, unread, when it comes while the console is being locked", async () => {
    const { desk, tell, undeliveredEvents, relay } = await beingLocked()
    const message = text(1, "Please do not go.")
    const closing = desk.close()
    tell(message)
    await aMoment()
    relay.answers()
    await closing
    expect(message.markRead).not.toHaveBeenCalled()
    expect(undeliveredEvents.heard).toEqual([message])
  })

  it("is a draft again, before what was begun since, when it cannot even be kept", async () => {
    const { desk, send } = await accepted()
    send.mockRejectedValueOnce(new Error("the disk is full"))
    const saying = desk.say(NAME, "Ibu, where are you?")
    desk.drafts.set(NAME, "I am")
    await expect(saying).rejects.toThrow("the disk is full")
    expect(desk.drafts.get(NAME)).toBe("Ibu, where are you?\nI am")
  })

  it("leaves no draft behind that was sent, or taken back, or whose conversation is filed", async () => {
    const { desk, store } = await accepted()
    desk.drafts.set(NAME, "Ibu, where")
    desk.drafts.set("08".repeat(16), "of a conversation that is here no more")
    await desk.close()
    const again = madeUpConversation()
    const { staff } = madeUpStaff(again.conversation, [again.conversation])
    const reopened = new Desk(staff, store, () => undefined)
    await reopened.begin()
    expect([...reopened.drafts.keys()]).toEqual([NAME])
    await reopened.file(NAME, "helped", { forAll: false, keepsNote: false })
    await reopened.close()
    expect(await new Cabinet(store).takeDrafts()).toEqual([])
    const once = await accepted(store)
    once.desk.drafts.set(NAME, " ")
    await once.desk.close()
    expect(await new Cabinet(store).takeDrafts()).toEqual([])
  })
})

describe("a conversation that is over", () => {
  it("is still there to be filed when it ended while the console was locked", async () => {
    const { desk, store } = await accepted()
    await desk.note(NAME, "a note")
    await desk.close()
    const { staff } = madeUpStaff(madeUpConversation().conversation)
    const reopened = new Desk(staff, store, () => undefined)
    await reopened.begin()
    expect(reopened.state.talks[0]?.ending).toEqual({ why: "ended", by: null })
  })

  it("leaves its words nowhere when it is filed, and its note only if that is wanted", async () => {
    const { desk, tell, store, end } = await accepted()
    tell(text(1, "secret"))
    await desk.note(NAME, "a note")
    await desk.file(NAME, "helped", { forAll: true, keepsNote: true })
    expect(end).toHaveBeenCalled()
    expect(await new Cabinet(store).talks()).toEqual([])
    expect(await new Cabinet(store).filed()).toMatchObject({ filed: [{ text: "a note" }], tally: { helped: 1 } })
    await desk.dropNote(NAME)
    expect((await new Cabinet(store).filed()).filed).toEqual([])
  })

  it("may go on for the colleagues who stay", async () => {
    const { desk, end, leave } = await accepted()
    await desk.file(NAME, "referred", { forAll: false, keepsNote: false })
    expect(leave).toHaveBeenCalled()
    expect(end).not.toHaveBeenCalled()
  })
})

describe("a conversation that was no request for help", () => {
  it("is reported, ended for all and filed, without its note", async () => {
    const { desk, said, store, end } = await accepted()
    await desk.note(NAME, "only insults")
    expect(await desk.report(NAME)).toBe(true)
    expect(said.some((one) => one.endsWith(" reported"))).toBe(true)
    expect(end).toHaveBeenCalled()
    expect(await new Cabinet(store).filed()).toMatchObject({ filed: [], tally: { unsuitable: 1 } })
    expect(desk.state.talks).toEqual([])
  })

  it("goes on when the relay could not be told", async () => {
    const { desk, end, routing } = await accepted()
    routing.reportAbuse = () => Promise.reject(new RelayLost("gone"))
    expect(await desk.report(NAME)).toBe(false)
    expect(end).not.toHaveBeenCalled()
    expect(desk.state.talks).toHaveLength(1)
  })
})

describe("a console that is locked at once", () => {
  it("has filed what was ended, with its note, and has told her", async () => {
    const { desk, end, said, store } = await accepted()
    await desk.note(NAME, "Ibu Tini has the key.")
    let isTold = (): void => undefined
    end.mockImplementation(() => new Promise((resolve) => (isTold = resolve)))
    void desk.file(NAME, "helped", { forAll: true, keepsNote: true })
    const closing = desk.close()
    await aMoment()
    expect(said).not.toContain("closed")
    isTold()
    await closing
    expect(said.at(-1)).toBe("closed")
    expect(await new Cabinet(store).talks()).toEqual([])
    expect(await new Cabinet(store).filed()).toMatchObject({ filed: [{ text: "Ibu Tini has the key." }], tally: { helped: 1 } })
  })

  it("has what was said just before among what was said", async () => {
    const { desk, send, store } = await accepted()
    let isKept = (): void => undefined
    send.mockImplementation(async () => {
      await new Promise<void>((resolve) => (isKept = resolve))
      return new Uint8Array([9])
    })
    void desk.say(NAME, "Until tomorrow at ten.")
    const closing = desk.close()
    isKept()
    await closing
    expect((await new Cabinet(store).talks())[0]?.items).toMatchObject([{ text: "Until tomorrow at ten." }])
  })

  it("is told to nobody as one that takes requests", async () => {
    const { desk, end, said } = await accepted()
    let isTold = (): void => undefined
    end.mockImplementation(() => new Promise((resolve) => (isTold = resolve)))
    const filing = desk.file(NAME, "helped", { forAll: true, keepsNote: false })
    const closing = desk.close()
    isTold()
    await Promise.all([filing, closing])
    expect(said.slice(said.indexOf("closed") + 1)).toEqual([])
  })

  it("shows nothing any more, whatever still comes of what was begun", async () => {
    const made = madeUpConversation()
    const onChange = vi.fn()
    const desk = new Desk(madeUpStaff(made.conversation, [made.conversation]).staff, new MemoryKeyStore(), onChange)
    await desk.begin()
    let isTold = (): void => undefined
    made.end.mockImplementation(() => new Promise((resolve) => (isTold = resolve)))
    const filing = desk.file(NAME, "helped", { forAll: true, keepsNote: false })
    const closing = desk.close()
    onChange.mockClear()
    isTold()
    await Promise.all([filing, closing])
    expect(onChange).not.toHaveBeenCalled()
  })
})

describe("calls", () => {
  it("are not offered to a person whose browser says that it cannot call", async () => {
    const { desk, tell } = await accepted()
    expect(desk.state.talks[0]?.hasCalls).toBe(true)
    tell({ type: "callsUnsupported", participant: BUDI })
    tell({ type: "reconnecting" })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]).toMatchObject({ link: "reconnecting", hasCalls: true })
    })
    tell({ type: "callsUnsupported", participant: HER })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.hasCalls).toBe(false)
    })
  })
})

describe("the cabinet", () => {
  const talk = newTalk("a", 1, 0, null, [])

  it("does not bring back what was deleted, however long writing takes", async () => {
    const { cabinet, write } = slowStore()
    const kept = cabinet.keepTalk(talk)
    const dropped = cabinet.dropTalk("a")
    write()
    await Promise.all([kept, dropped])
    expect(await cabinet.talks()).toEqual([])
  })

  it("writes only the newest of what changes faster than the disk, and that before it says so", async () => {
    const { cabinet, put, write } = slowStore()
    const kept = ["a", "a no", "a note"].map((note) => cabinet.keepTalk({ ...talk, note }))
    write()
    await Promise.all(kept)
    expect((await cabinet.talks())[0]?.note).toBe("a note")
    expect(put.mock.calls.length).toBeLessThanOrEqual(2)
  })

  it("keeps what was written after a deletion that waits", async () => {
    const { cabinet, write } = slowStore()
    const changes = [
      cabinet.keepReplies([]),
      cabinet.keepTalk(talk),
      cabinet.dropTalk("a"),
      cabinet.keepTalk({ ...talk, note: "new" }),
    ]
    write()
    await Promise.all(changes)
    expect((await cabinet.talks())[0]?.note).toBe("new")
  })

  it("keeps whether anything was said of the urgency, and takes a 0 of an earlier release for nothing", async () => {
    const store = new MemoryKeyStore()
    const asked = (urgency: 0 | 1 | null) => ({ need: null, language: null, urgency, waitedSeconds: 0 })
    for (const urgency of [null, 0, 1] as const) await new Cabinet(store).keepTalk({ ...talk, id: `${urgency}`, asked: asked(urgency) })
    for (const urgency of [0, 1] as const) {
      const value = { ...talk, id: `earlier ${urgency}`, asked: asked(urgency) }
      await store.put(`console/talk/${value.id}`, new TextEncoder().encode(JSON.stringify({ version: 1, value })))
    }
    const read = (await new Cabinet(store).talks()).map(({ id, asked: kept }) => [id, kept?.urgency])
    expect(Object.fromEntries(read)).toEqual({ null: null, 0: 0, 1: 1, "earlier 0": null, "earlier 1": 1 })
  })
})

describe("by what staff tell a person apart", () => {
  it("is kept for the next unlocking, told to nobody, and gone with the conversation", async () => {
    const { desk, store, conversation, send, said } = await accepted()
    const before = said.length
    await desk.mark(NAME, { nickname: "the one with the red scarf", colour: "pink" })
    expect(send).not.toHaveBeenCalled()
    expect(said).toHaveLength(before)
    const again = new Desk(madeUpStaff(conversation, [conversation]).staff, store, () => undefined)
    await again.begin()
    expect(again.state.talks[0]).toMatchObject({ nickname: "the one with the red scarf", colour: "pink" })
    await desk.file(NAME, "helped", { forAll: true, keepsNote: true })
    expect(await store.names("console/talk/")).toEqual([])
    for (const name of await store.names(""))
      expect(new TextDecoder().decode((await store.get(name)) ?? new Uint8Array())).not.toContain("red scarf")
  })

  it("is a colour by the number until staff choose one, in a record of an older release as well", async () => {
    const store = new MemoryKeyStore()
    const { nickname, colour, waitsSince, answeredAt, ...older } = newTalk(NAME, 2, 5, null, [])
    await store.put(`console/talk/${NAME}`, new TextEncoder().encode(JSON.stringify({ version: 1, value: older })))
    const [talk] = await new Cabinet(store).talks()
    expect(talk).toMatchObject({ nickname: "", colour: "orange", waitsSince: null, answeredAt: 5 })
    expect({ nickname, colour, waitsSince, answeredAt }).toMatchObject({ nickname: "", colour: "orange" })
  })
})

describe("a service of the directory", () => {
  const REFERRAL = {
    type: "referral", id: new Uint8Array([7]), sent: 5, service: "Rumah", kind: "shelter", contact: "129", note: "",
    serviceId: new Uint8Array(16), directoryVersion: 9,
  } as const

  it("is told, shown as it was told, and kept", async () => {
    const { desk, refer, tell, store } = await accepted()
    await desk.refer(NAME, REFERRAL)
    expect(refer).toHaveBeenCalledWith(REFERRAL)
    tell({ type: "sent", messageId: REFERRAL.id })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]).toMatchObject({ items: [{ kind: "own", id: "07", text: "Rumah\n129" }], progress: { "07": "sent" } })
    })
    const kept = await new Cabinet(store).talks()
    expect(kept).toMatchObject([{ items: [{ text: "Rumah\n129" }] }])
  })

  it("that cannot be told is not shown as if it were", async () => {
    const { desk, refer } = await accepted()
    refer.mockRejectedValueOnce(new Error("over"))
    await expect(desk.refer(NAME, REFERRAL)).rejects.toThrow("over")
    expect(desk.state.talks[0]?.items).toEqual([])
  })

  it("of which a colleague tells is shown", async () => {
    const { desk, tell } = await accepted()
    tell({ type: "messageReceived", sender: ME, message: REFERRAL })
    await vi.waitFor(() => {
      expect(desk.state.talks[0]?.items).toMatchObject([{ kind: "theirs", text: "Rumah\n129" }])
    })
  })
})
