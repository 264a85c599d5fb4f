import { expect, it } from "vitest"

import type { RelayLink } from "../../src/net/relayLink.ts"
import { QueueListing } from "../../src/relay/frames.ts"
import { StaffRouting } from "../../src/staff/staffRouting.ts"

const details = { need: null, language: null, preferredGender: null, region: null, urgency: 0 } as const

function waiting(id: number) {
  return { conversationId: new Uint8Array(16).fill(id), details, waitedSeconds: 0, known: id === 2 }
}

it("lists what is taken no more, before the relay says so, and nothing anew for what was not listed", () => {
  const link = { question: () => undefined } as unknown as RelayLink
  const routing = new StaffRouting(link, () => Promise.reject(new Error("nothing is taken here")))
  const listed: [number, number[]][] = []
  routing.onListing(({ waiting: count, requests }) => {
    listed.push([count, requests.map(({ conversationId }) => conversationId[0] ?? 0)])
  })
  routing.taken(waiting(2).conversationId)
  routing.receive(QueueListing({ waiting: 7, requests: [waiting(1), waiting(2)] }))
  for (const id of [2, 3, 2]) routing.taken(waiting(id).conversationId)
  expect(listed).toEqual([
    [7, [1, 2]],
    [6, [1]],
  ])
})
