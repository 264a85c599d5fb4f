/** What the desk tells of handing over, with a made-up SDK behind it. */

import { describe, expect, it } from "vitest"

import { EMPTY_DESK, newTalk, reduceDesk, search, type DeskState, type HandOverStage } from "../../../../apps/console/desk/deskState.ts"
import { availableFirst } from "../../../../apps/console/desk/deskTerms.ts"
import type { Colleague } from "../../../../src/index.ts"

const WHO = { name: "Maya", role: "medic" }
const SARI = { key: "02", name: "Sari", role: "counselor" }

function after(...stages: readonly HandOverStage[]): DeskState {
  const talk = newTalk("07", 1, 0, null, [])
  const opened = reduceDesk(EMPTY_DESK, { type: "opened", talk, isShown: true })
  return stages.reduce(
    (state, stage) => reduceDesk(state, { type: "talk", id: "07", action: { type: "handOver", handOver: { who: WHO, stage } } }),
    opened,
  )
}

describe("handing over", () => {
  it.each(["declined", "absent", "failed"] as const)("leaves the conversation open when it was %s", (stage) => {
    expect(after("going", stage).talks[0]).toMatchObject({ ending: null, handOver: { who: WHO, stage } })
  })

  it("is over when it is done, whichever of the SDK's two pieces of news comes first", () => {
    const [done] = after("going", "done").talks
    expect(done?.ending).toEqual({ why: "handedOver", by: "Maya" })
    const ended = reduceDesk(after("going"), { type: "talk", id: "07", action: { type: "over", why: "ended", by: "Sari" } })
    const handOver = { who: WHO, stage: "done" } as const
    const [late] = reduceDesk(ended, { type: "talk", id: "07", action: { type: "handOver", handOver } }).talks
    expect(late?.ending).toEqual({ why: "handedOver", by: "Maya" })
  })

  it("shows a note once, and finds it", () => {
    const heard = { type: "noteHeard", id: "09", by: SARI, text: "Ask for Ibu Tini.", at: 1 } as const
    const twice = [heard, heard].reduce((state, action) => reduceDesk(state, { type: "talk", id: "07", action }), after())
    expect(twice.talks[0]?.items).toEqual([{ kind: "note", id: "09", by: SARI, text: "Ask for Ibu Tini.", at: 1 }])
    expect(search(twice.talks, "tini")).toHaveLength(1)
  })
})

describe("the choice of a colleague", () => {
  const colleague = (name: string, availability: Colleague["availability"], load = 0): Colleague => ({
    deviceId: new Uint8Array([1]),
    name,
    role: "counselor",
    languages: [],
    skills: [],
    availability,
    load,
  })

  it("lists who is available first, then who is busy", () => {
    const listed = [colleague("Ayu", 0), colleague("Tuti", 2), colleague("Beti", 1)]
    expect(availableFirst(listed).map(({ name }) => name)).toEqual(["Tuti", "Beti", "Ayu"])
    expect(listed[0]?.name).toBe("Ayu")
  })

  it("lists who is in fewer conversations before who is in more, and then by name", () => {
    const listed = [colleague("Tuti", 2, 2), colleague("Sri", 2, 1), colleague("Maya", 2, 1)]
    expect(availableFirst(listed).map(({ name }) => name)).toEqual(["Maya", "Sri", "Tuti"])
  })
})
