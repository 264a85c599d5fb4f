/** Her phone slept while nobody was there; meanwhile somebody came. */
import { expect, it, vi } from "vitest"

import type { Conversation, Event } from "../../../apps/survivor/sdk.ts"
import { Session, type Talker } from "../../../apps/survivor/session.ts"
import { INITIAL, reduce } from "../../../apps/survivor/state.ts"
import type { State } from "../../../apps/survivor/stateTypes.ts"

const WISHES = { need: null, preferredGender: null, region: null, urgency: null, language: "id" } as const

it("does not say that nobody is there because of what the connection before had told", async () => {
  const events: Event[] = []
  let wake = (): void => undefined
  const conversation = {
    isConnected: true,
    async *[Symbol.asyncIterator](): AsyncIterator<Event> {
      for (;;) {
        for (const event of events.splice(0)) yield event
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
  const talker = { ask: () => Promise.resolve(conversation as unknown as Conversation), leaveBeacon: new Uint8Array(), vanish: vi.fn(), close: vi.fn(), verificationBlocked: null, onVerificationBlocked: vi.fn(), onPaying: vi.fn() }
  let state: State = INITIAL
  const session = new Session(() => Promise.resolve(talker as unknown as Talker), (action) => (state = reduce(state, action)))
  void session.ask(WISHES)
  await vi.waitFor(() => {
    expect(state.link).toBe("connected")
  })
  events.push(
    { type: "waiting", position: 1, leastSeconds: null, mostSeconds: null },
    { type: "staffAvailable", somebody: false, opens: 1_900_000_000 },
    // The phone sleeps; somebody comes meanwhile. On a new connection the relay takes it that she knows nothing:
    // `OpeningTime` 0 is told only to whom it has told something else (queue_news.py, _Told.opens = 0).
    { type: "reconnecting" },
    { type: "waiting", position: 1, leastSeconds: null, mostSeconds: null },
    { type: "connected" },
  )
  wake()
  await vi.waitFor(() => {
    expect(state.sightings).toHaveLength(1)
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(state.link).toBe("connected")
  expect(state.prospect.opens).toBe(0)
})
