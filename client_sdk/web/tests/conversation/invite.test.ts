/** A colleague of whom she was asked twice has come in by the first question. */

import { expect, it } from "vitest"

import { Inviting, type Host } from "../../src/conversation/invite.ts"
import type { StateEvent } from "../../src/events.ts"
import { KeyPackage } from "../../src/relay/frames.ts"
import { Turns } from "../../src/conversation/turns.ts"
import { NOW, Pair } from "../scriptedLog.ts"

it("is done when the colleague is here already", async () => {
  const pair = await Pair.talking()
  const maya = await pair.organisation.staff("Maya")
  const { deviceId } = await maya.who()
  const { state } = pair.counselor
  type Condition = (event: StateEvent | null) => boolean
  let waiting: { condition: Condition; done: () => void }[] = []
  const turns = new Turns()
  const look = (): Promise<void> => turns.take(see)
  const see = async (): Promise<void> => {
    await pair.log.pump()
    for (const event of [...pair.counselor.collect(), null]) {
      waiting = waiting.filter(({ condition, done }) => {
        const isDone = condition(event)
        if (isDone) done()
        return !isDone
      })
    }
  }
  const host = {
    state,
    link: { ask: async () => KeyPackage({ ref: 1, deviceId, keyPackage: (await maya.keyPackage()).keyPackage }) },
    turn: (work: () => unknown) =>
      turns.take(async () => {
        const result = await work()
        await see()
        return result
      }),
    until: (condition: Condition) =>
      condition(null) ? Promise.resolve() : new Promise<void>((done) => waiting.push({ condition, done })),
    finished: () => null,
  } as unknown as Host
  const inviting = new Inviting(host)
  const colleague = { deviceId, name: "Maya", role: "counselor", languages: [], skills: [], availability: 2, load: 0 } as const
  const first = inviting.invite(colleague, "one")
  const second = inviting.invite(colleague, "two")
  await look()
  const tasksDone = async (): Promise<void> => {
    for (let times = 0; times < 20; times += 1) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await tasksDone()
  const asked = pair.survivor.collect().flatMap((event) => (event.type === "invitationReceived" ? [event.invitation] : []))
  expect(asked).toHaveLength(2)
  for (const invitation of asked) {
    await turns.take(() => pair.survivor.state.answer(invitation, true, NOW))
    await tasksDone()
  }
  expect((await first).name).toBe("Maya")
  expect((await second).name).toBe("Maya")
}, 6000)
