import { describe, expect, it } from "vitest"

import { INITIAL, reduce, unsentOf } from "../../../apps/survivor/state.ts"
import type { Action, Person, Proposal, State } from "../../../apps/survivor/stateTypes.ts"

const SARI: Person = { key: "01", name: "Sari", role: "counselor" }
const DEWI: Person = { key: "02", name: "Dewi", role: "interpreter" }
const PROPOSAL: Proposal = { id: "aa", name: "Dewi", role: "interpreter", reason: "", by: SARI }

const after = (...actions: Action[]): State => actions.reduce(reduce, INITIAL)
const talking = (...actions: Action[]): State => after({ type: "asked" }, { type: "joined", person: SARI }, ...actions)
const notices = (state: State): string[] =>
  state.items.flatMap((item) => (item.kind === "notice" ? [`${item.notice} ${item.name}`] : []))

describe("the way of a conversation", () => {
  it("goes from the first tap to waiting to talking", () => {
    expect(INITIAL.phase).toBe("welcome")
    expect(after({ type: "asked" }).phase).toBe("waiting")
    expect(talking().phase).toBe("talking")
  })

  it("returns to the first screen when asking failed, with what she had chosen", () => {
    const state = after({ type: "chosen", need: "legal", urgency: 1 }, { type: "asked" }, { type: "askFailed" })
    expect(state).toMatchObject({ phase: "welcome", couldNotAsk: true, need: "legal", urgency: 1 })
    expect(reduce(state, { type: "asked" })).toMatchObject({ phase: "waiting", couldNotAsk: false })
  })

  it("keeps what was chosen when something else is", () => {
    const state = after({ type: "chosen", need: "legal" }, { type: "chosen", urgency: 2 })
    expect(state).toMatchObject({ need: "legal", urgency: 2, preferredGender: null, region: null })
    const more = reduce(reduce(state, { type: "chosen", preferredGender: "male" }), { type: "chosen", region: "Bogor" })
    expect(more).toMatchObject({ need: "legal", urgency: 2, preferredGender: "male", region: "Bogor" })
    expect(reduce(more, { type: "chosen", region: null })).toMatchObject({ preferredGender: "male", region: null })
  })

  it("forgets everything that was said when she begins anew", () => {
    const state = talking(
      { type: "said", id: "1", text: "secret", at: 0 },
      { type: "over", why: "ended", by: "Sari" },
      { type: "again" },
    )
    expect(state).toEqual(INITIAL)
  })

  it("keeps the first reason for which it is over", () => {
    const state = talking({ type: "over", why: "stranger", by: null }, { type: "over", why: "trouble", by: null })
    expect(state.ending).toEqual({ why: "stranger", by: null })
  })
})

describe("what nobody has got when it is over", () => {
  const said = (...more: Action[]): State =>
    talking(
      ...(["1", "2", "3"] as const).map((id): Action => ({ type: "said", id, text: `text ${id}`, at: 0 })),
      { type: "progressed", id: "1", progress: "sent" },
      ...more,
    )

  it.each(["ended", "forgotten", "gap", "trouble", "stranger", "disagreement"] as const)("is given back: %s", (why) => {
    expect(unsentOf(said({ type: "over", why, by: null }))).toBe("text 2\ntext 3")
  })

  it("is not where she has ended it herself", () => {
    expect(unsentOf(said({ type: "over", why: "left", by: null }))).toBe("")
  })

  it("is not where it goes out by itself when she asks again", () => {
    const alone = after({ type: "asked" }, { type: "said", id: "1", text: "hello", at: 0 }, { type: "over", why: "trouble", by: null })
    expect(unsentOf(alone)).toBe("")
  })
})

