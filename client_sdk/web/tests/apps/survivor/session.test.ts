/** The session between a made-up SDK and the page's state. */

import { describe, expect, it, vi } from "vitest"

import type { Conversation, Event } from "../../../apps/survivor/sdk.ts"
import {
  ConversationForgotten,
  ConversationOver,
  EpochsDiffer,
  LogBroken,
  NotTrusted,
  Participant,
  RelayMisbehaved,
} from "../../../apps/survivor/sdk.ts"
import { Session, type Talker } from "../../../apps/survivor/session.ts"
import { ErrorCode, NO_DETAILS } from "../../../src/relay/frames.ts"
import { INITIAL, reduce } from "../../../apps/survivor/state.ts"
import type { State } from "../../../apps/survivor/stateTypes.ts"

const SARI = new Participant(0, new Uint8Array(32), new Uint8Array(32), "Sari", "counselor")
const MAYA = new Participant(2, new Uint8Array(32).fill(2), new Uint8Array(32).fill(2), "Maya", "medic")
const DEWI = new Participant(1, new Uint8Array(32).fill(1), new Uint8Array(32).fill(1), "Dewi", "counselor")
const ID = new Uint8Array(16)
const ID_HEX = "0".repeat(32)
const WISHES = { need: null, preferredGender: null, region: null, urgency: null, language: "id" } as const
const nothing = (): Promise<void> => Promise.resolve()

/** A conversation whose events the test chooses; what is said in it is kept in `said`. */
class MadeUpConversation {
  readonly isConnected = true
  readonly said: string[] = []
  isOver = false
  readonly #events: Event[] = []
  #wake: () => void = () => undefined

