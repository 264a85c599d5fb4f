import { describe, expect, it } from "vitest"

import {
  EMPTY_DESK,
  freeNumber,
  inOrder,
  neighbour,
  newTalk,
  openTalks,
  reduceDesk,
  search,
  wantsAttention,
  type DeskAction,
  type DeskState,
  type Person,
  type Talk,
  type TalkAction,
} from "../../../../apps/console/desk/deskState.ts"

const HER: Person = { key: "01", name: null, role: "survivor" }
const DEWI: Person = { key: "02", name: "Dewi", role: "interpreter" }
const WHO = { name: "Dewi", role: "interpreter" }

const talk = (id: string, number: number): Talk => newTalk(id, number, number, null, [HER])
const opened = (id: string, number: number, isShown = false): DeskAction => ({ type: "opened", talk: talk(id, number), isShown })
const after = (...actions: DeskAction[]): DeskState => actions.reduce(reduceDesk, EMPTY_DESK)
const inTalk = (action: TalkAction, id = "a"): DeskAction => ({ type: "talk", id, action })
const oneTalk = (...actions: TalkAction[]): Talk | undefined =>
  after(opened("a", 1), ...actions.map((action) => inTalk(action))).talks[0]
const heard = (id: string, text: string, isSeen = false, at = 0): TalkAction => ({ type: "heard", id, by: HER, text, at, came: at, isSeen })
const notices = (one: Talk | undefined): string[] =>
  (one?.items ?? []).flatMap((item) => (item.kind === "notice" ? [`${item.notice} ${item.name}`] : []))

describe("what wants attention", () => {
  const listed = (makesOffers: boolean): DeskAction => ({ type: "listed", waiting: 2, queue: [], makesOffers })
  const offer = { id: "o", need: null, language: null, urgency: 1, since: 0, until: 20_000 } as const

  it("are those who wait, for who is available and may take them", () => {
    expect(wantsAttention(after(listed(false)))).toBe(0)
    const available: DeskAction = { type: "presence", presence: "available" }
    expect(wantsAttention(after(listed(false), available))).toBe(2)
    expect(wantsAttention(after(listed(true), available))).toBe(0)
  })

  it("are offers, and where colleagues have brought us, whatever our presence", () => {
    expect(wantsAttention(after({ type: "offered", offers: [offer] }, { type: "invited", id: "i" }))).toBe(2)
  })
})

describe("the list of talks", () => {
  it("stays in the order in which they began", () => {
    expect(after(opened("b", 2), opened("a", 1)).talks.map(({ id }) => id)).toEqual(["a", "b"])
  })

  it("shows a talk that was accepted, and not one that was restored", () => {
    expect(after(opened("a", 1, true), opened("b", 2)).shown).toBe("a")
  })

  it("shows nothing when it is asked for a talk that is not there", () => {
    expect(after(opened("a", 1, true), { type: "shown", id: "z" }).shown).toBeNull()
  })

  it("gives the smallest number that is free", () => {
    expect(freeNumber([talk("a", 1), talk("b", 3)])).toBe(2)
  })

  it("is walked through around both ends", () => {
    const state = after(opened("a", 1, true), opened("b", 2))
    expect(neighbour(state, 1)).toBe("b")
    expect(neighbour(state, -1)).toBe("b")
    expect(neighbour({ ...state, shown: "b" }, 1)).toBe("a")
    expect(neighbour(EMPTY_DESK, 1)).toBeNull()
  })
})

describe("how long she has waited for an answer", () => {
  const asked = (urgency: 0 | 1 | 2, waitedSeconds = 0) => ({ need: null, language: null, urgency, waitedSeconds })
  const at = (came: number, text = "x", sent = came): TalkAction => ({ type: "heard", id: `${came}`, by: HER, text, at: sent, came, isSeen: true })
  const say = (when: number): TalkAction => ({ type: "said", id: `said ${when}`, text: "y", at: when })

  it("begins when she asks, and ends with the first word of staff", () => {
    const begun = newTalk("a", 1, 100_000, asked(0, 60), [HER])
    expect(begun.waitsSince).toBe(40_000)
    const state = after({ type: "opened", talk: begun, isShown: true }, inTalk(at(90_000)))
    expect(state.talks[0]?.waitsSince).toBe(40_000)
    expect(reduceDesk(state, inTalk(say(110_000))).talks[0]?.waitsSince).toBeNull()
  })

  it("is counted from the first of her messages that nobody has answered", () => {
    expect(oneTalk(say(10), at(20), at(30))?.waitsSince).toBe(20)
    expect(oneTalk(at(10), { ...at(20), by: DEWI } as TalkAction)?.waitsSince).toBeNull()
  })

  it("goes by her clock for what came late, but never before our last answer nor into the future", () => {
    expect(oneTalk(say(10), at(900, "x", 300))?.waitsSince).toBe(300)
    expect(oneTalk(say(10), at(900, "x", 3))?.waitsSince).toBe(10)
    expect(oneTalk(say(10), at(900, "x", 5_000))?.waitsSince).toBe(900)
  })

  it("is nothing in a conversation that others began and in which she has not written", () => {
    expect(talk("a", 1).waitsSince).toBeNull()
  })

  it("orders the list: danger first, then the longest wait, and what is over last", () => {
    const begun = (id: string, number: number, urgency: 0 | 1 | 2): DeskAction => ({
      type: "opened",
      talk: newTalk(id, number, number, asked(urgency), [HER]),
      isShown: false,
    })
    const state = after(
      begun("answered", 1, 1),
      begun("over", 2, 2),
      begun("soon", 3, 0),
      begun("long", 4, 1),
      begun("danger", 5, 2),
      ...["answered", "soon", "long", "danger"].map((id) => inTalk(say(10), id)),
      inTalk(at(30), "soon"),
      inTalk(at(20), "long"),
      inTalk({ type: "over", why: "ended", by: null }, "over"),
    )
    expect(inOrder(state.talks).map(({ id }) => id)).toEqual(["danger", "long", "soon", "answered", "over"])
    expect(neighbour({ ...state, shown: "danger" }, 1)).toBe("long")
  })
})