describe("the room", () => {
  it("tells who came and who left", () => {
    const state = talking({ type: "joined", person: DEWI }, { type: "left", person: SARI })
    expect(state.people).toEqual([DEWI])
    expect(notices(state)).toEqual(["joined Sari", "joined Dewi", "left Sari"])
  })

  it("says who cannot be reached until they are gone or somebody comes", () => {
    const away: Action = { type: "reached", unreachable: "Sari" }
    expect(talking(away).unreachable).toBe("Sari")
    expect(talking(away, { type: "joined", person: DEWI }).unreachable).toBeNull()
    expect(talking(away, { type: "left", person: SARI }).unreachable).toBeNull()
    expect(talking({ type: "joined", person: DEWI }, away, { type: "left", person: DEWI }).unreachable).toBe("Sari")
  })

  it("counts nobody twice", () => {
    expect(talking({ type: "joined", person: SARI }).people).toEqual([SARI])
  })

  it("tells two people of one name apart", () => {
    expect(talking({ type: "joined", person: { ...DEWI, name: "Sari" } }).people).toHaveLength(2)
  })

  it("keeps a question until she answers it, and notes the answer", () => {
    const asked = talking({ type: "proposed", proposal: PROPOSAL })
    expect(asked.proposals).toEqual([PROPOSAL])
    const answered = reduce(asked, { type: "answered", id: "aa", accepted: false })
    expect(answered.proposals).toEqual([])
    expect(notices(answered)).toContain("declined Dewi")
  })

  it("asks no more when it is over", () => {
    const state = talking({ type: "proposed", proposal: PROPOSAL }, { type: "over", why: "ended", by: null })
    expect(state.proposals).toEqual([])
  })
})

describe("a message", () => {
  it("goes on from kept to read and never back", () => {
    const state = talking(
      { type: "said", id: "1", text: "hello", at: 0 },
      { type: "progressed", id: "1", progress: "read" },
      { type: "progressed", id: "1", progress: "sent" },
    )
    expect(state.progress["1"]).toBe("read")
  })

  it("may be on its way before its own id is known here", () => {
    const state = talking({ type: "progressed", id: "1", progress: "sent" }, { type: "said", id: "1", text: "x", at: 0 })
    expect(state.progress["1"]).toBe("sent")
  })

  it("that came ends its sender's typing, and nobody else's", () => {
    const state = talking(
      { type: "typing", person: SARI, active: true },
      { type: "typing", person: DEWI, active: true },
      { type: "heard", id: "1", by: SARI, text: "hello", at: 0, service: null },
    )
    expect(state.typing).toEqual([DEWI])
  })
})

describe("the queue", () => {
  it("remembers each place once, with when it was reached", () => {
    const state = after(
      { type: "asked" },
      { type: "placed", position: 3, at: 0 },
      { type: "placed", position: 3, at: 5 },
      { type: "placed", position: 2, at: 9 },
    )
    expect(state.sightings).toEqual([
      { position: 3, at: 0 },
      { position: 2, at: 9 },
    ])
  })

  it("knows nothing of its pace any more once she stands further back", () => {
    const state = after({ type: "placed", position: 1, at: 0 }, { type: "placed", position: 4, at: 9 })
    expect(state.sightings).toEqual([{ position: 4, at: 9 }])
  })
})

describe("the cover", () => {
  const hidden = (at: number): Action => ({ type: "hidden", at })
  const seen = (at: number, isDisguised = false): Action => ({ type: "seen", at, coverAfterMs: 60_000, isDisguised })

  it("comes where the clock was set back meanwhile, but for the little by which it is set right all the time", () => {
    expect(talking(hidden(7_200_000), seen(3_700_000)).covered).toBe(true)
    expect(talking(hidden(7_200_000), seen(7_199_900)).covered).toBe(false)
  })

  it("comes when the page was away for long, and stays until she lifts it", () => {
    const state = talking(hidden(0), seen(60_000))
    expect(state.covered).toBe(true)
    expect(reduce(reduce(state, hidden(70_000)), seen(70_001)).covered).toBe(true)
    expect(reduce(state, { type: "uncovered" }).covered).toBe(false)
  })

  it("does not come after a moment", () => {
    expect(talking(hidden(0), seen(59_999)).covered).toBe(false)
  })

  it("has nothing to cover on the first screen", () => {
    expect(after(hidden(0), seen(90_000)).covered).toBe(false)
  })

  it("comes back over the first screen of a disguised page, which told too much before, too", () => {
    expect(after(hidden(0), seen(60_000, true)).covered).toBe(true)
    expect(after(hidden(0), seen(59_999, true)).covered).toBe(false)
  })
})
