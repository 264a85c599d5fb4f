/** The list that is fetched: whoever is about to ask for help waits for one that is fresh then. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { AuthenticationService } from "../src/authenticationService.ts"
import { readOrganisation } from "../src/organisation.ts"
import { RevocationFetch } from "../src/revocations.ts"
import { vectors } from "./credentials/vectors.ts"

const { list, now } = vectors
const organisation = readOrganisation(vectors.organisation)
const DAY_MS = 24 * 3_600_000

beforeEach(() => {
  vi.useFakeTimers({ now: now * 1000 })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it("is waited for again where the one that came has become too old since", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ list })))
  const fetched = new RevocationFetch("https://relay.example", AuthenticationService.of(organisation))
  const running = fetched.run()
  await fetched.wait()
  vi.setSystemTime(now * 1000 + 2 * DAY_MS)
  let isFresh = false
  const waiting = fetched.wait().then(() => {
    isFresh = true
  })
  await vi.waitUntil(() => fetched.isStale)
  expect(isFresh).toBe(false)
  vi.setSystemTime(now * 1000)
  await vi.waitUntil(() => isFresh)
  expect(fetched.isStale).toBe(false)
  fetched.close()
  await Promise.all([running, waiting])
})
