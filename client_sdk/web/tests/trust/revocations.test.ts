/** The list that is fetched: whoever is about to ask for help waits for one that is fresh then. */

import { afterEach, beforeEach, expect, it, vi } from "vitest"

import { AuthenticationService } from "../../src/trust/authenticationService.ts"
import { CLASSIC_SUITE } from "../../src/mls/suites.ts"
import { readOrganisation } from "../../src/trust/organisation.ts"
import { encode } from "../../src/relay/codec.ts"
import { Hello } from "../../src/relay/frames.ts"
import { RevocationFetch } from "../../src/trust/revocations.ts"
import { Survivor } from "../../src/survivor.ts"
import { vectors } from "../credentials/vectors.ts"
import { HeldSocket } from "../heldSocket.ts"

const { authority, list, now } = vectors
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
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ list, authority })))
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

it("says that the clock is wrong where that was set after the relay had said its", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ list, authority })))
  const limits = { frameBytes: 262_144, payloadBytes: 131_072, subscriptions: 64, appendsInFlight: 32, heartbeatSeconds: 20 }
  const dial = (): Promise<HeldSocket> => {
    const socket = new HeldSocket()
    socket.say(encode(Hello({ version: 1, nonce: new Uint8Array(32), time: now, limits })))
    return Promise.resolve(socket)
  }
  const survivor = await Survivor.open("https://relay.example", organisation, { dial, suite: CLASSIC_SUITE })
  await vi.waitUntil(() => survivor.isConnected)
  vi.setSystemTime(now * 1000 + 2 * DAY_MS)
  survivor.ask().catch(() => undefined)
  await vi.waitUntil(() => survivor.verificationBlocked !== null)
  expect(survivor.verificationBlocked).toBe("clock")
  survivor.vanish()
})

/** What a relay shows, by the name of its vector: the last of its documents. */
function shown(name: string): { readonly list: string; readonly authority: string | null } {
  const [authority, list] = vectors.authority_statements.find((one) => one.name === name)?.documents.at(-1) ?? []
  if (list === undefined) throw new Error(`no vector ${name}`)
  return { list, authority: authority ?? null }
}

it.each([
  "an unlisted issuer's list",
  "a list below the least version",
  "signed by an issuer",
  "expired",
  "none",
])("is none for a new page where it and its authority statement are: %s", async (name) => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(shown(name))))
  const service = AuthenticationService.of(organisation)
  const fetched = new RevocationFetch("https://relay.example", service)
  expect(await fetched.once()).toBe(false)
  expect(service.verifier.revocations).toBeUndefined()
  expect(fetched.isStale).toBe(true)
})
