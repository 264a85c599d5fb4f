/** When her device asks the relay for somebody else, and when it does not. */

import { expect, it } from "vitest"

import type { ConversationState } from "../../src/conversation/conversationState.ts"
import { RelayLost, RelayRefused } from "../../src/errors.ts"
import { Done, ErrorCode, NO_DETAILS, type ClientFrame } from "../../src/relay/frames.ts"
import type { Answer, RelayLink } from "../../src/net/relayLink.ts"
import { Reassignment } from "../../src/conversation/reassignment.ts"
import { ReassignmentState } from "../../src/conversation/reassignmentState.ts"

function madeUp() {
  const asked: string[] = []
  const world = { isUp: true, refusesWith: null as ErrorCode | null }
  const laters: (() => void)[] = []
  const reassignment = new ReassignmentState({ emit: () => undefined })
  const setReassignment = (isOn: boolean): Promise<void> => {
    reassignment.end()
    reassignment.isOn = isOn
    return Promise.resolve()
  }
  const question = (make: (ref: number) => ClientFrame, answer: (answer: Answer) => void): void => {
    asked.push(world.isUp ? make(1).type : "nobody")
    if (!world.isUp) answer(new RelayLost("there is no connection to the relay"))
    else if (world.refusesWith !== null) answer(new RelayRefused(world.refusesWith, "refused"))
    else answer(Done({ ref: 1 }))
  }
  const driver = new Reassignment({
    state: { conversationId: new Uint8Array(16), reassignment, isOver: false, setReassignment } as unknown as ConversationState,
    link: { waitUntilUp: () => Promise.resolve(), question } as unknown as RelayLink,
    act: async (work) => {
      await work()
    },
    emit: () => undefined,
    later: (work) => {
      laters.push(work)
    },
    isBusy: ({ code }) => code === ErrorCode.UNAVAILABLE,
  })
  const goOn = (): void => {
    for (const work of laters.splice(0)) work()
  }
  return { asked, reassignment, driver, world, goOn }
}

it("asks again whenever there may be an answer, and never behind the commit that lets somebody in", async () => {
  const { asked, reassignment, driver } = madeUp()
  await driver.begin(NO_DETAILS)
  driver.retry()
  expect(asked.splice(0)).toEqual(["requestReassignment", "requestReassignment"])
  reassignment.isApproved = true
  driver.retry()
  expect(asked).toEqual([])
  driver.failed()
  expect(asked.splice(0)).toEqual(["requestReassignment"])
  reassignment.isApproved = true
  reassignment.complete()
  driver.retry()
  expect(asked).toEqual([])
})

it("takes back what it asked for, however long the relay is away", async () => {
  const { asked, driver, world } = madeUp()
  await driver.begin(NO_DETAILS)
  world.isUp = false
  await driver.end()
  driver.retry()
  world.isUp = true
  driver.retry()
  driver.retry()
  expect(asked).toEqual(["requestReassignment", "nobody", "nobody", "cancelRequest"])
})

it("takes back what it asked for also where the relay cannot answer for a moment", async () => {
  const { asked, driver, world, goOn } = madeUp()
  await driver.begin(NO_DETAILS)
  world.refusesWith = ErrorCode.UNAVAILABLE
  await driver.end()
  goOn()
  world.refusesWith = null
  goOn()
  goOn()
  expect(asked).toEqual(["requestReassignment", "cancelRequest", "cancelRequest", "cancelRequest"])
})

it("takes back nothing of what it could not take back once a reassignment is requested again", async () => {
  const { asked, driver, world, goOn } = madeUp()
  await driver.begin(NO_DETAILS)
  world.refusesWith = ErrorCode.UNAVAILABLE
  await driver.end()
  world.refusesWith = null
  await driver.begin(NO_DETAILS)
  goOn()
  expect(asked).toEqual(["requestReassignment", "cancelRequest", "requestReassignment"])
})

it("takes back nothing any more once a reassignment is requested again", async () => {
  const { asked, driver, world } = madeUp()
  await driver.begin(NO_DETAILS)
  world.isUp = false
  await driver.end()
  world.isUp = true
  await driver.begin(NO_DETAILS)
  driver.retry()
  expect(asked).toEqual(["requestReassignment", "nobody", "requestReassignment", "requestReassignment"])
})