  tell(...events: Event[]): void {
    this.#events.push(...events)
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Event> {
    for (;;) {
      for (const event of this.#events.splice(0)) yield event
      if (this.isOver) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  send(text: string): Promise<Uint8Array> {
    if (this.isOver) return Promise.reject(new ConversationOver())
    this.said.push(text)
    return Promise.resolve(ID)
  }

  typing = vi.fn<Conversation["typing"]>(nothing)
  requestReassignment = vi.fn<Conversation["requestReassignment"]>(nothing)
  cancelReassignment = vi.fn<Conversation["cancelReassignment"]>(nothing)
}

function visit() {
  const conversation = new MadeUpConversation()
  const talker = {
    ask: vi.fn<Talker["ask"]>(() => Promise.resolve(conversation as unknown as Conversation)),
    leaveBeacon: Uint8Array.of(1, 2, 3),
    vanish: vi.fn(),
    close: vi.fn(nothing),
    verificationBlocked: null as Talker["verificationBlocked"],
    onVerificationBlocked: vi.fn<Talker["onVerificationBlocked"]>(() => () => undefined),
    onPaying: vi.fn<Talker["onPaying"]>(() => () => undefined),
    isConnected: true,
  }
  let state: State = INITIAL
  const clock = { now: 1000 }
  const session = new Session(
    () => Promise.resolve(talker as Talker),
    (action) => {
      state = reduce(state, action)
    },
    () => clock.now,
  )
  /** She presses for the first screen. */
  const again = (): void => {
    state = reduce(state, { type: "again" })
  }
  return { conversation, talker, session, clock, state: () => state, again }
}

/** What she asks for next. */
function asksNext(talker: ReturnType<typeof visit>["talker"]): MadeUpConversation {
  const next = new MadeUpConversation()
  talker.ask.mockResolvedValueOnce(next as unknown as Conversation)
  return next
}

async function stops(conversation: MadeUpConversation, state: () => State): Promise<void> {
  conversation.isOver = true
  conversation.tell({ type: "stopped", reason: new RelayMisbehaved("nobody can answer"), unsent: [] })
  await vi.waitFor(() => {
    expect(state().phase).toBe("over")
  })
}

async function talkingVisit() {
  const visited = visit()
  void visited.session.ask(WISHES)
  visited.conversation.tell({ type: "joined", participant: SARI })
  await vi.waitFor(() => {
    expect(visited.state().phase).toBe("talking")
  })
  return visited
}

const text = (markRead: () => Promise<void> = nothing): Event => ({
  type: "textReceived",
  messageId: ID,
  sender: SARI,
  text: "hello",
  sent: 5,
  replyTo: null,
  markRead,
})

it("says that this device works for her request, for as long as it does", async () => {
  const { talker, session, state } = visit()
  void session.ask(WISHES)
  await vi.waitFor(() => {
    expect(talker.onPaying).toHaveBeenCalled()
  })
  talker.onPaying.mock.calls[0]?.[0](true)
  expect(state()).toMatchObject({ phase: "waiting", isPaying: true })
  talker.onPaying.mock.calls[0]?.[0](false)
  expect(state().isPaying).toBe(false)
})

it("shows what happens one thing in each turn of the page", async () => {
  const { conversation, state } = await talkingVisit()
  const shown = (): number => state().items.filter(({ kind }) => kind === "theirs").length
  let [before, atOnce] = [0, 0]
  const look = (): void => {
    atOnce = Math.max(atOnce, shown() - before)
    before = shown()
    next = setImmediate(look)
  }
  let next = setImmediate(look)
  conversation.tell(text(), text(), text())
  await vi.waitFor(() => {
    expect(before).toBe(3)
  })
  clearImmediate(next)
  expect(atOnce).toBe(1)
})

describe("a verificationBlocked", () => {
  it("is shown as it was when she asks, and as it becomes", async () => {
    const { talker, session, state } = visit()
    talker.verificationBlocked = "clock"
    void session.ask(WISHES)
    await vi.waitFor(() => {
      expect(state().verificationBlocked).toBe("clock")
    })
    talker.onVerificationBlocked.mock.calls[0]?.[0](null)
    expect(state().verificationBlocked).toBe(null)
  })

  it("that came while she talked is shown when she asks again", async () => {
    const { conversation, talker, session, state, again } = await talkingVisit()
    talker.verificationBlocked = "clock"
    talker.onVerificationBlocked.mock.calls[0]?.[0]("clock")
    conversation.tell({ type: "ended", by: SARI, unsent: [] })
    await vi.waitFor(() => {
      expect(state().phase).toBe("over")
    })
    again()
    void session.ask(WISHES)
    await vi.waitFor(() => {
      expect(talker.ask).toHaveBeenCalledTimes(2)
    })
    expect(state()).toMatchObject({ phase: "waiting", verificationBlocked: "clock" })
  })
})

describe("the relay", () => {
  it("is away as far as she knows as long as nothing else is known, also when the conversation is over", async () => {
    const { talker, session } = await talkingVisit()
    expect(session.isCutOff).toBe(false)
    talker.isConnected = false
    expect(session.isCutOff).toBe(true)
    void session.end()
    expect(session.isCutOff).toBe(true)
    void session.ask(WISHES)
    talker.isConnected = true
    await vi.waitFor(() => {
      expect(talker.ask).toHaveBeenCalledTimes(2)
    })
    expect(session.isCutOff).toBe(false)
  })
})

describe("asking", () => {
  it("gives the relay what she chose, and nothing that she did not", async () => {
    const { session, talker } = visit()
    void session.ask(WISHES)
    await vi.waitFor(() => {
      expect(talker.ask).toHaveBeenCalledWith({ ...NO_DETAILS, language: "id" }, null)
    })
    const chosen = { need: "dispatch", preferredGender: "female", region: "Bandung", urgency: 2, language: "en" } as const
    for (const wishes of [chosen, { ...chosen, urgency: 0 }] as const) {
      const other = visit()
      void other.session.ask(wishes)
      await vi.waitFor(() => {
        expect(other.talker.ask).toHaveBeenCalledWith(wishes, null)
      })
    }
  })

  it("that fails is told, and may be tried again", async () => {
    const { session, talker, state } = visit()
    talker.ask.mockRejectedValueOnce(new Error("refused"))
    await session.ask(WISHES)
    expect(state()).toMatchObject({ phase: "welcome", couldNotAsk: true })
    void session.ask(WISHES)
    expect(state()).toMatchObject({ phase: "waiting", couldNotAsk: false })
  })
})

describe("waiting", () => {
  it("shows what the relay foresees: how long, who will be there when, and what no longer counts", async () => {
    const { session, conversation, state } = visit()
    void session.ask(WISHES)
    conversation.tell({ type: "waiting", position: 2, leastSeconds: 61, mostSeconds: 240 })
    conversation.tell({ type: "staffAvailable", somebody: false, opens: 1_760_000_000 })
    conversation.tell({ type: "preferencesRelaxed", dropped: [0] })
    await vi.waitFor(() => {
      expect(state().prospect).toEqual({ minutes: { least: 1, most: 4 }, opens: 1_760_000_000, hasRelaxedPreferences: true })
    })
    conversation.tell({ type: "staffAvailable", somebody: true, opens: null })
    await vi.waitFor(() => {
      expect(state().prospect.opens).toBe(0)
    })
  })
})

describe("talking", () => {
  it("keeps what is said before anybody is there", async () => {
    const { session, conversation, state } = visit()
    void session.ask(WISHES)
    conversation.tell({ type: "waiting", position: 2, leastSeconds: null, mostSeconds: null })
    await vi.waitFor(() => {
      expect(state().sightings).toEqual([{ position: 2, at: 1000 }])
    })
    session.say("are you there?")
    await vi.waitFor(() => {
      expect(state().items).toEqual([{ kind: "own", id: ID_HEX, text: "are you there?", at: 1000 }])
    })
    expect(conversation.said).toEqual(["are you there?"])
  })

  it("shows at once what is said before the relay has answered, and sends it in order afterwards", async () => {
    const { session, conversation, talker, state } = visit()
    let answer: () => void = () => undefined
    talker.ask.mockReturnValueOnce(
      new Promise((resolve) => {
        answer = () => {
          resolve(conversation as unknown as Conversation)
        }
      }),
    )
    void session.ask(WISHES)
    session.say("one")
    session.say("two")
    expect(state().items.map((item) => item.kind === "own" && item.text)).toEqual(["one", "two"])
    expect(conversation.said).toEqual([])
    answer()
    await vi.waitFor(() => {
      expect(conversation.said).toEqual(["one", "two"])
    })
  })

  it("keeps what was said when asking failed, and sends it when it succeeds", async () => {
    const { session, conversation, talker, state } = visit()
    talker.ask.mockRejectedValueOnce(new Error("the queue is full"))
    const asking = session.ask(WISHES)
    session.say("one")
    await asking
    expect(state()).toMatchObject({ phase: "welcome", items: [{ text: "one" }] })
    void session.ask(WISHES)
    session.say("two")
    await vi.waitFor(() => {
      expect(conversation.said).toEqual(["one", "two"])
    })
  })

  it("goes to whoever comes when she asks again, where nobody had come to hear it", async () => {
    const { session, conversation, talker, state, again } = visit()
    void session.ask(WISHES)
    session.say("one")
    await vi.waitFor(() => {
      expect(conversation.said).toEqual(["one"])
    })
    await stops(conversation, state)
    again()
    expect(state()).toMatchObject({ phase: "welcome", items: [{ text: "one" }], progress: {} })
    const next = asksNext(talker)
    void session.ask(WISHES)
    session.say("two")
    await vi.waitFor(() => {
      expect(next.said).toEqual(["one", "two"])
    })
    expect(state().items).toHaveLength(2)
  })

  it("is said to nobody twice, where somebody had come, or she has taken it back", async () => {
    const met = await talkingVisit()
    met.session.say("one")
    await vi.waitFor(() => {
      expect(met.conversation.said).toEqual(["one"])
    })
    await stops(met.conversation, met.state)
    const waited = visit()
    void waited.session.ask(WISHES)
    waited.session.say("one")
    await vi.waitFor(() => {
      expect(waited.conversation.said).toEqual(["one"])
    })
    await waited.session.end()
    for (const { session, talker, state, again } of [met, waited]) {
      again()
      expect(state().items).toEqual([])
      const next = asksNext(talker)
      void session.ask(WISHES)
      session.say("two")
      await vi.waitFor(() => {
        expect(next.said).toEqual(["two"])
      })
    }
  })

  it("goes on showing what could not be sent any more", async () => {
    const { session, conversation, state } = await talkingVisit()
    conversation.isOver = true
    session.say("hello")
    await Promise.resolve()
    expect(state().items.at(-1)).toMatchObject({ kind: "own", text: "hello" })
  })

  it("names who does not confirm to be in it, until they do", async () => {
    const { conversation, state } = await talkingVisit()
    for (const participants of [[SARI, MAYA], []]) {
      conversation.tell({ type: "unconfirmed", participants })
      await vi.waitFor(() => {
        expect(state().unconfirmed).toEqual(participants.map(({ name }) => name))
      })
    }
  })

  it("marks a message read only once she can see it", async () => {
    const { session, conversation, state } = await talkingVisit()
    const markRead = vi.fn(nothing)
    session.lookedAt(false)
    conversation.tell(text(markRead))
    await vi.waitFor(() => {
      expect(state().items).toHaveLength(2)
    })
    expect(markRead).not.toHaveBeenCalled()
    session.lookedAt(true)
    expect(markRead).toHaveBeenCalledOnce()
  })

  it("tells that she writes now and then, not with every key, and once that she has stopped", async () => {
    const { session, conversation, clock } = await talkingVisit()
    for (const active of [false, true, true, true, false, false]) session.typing(active)
    expect(conversation.typing.mock.calls).toEqual([[true], [false]])
    session.typing(true)
    clock.now += 4000
    session.typing(true)
    expect(conversation.typing.mock.calls).toEqual([[true], [false], [true], [true]])
  })

  it("forgets after some seconds that somebody was writing", async () => {
    const { conversation, state } = await talkingVisit()
    vi.useFakeTimers()
    try {
      conversation.tell({ type: "typingSeen", participant: SARI, active: true })
      await vi.advanceTimersByTimeAsync(10)
      expect(state().typing).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(6000)
      expect(state().typing).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  it("passes her answer about a newcomer on, once", async () => {
    const { session, conversation, state } = await talkingVisit()
    const [approve, decline] = [vi.fn(nothing), vi.fn(nothing)]
    const invitation = { type: "invitation", id: ID, sent: 0, deviceId: ID, name: "Dewi", role: "medic", reason: "" } as const
    conversation.tell({ type: "invitationReceived", invitation, proposedBy: SARI, approve, decline })
    await vi.waitFor(() => {
      expect(state().proposals).toHaveLength(1)
    })
    session.answer(ID_HEX, true)
    session.answer(ID_HEX, false)
    expect(approve).toHaveBeenCalledOnce()
    expect(decline).not.toHaveBeenCalled()
  })
})

describe("somebody else", () => {
  const step = (state: State): string | undefined => state.reassignment?.step

  async function lostVisit() {
    const visited = await talkingVisit()
    visited.conversation.tell({ type: "staffUnreachable", participants: [SARI] })
    await vi.waitFor(() => {
      expect(visited.state().reassignment).toEqual({ step: "away", name: "Sari" })
    })
    return visited
  }

  it("is looked for when she says so, and let in or not as she says", async () => {
    const { session, conversation, state } = await lostVisit()
    session.reassign(true)
    expect(step(state())).toBe("waiting")
    expect(conversation.requestReassignment).toHaveBeenCalledOnce()
    const [approve, decline] = [vi.fn(nothing), vi.fn(nothing)]
    const dewi = new Participant(1, new Uint8Array(32).fill(1), new Uint8Array(32), "Dewi", "medic")
    conversation.tell({ type: "reassignmentFound", participant: dewi, approve, decline })
    await vi.waitFor(() => {
      expect(state().reassignment).toEqual({ step: "found", name: "Dewi", role: "medic" })
    })
    session.answerFound(true)
    session.answerFound(false)
    expect(approve).toHaveBeenCalledOnce()
    expect(decline).not.toHaveBeenCalled()
    conversation.tell({ type: "reassignmentLapsed" })
    await vi.waitFor(() => {
      expect(step(state())).toBe("waiting")
    })
    conversation.tell({ type: "joined", participant: dewi })
    await vi.waitFor(() => {
      expect(state().reassignment).toBeNull()
    })
  })

  it("is not looked for any more when those who were lost are back", async () => {
    const { session, conversation, state } = await lostVisit()
    session.reassign(true)
    conversation.tell({ type: "staffReachable" })
    await vi.waitFor(() => {
      expect(state().reassignment).toBeNull()
    })
    expect(conversation.cancelReassignment).toHaveBeenCalledOnce()
  })

  it("is proposed again after a while to her who would rather wait", async () => {
    const { session, conversation, state } = await lostVisit()
    vi.useFakeTimers()
    try {
      session.reassign(false)
      expect(state()).toMatchObject({ reassignment: null, unreachable: "Sari" })
      vi.advanceTimersByTime(120_000)
      expect(step(state())).toBe("away")
    } finally {
      vi.useRealTimers()
    }
    conversation.tell({ type: "staffReachable" })
    await vi.waitFor(() => {
      expect(state().unreachable).toBeNull()
    })
  })

  it("can be asked for again where the relay does not take it", async () => {
    const { session, conversation, state } = await lostVisit()
    conversation.requestReassignment.mockReturnValueOnce(Promise.reject(new RelayMisbehaved()))
    session.reassign(true)
    await vi.waitFor(() => {
      expect(step(state())).toBe("away")
    })
  })
})

async function found() {
  const visited = await talkingVisit()
  visited.conversation.tell({ type: "staffUnreachable", participants: [SARI] })
  await vi.waitFor(() => { expect(visited.state().reassignment?.step).toBe("away") })
  visited.session.reassign(true)
  const [approve, decline] = [vi.fn(nothing), vi.fn(nothing)]
  visited.conversation.tell({ type: "reassignmentFound", participant: DEWI, approve, decline })
  await vi.waitFor(() => { expect(visited.state().reassignment?.step).toBe("found") })
  // Sari is back, while she is being asked about Dewi.
  visited.conversation.tell({ type: "staffReachable" })
  await vi.waitFor(() => { expect(visited.state().unreachable).toBeNull() })
  return { ...visited, decline }
}

describe("whoever was lost is back while she is being asked about somebody else", () => {
  it("and she is not told two minutes after her no that nobody is connected", async () => {
    const { session, state } = await found()
    vi.useFakeTimers()
    try {
      session.answerFound(false)
      vi.advanceTimersByTime(120_000)
      expect(state().reassignment).toBeNull()
    } finally {
      vi.useRealTimers()
    }
  })

  it("and nobody is looked for any more when the other one's time is over", async () => {
    const { conversation, state } = await found()
    conversation.tell({ type: "reassignmentLapsed" })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(state().reassignment).toBeNull()
    expect(conversation.cancelReassignment).toHaveBeenCalledOnce()
  })
})

describe("a question about a newcomer", () => {
  async function asked() {
    const visited = await talkingVisit()
    visited.conversation.tell({ type: "joined", participant: SARI })
    const invitation = { type: "invitation", id: new Uint8Array(16).fill(9), sent: 1, deviceId: MAYA.deviceId, name: "Maya", role: "medic", reason: "my shift ends" } as const
    const [approve, decline] = [vi.fn(nothing), vi.fn(nothing)]
    visited.conversation.tell({ type: "invitationReceived", invitation, proposedBy: SARI, approve, decline })
    await vi.waitFor(() => { expect(visited.state().proposals).toHaveLength(1) })
    return { ...visited, approve }
  }

  it("is gone when whoever asked is gone, whose device alone could bring anybody in", async () => {
    const { conversation, state } = await asked()
    conversation.tell({ type: "joined", participant: DEWI }, { type: "left", participant: SARI })
    await vi.waitFor(() => { expect(state().people.map(({ name }) => name)).toEqual(["Dewi"]) })
    expect(state().proposals).toEqual([])
  })
})

describe("the end", () => {
  it.each([
    [new LogBroken(), "gap"],
    [new EpochsDiffer(), "disagreement"],
    [new NotTrusted(), "stranger"],
    [new ConversationForgotten(ErrorCode.UNKNOWN_CONVERSATION, ""), "forgotten"],
    [new RelayMisbehaved(), "trouble"],
  ] as const)("tells why it stopped: %s", async (reason, why) => {
    const { conversation, state } = await talkingVisit()
    conversation.tell({ type: "stopped", reason, unsent: [] })
    await vi.waitFor(() => {
      expect(state().ending).toEqual({ why, by: null })
    })
  })

  it("tells that nothing is taken now, also after a reconnect, and that it is again", async () => {
    const { conversation, state } = await talkingVisit()
    const isLinked = (link: State["link"]): Promise<void> => vi.waitFor(() => { expect(state().link).toBe(link) })
    conversation.tell({ type: "relayUnavailable" })
    await isLinked("held")
    conversation.tell({ type: "reconnecting" })
    await isLinked("reconnecting")
    conversation.tell({ type: "connected" })
    await isLinked("held")
    conversation.tell({ type: "relayAvailable" })
    await isLinked("connected")
  })

  it("tells who ended it", async () => {
    const { conversation, state } = await talkingVisit()
    conversation.tell({ type: "ended", by: SARI, unsent: [] })
    await vi.waitFor(() => {
      expect(state().ending).toEqual({ why: "ended", by: "Sari" })
    })
  })

  it("does not look like a conversation when the events stop without a word", async () => {
    const { conversation, state } = await talkingVisit()
    conversation.isOver = true
    conversation.tell()
    await vi.waitFor(() => {
      expect(state().ending?.why).toBe("trouble")
    })
  })

  it("is hers to choose", async () => {
    const { session, talker, state } = await talkingVisit()
    await session.end()
    expect(talker.close).toHaveBeenCalledOnce()
    expect(state().ending?.why).toBe("left")
  })
})

describe("an earlier conversation", () => {
  /** What is asked for next continues, after these events. */
  async function continuedAfter(...events: Event[]) {
    const visited = await talkingVisit()
    visited.conversation.isOver = true
    visited.conversation.tell(...events)
    await vi.waitFor(() => {
      expect(visited.state().phase).toBe("over")
    })
    const [before, goesBack] = [visited.conversation, visited.session.goesBack]
    visited.talker.ask.mockImplementationOnce(() => new Promise(() => undefined))
    void visited.session.ask(WISHES)
    await vi.waitFor(() => {
      expect(visited.talker.ask).toHaveBeenCalledTimes(2)
    })
    const continued = visited.talker.ask.mock.lastCall?.[1] ?? null
    expect(goesBack).toBe(continued !== null)
    return continued === null ? "nobody" : (continued as unknown) === before && "whoever was there"
  }

  it.each<[string, Event[]]>([
    ["ended by staff", [{ type: "ended", by: SARI, unsent: [] }]],
    ["broken on the way", [{ type: "stopped", reason: new LogBroken(), unsent: [] }]],
    ["refused by the relay", [{ type: "stopped", reason: new RelayMisbehaved(), unsent: [] }]],
  ])("is continued with whoever was there: %s", async (_, events) => {
    expect(await continuedAfter(...events)).toBe("whoever was there")
  })

  it.each<[string, Event[]]>([
    ["somebody could not be verified", [{ type: "rosterRefused", reason: new NotTrusted() }]],
    ["people were led apart", [{ type: "stopped", reason: new EpochsDiffer(), unsent: [] }]],
  ])("is not when it was stopped for her safety: %s", async (_, events) => {
    expect(await continuedAfter(...events)).toBe("nobody")
  })

  it("is continued after she has left it, unless she would rather have somebody else", async () => {
    const { session, talker, conversation } = await talkingVisit()
    await session.end()
    void session.ask(WISHES)
    await vi.waitFor(() => {
      expect(talker.ask).toHaveBeenLastCalledWith(WISHES, conversation)
    })
    session.goOnWithAnybody()
    void session.ask(WISHES)
    await vi.waitFor(() => {
      expect(talker.ask).toHaveBeenLastCalledWith(WISHES, null)
    })
  })

  it("is not when nobody had come, nor once she has vanished", async () => {
    const { session } = visit()
    void session.ask(WISHES)
    await Promise.resolve()
    await session.end()
    expect(session.goesBack).toBe(false)
    const met = await talkingVisit()
    await met.session.end()
    expect(met.session.goesBack).toBe(true)
    met.session.vanish()
    expect(met.session.goesBack).toBe(false)
  })

  it("says nothing into the next", async () => {
    const { session, conversation, state } = await talkingVisit()
    await session.end()
    void session.ask(WISHES)
    conversation.isOver = true
    conversation.tell({ type: "ended", by: SARI, unsent: [] })
    await Promise.resolve()
    expect(state().ending?.why).toBe("left")
  })
})

describe("vanishing", () => {
  it("drops the keys at once, and shows nothing that comes after", async () => {
    const { session, conversation, talker, state } = await talkingVisit()
    expect(session.vanish()).toEqual(Uint8Array.of(1, 2, 3))
    expect(talker.vanish).toHaveBeenCalledOnce()
    const before = state()
    conversation.isOver = true
    conversation.tell(text())
    await Promise.resolve()
    expect(state()).toBe(before)
  })

  it("drops also what was only being opened", async () => {
    const { session, talker } = visit()
    const asking = session.ask(WISHES)
    session.vanish()
    await asking
    expect(talker.vanish).toHaveBeenCalledOnce()
    expect(talker.ask).not.toHaveBeenCalled()
  })
})

const REFERRAL = {
  type: "referral", id: new Uint8Array(16).fill(7), sent: 5, service: "Rumah", kind: "shelter", contact: "129\nhttps://example.org", note: "",
} as const
const SERVICE_ID = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

describe("a service of which staff tell her", () => {
  it("is one of the directory, or else what they say of it", async () => {
    const { conversation, state } = await talkingVisit()
    const told = { ...REFERRAL, serviceId: SERVICE_ID, directoryVersion: 9 }
    conversation.tell({ type: "messageReceived", sender: SARI, message: told })
    conversation.tell({ type: "messageReceived", sender: SARI, message: { ...told, serviceId: null, directoryVersion: null } })
    await vi.waitFor(() => {
      expect(state().items.filter(({ kind }) => kind === "theirs")).toMatchObject([
        { text: "Rumah\n129\nhttps://example.org", at: 5000, service: { id: "00010203-0405-0607-0809-0a0b0c0d0e0f", version: 9 } },
        { text: "Rumah\n129\nhttps://example.org", service: null },
      ])
    })
  })

  it("is not what cannot be read here, which is said", async () => {
    const { conversation, state } = await talkingVisit()
    conversation.tell({ type: "messageReceived", sender: SARI, message: { type: "unknown", tag: 0x1f, raw: new Uint8Array() } })
    await vi.waitFor(() => {
      expect(state().items.at(-1)).toMatchObject({ kind: "notice", notice: "unreadable" })
    })
  })
})
