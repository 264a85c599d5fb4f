/** Making keys and joining are done in pieces, between which the page has its turn. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { takeAwayCurves } from "../oldPhone.ts"

/** How many pieces of ML-KEM there were, and how many at most in one turn of the event loop. */
interface Pieces {
  all: number
  atMost: number
}

/** Counts until `afterEach`. */
async function watched(): Promise<Pieces> {
  const { MlKem768 } = await import("mlkem")
  const spies = (["deriveKeyPair", "encap", "decap"] as const).map((piece) => vi.spyOn(MlKem768.prototype, piece))
  const seen: Pieces = { all: 0, atMost: 0 }
  const turn = (): void => {
    const all = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0)
    seen.atMost = Math.max(seen.atMost, all - seen.all)
    seen.all = all
    next = setImmediate(turn)
  }
  turn()
  return seen
}

let next: NodeJS.Immediate | undefined

/** Once the turn that is on now has been counted. */
const counted = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe.each(["new", "old"])("on a phone that is %s", (age) => {
  beforeEach(() => {
    vi.resetModules()
    if (age === "old") takeAwayCurves()
  })
  afterEach(() => {
    clearImmediate(next)
    vi.restoreAllMocks()
    vi.resetModules()
  })

  it("each piece of making her keys, and of joining, has a turn of its own", async () => {
    const { bundleOf, GROUP_ID, NOW, staff, survivor } = await import("./people.ts")
    const { MlsGroup } = await import("../../src/mls/group.ts")
    const { HYBRID_SUITE } = await import("../../src/mls/suites.ts")
    const founder = await MlsGroup.create(HYBRID_SUITE, GROUP_ID, await staff())
    const hers = await survivor()
    const pieces = await watched()
    const bundle = await bundleOf(hers, HYBRID_SUITE)
    await counted()
    expect(pieces.all).toBeGreaterThanOrEqual(2)
    const { welcome = new Uint8Array(), group } = await founder.commit([{ add: bundle.keyPackage }], { now: NOW })
    await counted()
    const before = pieces.all
    const joined = await MlsGroup.join(welcome, bundle, NOW)
    await counted()
    expect(pieces.all - before).toBeGreaterThanOrEqual(4)
    expect(pieces.atMost).toBe(1)
    expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator)
  })

  it("joins whose pieces take turns do not disturb each other", async () => {
    const { bundleOf, GROUP_ID, NOW, staff, survivor } = await import("./people.ts")
    const { MlsGroup } = await import("../../src/mls/group.ts")
    const { HYBRID_SUITE } = await import("../../src/mls/suites.ts")
    const rooms = await Promise.all(
      [1, 2, 3].map(async () => {
        const bundle = await bundleOf(await survivor(), HYBRID_SUITE)
        const founder = await MlsGroup.create(HYBRID_SUITE, GROUP_ID, await staff())
        return { bundle, ...(await founder.commit([{ add: bundle.keyPackage }], { now: NOW })) }
      }),
    )
    const joins = rooms.map(({ welcome = new Uint8Array(), bundle }) => MlsGroup.join(welcome, bundle, NOW))
    const joined = await Promise.all(joins)
    expect(joined.map(({ epochAuthenticator }) => epochAuthenticator)).toEqual(
      rooms.map(({ group }) => group.epochAuthenticator),
    )
  })
})
