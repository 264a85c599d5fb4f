/** When her device asks the relay for somebody else, and when it does not. */

import { expect, it } from "vitest"

import type { ConversationState } from "../src/conversationState.ts"
import { RelayLost, RelayRefused } from "../src/errors.ts"
import { Done, ErrorCode, NO_DETAILS, type ClientFrame } from "../src/relay/frames.ts"
import type { Answer, RelayLink } from "../src/relayLink.ts"
import { Search } from "../src/search.ts"
import { Seeking } from "../src/seeking.ts"

function madeUp() {
  const asked: string[] = []
  const world = { isUp: true, refusesWith: null as ErrorCode | null }
  const laters: (() => void)[] = []
  const seeking = new Seeking(() => undefined)
  const seek = (isOn: boolean): Promise<void> => {
    seeking.end()
    seeking.isOn = isOn
    return Promise.resolve()
  }
  const question = (make: (ref: number) => ClientFrame, answer: (answer: Answer) => void): void => {
    asked.push(world.isUp ? make(1).type : "nobody")
    if (!world.isUp) answer(new RelayLost("there is no connection to the relay"))
    else if (world.refusesWith !== null) answer(new RelayRefused(world.refusesWith, "refused"))
    else answer(Done({ ref: 1 }))
  }
  const search = new Search({
    state: { conversationId: new Uint8Array(16), seeking, isOver: false, seek } as unknown as ConversationState,
    link: { waitUntilUp: () => Promise.resolve(), question } as unknown as RelayLink,
    act: async (work) => {
      await work()
    },
    tell: () => undefined,
    later: (work) => {
      laters.push(work)
    },
    isBusy: ({ code }) => code === ErrorCode.UNAVAILABLE,
  })
  const goOn = (): void => {
    for (const work of laters.splice(0)) work()
  }
  return { asked, seeking, search, world, goOn }
}

it("asks again whenever there may be an answer, and never behind the commit that lets somebody in", async () => {
  const { asked, seeking, search } = madeUp()
  await search.begin(NO_DETAILS)
  search.look()
  expect(asked.splice(0)).toEqual(["seekAnother", "seekAnother"])
  seeking.isDecided = true
  search.look()
  expect(asked).toEqual([])
  search.failed()
  expect(asked.splice(0)).toEqual(["seekAnother"])
  seeking.isDecided = true
  seeking.done()
  search.look()
  expect(asked).toEqual([])
})

it("takes back what it asked for, however long the relay is away", async () => {
  const { asked, search, world } = madeUp()
  await search.begin(NO_DETAILS)
  world.isUp = false
  await search.end()
  search.look()
  world.isUp = true
  search.look()
  search.look()
  expect(asked).toEqual(["seekAnother", "nobody", "nobody", "cancelRequest"])
})

it("takes back what it asked for also where the relay cannot answer for a moment", async () => {
  const { asked, search, world, goOn } = madeUp()
  await search.begin(NO_DETAILS)
  world.refusesWith = ErrorCode.UNAVAILABLE
  await search.end()
  goOn()
  world.refusesWith = null
  goOn()
  goOn()
  expect(asked).toEqual(["seekAnother", "cancelRequest", "cancelRequest", "cancelRequest"])
})

it("takes back nothing of what it could not take back once it seeks again", async () => {
  const { asked, search, world, goOn } = madeUp()
  await search.begin(NO_DETAILS)
  world.refusesWith = ErrorCode.UNAVAILABLE
  await search.end()
  world.refusesWith = null
  await search.begin(NO_DETAILS)
  goOn()
  expect(asked).toEqual(["seekAnother", "cancelRequest", "seekAnother"])
})

it("takes back nothing any more once it seeks again", async () => {
  const { asked, search, world } = madeUp()
  await search.begin(NO_DETAILS)
  world.isUp = false
  await search.end()
  world.isUp = true
  await search.begin(NO_DETAILS)
  search.look()
  expect(asked).toEqual(["seekAnother", "nobody", "seekAnother", "seekAnother"])
})
