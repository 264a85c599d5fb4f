/** Bringing a device in, over a network that loses answers. */

import { afterEach, describe, expect, it, vi } from "vitest"

import { whyNotEnrolled } from "../../apps/console/door/door.ts"
import { parseInvitationCode } from "../../src/credentials/enrolment.ts"
import { isEnrolled } from "../../src/device/device.ts"
import { enrolDevice, Enrolment, pendingEnrolment } from "../../src/device/enrolment.ts"
import { EnrolmentFailed } from "../../src/errors.ts"
import { signerFromPrivateKey } from "../../src/hazmat/ed25519.ts"
import { MemoryKeyStore } from "../../src/device/keyStore.ts"
import { readOrganisation } from "../../src/trust/organisation.ts"
import { bytes, vectors } from "../credentials/vectors.ts"

const RELAY = "https://relay.example"
const { code } = vectors.enrolment
const organisation = readOrganisation(vectors.organisation)

/** What the relay does with submissions: each invitation is one device's, and the same again is the same. */
function relay(answers: ("lost" | "told")[]) {
  let kept: unknown = null
  return (_: string, { body }: RequestInit): Promise<Response> => {
    kept ??= body
    const isHers = kept === body
    if (answers.shift() === "lost") return Promise.reject(new TypeError("the network is gone"))
    return Promise.resolve(Response.json(isHers ? { id: "it", state: "waiting" } : { error: "invitation_used" }))
  }
}

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("a device whose answer was lost", () => {
  it("is the same device when it tries the code again", async () => {
    vi.stubGlobal("fetch", relay(["lost", "told"]))
    const store = new MemoryKeyStore()
    await expect(enrolDevice(RELAY, organisation, code, store)).rejects.toThrow("the relay cannot be reached")
    const { words } = await enrolDevice(RELAY, organisation, code, store)
    expect((await pendingEnrolment(RELAY, organisation, store))?.words).toEqual(words)
  })

  it("is another one, with a key of its own, by another code", async () => {
    vi.stubGlobal("fetch", relay(["told", "told"]))
    const store = new MemoryKeyStore()
    const first = await enrolDevice(RELAY, organisation, code, store)
    vi.stubGlobal("fetch", relay(["told"]))
    const second = await enrolDevice(RELAY, organisation, code.replace(/:.*/, `:${"A".repeat(43)}`), store)
    expect(second.words).not.toEqual(first.words)
  })

  it("hears that another one has used the code", async () => {
    vi.stubGlobal("fetch", relay(["told", "told"]))
    await enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    const refused = enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    await expect(refused).rejects.toThrow(new EnrolmentFailed("the relay refused: invitation_used"))
  })
})

it("lets a device in whose clock is behind, and by which its statement begins later", async () => {
  vi.useFakeTimers({ now: (vectors.now - 3600) * 1000 })
  const { enrolment_id: id, private_key: key, sealed } = vectors.enrolment
  vi.stubGlobal("fetch", (url: string) =>
    Promise.resolve(Response.json(url.endsWith(id) ? { id, state: "approved", sealed } : { list: vectors.list, authority: vectors.authority })),
  )
  const store = new MemoryKeyStore()
  const words = { en: [], id: [] }
  const signer = await signerFromPrivateKey(bytes(key))
  await new Enrolment(RELAY, organisation, parseInvitationCode(code), signer, store, words).wait()
  expect(await isEnrolled(store)).toBe(true)
})

describe("a relay that cannot answer now", () => {
  const answers = (...told: object[]): void => {
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json(told.shift() ?? {})))
  }
  const failure = async (work: Promise<unknown>): Promise<EnrolmentFailed> => {
    const error: unknown = await work.then(() => null, (reason: unknown) => reason)
    if (!(error instanceof EnrolmentFailed)) throw error
    return error
  }

  it.each(["unavailable", "rate_limited"])("says nothing against the invitation: %s", async (error) => {
    answers({ id: "it", state: "waiting" }, { error })
    const enrolment = await enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    expect(whyNotEnrolled(await failure(enrolment.wait()))).toBe("relay")
  })

  it("says nothing against it where the revocation list does not come, either", async () => {
    answers({ id: "it", state: "waiting" }, { id: "it", state: "approved", sealed: "AA" }, { error: "unavailable" })
    const enrolment = await enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    expect(whyNotEnrolled(await failure(enrolment.wait()))).toBe("relay")
  })

  it("says nothing against it where the list is too old by this device's clock, but that", async () => {
    answers({ id: "it", state: "waiting" }, { id: "it", state: "approved", sealed: "AA" }, { list: vectors.list, authority: vectors.authority })
    const enrolment = await enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    vi.useFakeTimers({ now: (vectors.now + 2 * 24 * 3600) * 1000 })
    expect(whyNotEnrolled(await failure(enrolment.wait()))).toBe("clock")
  })

  it("is not one that knows no such invitation", async () => {
    answers({ id: "it", state: "waiting" }, { error: "unknown_enrolment" })
    const enrolment = await enrolDevice(RELAY, organisation, code, new MemoryKeyStore())
    expect(whyNotEnrolled(await failure(enrolment.wait()))).toBe("invitation")
  })
})
