/** One call at a time on a desk: whoever rings in another conversation meanwhile is told that we are busy. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { DeskCalls } from "../../../../apps/console/desk/deskCalls.ts"
import type { Conversation } from "../../../../apps/console/sdk.ts"
import { COUNSELOR, giveUpBrowser, makeUpBrowser, idle, Talk } from "../../../call/madeUpTalk.ts"

beforeEach(() => {
  makeUpBrowser()
  vi.stubGlobal("CSSStyleSheet", class {
    replaceSync = (): void => undefined
  })
  Object.assign(document, { adoptedStyleSheets: [] })
})
afterEach(giveUpBrowser)

/** A desk that calls in one conversation and hears of the calls of another, of which there were none yet. */
async function calling(): Promise<readonly [DeskCalls, Talk]> {
  const [calls, talk, other] = [new DeskCalls(), new Talk(), new Talk()]
  calls.begin("one", talk as unknown as Conversation)
  calls.begin("other", other as unknown as Conversation)
  const rung = calls.ring("one", false)
  // The code of calls is fetched.
  await vi.waitFor(async () => {
    await talk.answers()
    expect(talk.said).toContain("ring")
  })
  await rung
  return [calls, other]
}

it("is busy for the first who rings in a conversation, too", async () => {
  const [calls, other] = await calling()
  await other.rings(COUNSELOR)
  await vi.waitFor(() => {
    expect(typeof calls.state("other")).toBe("object")
  })
  await idle()
  expect(calls.ringing).toEqual([])
  expect(other.said).toEqual(["decline"])
  expect(calls.isTalking).toBe(true)
})