describe("what is unread", () => {
  it("is counted until somebody looks", () => {
    const state = after(opened("a", 1), inTalk(heard("1", "x")), inTalk(heard("2", "y")))
    expect(wantsAttention(state)).toBe(2)
    expect(wantsAttention(reduceDesk(state, inTalk({ type: "seen" })))).toBe(0)
  })

  it("is nothing that came in front of somebody's eyes", () => {
    expect(oneTalk(heard("1", "x", true))?.unread).toBe(0)
  })

  it("is counted once, though the message is told again after it was restored", () => {
    const one = oneTalk(heard("1", "x"), heard("1", "x"))
    expect(one?.unread).toBe(1)
    expect(one?.items).toHaveLength(1)
  })
})

describe("a message", () => {
  it("goes on from kept to read and never back, also before its own id is known", () => {
    const one = oneTalk(
      { type: "progressed", id: "1", progress: "read" },
      { type: "said", id: "1", text: "hello", at: 0 },
      { type: "progressed", id: "1", progress: "sent" },
    )
    expect(one?.progress["1"]).toBe("read")
  })

  it("that came ends its sender's typing", () => {
    expect(oneTalk({ type: "typing", person: HER, active: true }, heard("1", "x"))?.typing).toEqual([])
  })
})

describe("a colleague who is brought in", () => {
  it("is proposed until the survivor has answered", () => {
    const proposed = oneTalk({ type: "proposed", who: WHO })
    expect(proposed?.proposal).toEqual(WHO)
    const declined = oneTalk({ type: "proposed", who: WHO }, { type: "decided", notice: "declined", who: WHO })
    expect(declined?.proposal).toBeNull()
    expect(notices(declined)).toEqual(["declined Dewi"])
  })

  it("is told of once, when she comes and when she leaves", () => {
    const one = oneTalk({ type: "joined", person: DEWI }, { type: "joined", person: DEWI }, { type: "left", person: DEWI })
    expect(notices(one)).toEqual(["joined Dewi", "left Dewi"])
    expect(one?.people).toEqual([HER])
  })

  it("of somebody else's proposal does not end ours", () => {
    const other = { name: "Budi", role: "medic" }
    const one = oneTalk({ type: "proposed", who: WHO }, { type: "decided", notice: "declined", who: other })
    expect(one?.proposal).toEqual(WHO)
  })
})

describe("a talk that is over", () => {
  it("keeps its first reason and is not among the open ones", () => {
    const over = (why: "gap" | "trouble"): DeskAction => inTalk({ type: "over", why, by: null })
    const state = after(opened("a", 1), over("gap"), over("trouble"))
    expect(state.talks[0]?.ending?.why).toBe("gap")
    expect(openTalks(state)).toEqual([])
  })

  it("leaves nothing but a count when it is filed without its note", () => {
    const state = after(
      opened("a", 1, true),
      inTalk(heard("1", "secret")),
      inTalk({ type: "noted", note: "private" }),
      { type: "filed", id: "a", outcome: "helped", note: null },
    )
    expect(state).toEqual({ ...EMPTY_DESK, tally: { helped: 1 } })
  })

  it("leaves its note when that is wanted, until it is deleted", () => {
    const note = { id: "a", at: 0, outcome: "referred", text: "private" } as const
    const state = after(opened("a", 1), { type: "filed", id: "a", outcome: "referred", note })
    expect(state.filed).toEqual([note])
    expect(reduceDesk(state, { type: "noteDropped", id: "a" }).filed).toEqual([])
  })
})

describe("the search", () => {
  const talks = after(
    opened("a", 1),
    opened("b", 2),
    inTalk(heard("1", "Di Café itu", false, 1)),
    inTalk({ type: "said", id: "2", text: "cafe lain", at: 2 }, "b"),
    inTalk({ type: "joined", person: { ...DEWI, name: "Cafe" } }),
  ).talks

  it("finds words in all talks whatever their case and accents, the newest first", () => {
    expect(search(talks, " CAFE ").map(({ item }) => item.id)).toEqual(["2", "1"])
  })

  it("finds nothing for nothing", () => {
    expect(search(talks, "  ")).toEqual([])
  })
})
