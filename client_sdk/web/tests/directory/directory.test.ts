/** The directory is believed or not as its statement is, and fetched whole: a search asks nobody. */

import { readFileSync } from "node:fs"

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"

import { signToken } from "../../src/credentials/jsonWebToken.ts"
import { Directory } from "../../src/directory/directory.ts"
import { InvalidDirectory } from "../../src/errors.ts"
import { encodeBase64url, sha256, utf8 } from "../../src/hazmat/bytes.ts"
import { signerFromPrivateKey } from "../../src/hazmat/ed25519.ts"
import { readOrganisation } from "../../src/trust/organisation.ts"
import { vectors } from "../credentials/vectors.ts"

const organisation = readOrganisation(vectors.organisation)
const RELAY = "https://relay.example/"

/** What the relay answers by path; every other path is an error. */
function relayAnswers(answers: Readonly<Record<string, unknown>>): string[] {
  const asked: string[] = []
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url)
    const { pathname } = new URL(url)
    return Promise.resolve(Response.json(answers[pathname] ?? { error: "not_found" }))
  })
  return asked
}

beforeEach(() => {
  vi.useFakeTimers({ now: vectors.now * 1000, toFake: ["Date"] })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("a directory that a relay shows", () => {
  it.each(vectors.directories)("$name", async ({ authority, list, documents, now, error }) => {
    vi.setSystemTime(now * 1000)
    let held: Directory | undefined
    const fetched = async ([statement, directory]: readonly [string, string]): Promise<Directory> => {
      relayAnswers({
        "/v1/directory": { statement, directory },
        ...(authority === null ? {} : { "/v1/revocations": { list, authority } }),
      })
      return Directory.fetch(RELAY, organisation, held)
    }
    for (const document of documents.slice(0, -1)) held = await fetched(document)
    const last = fetched(documents.at(-1) ?? ["", ""])
    if (error === null) await expect(last).resolves.toHaveProperty("services", [])
    else {
      const refusal: unknown = await last.catch((thrown: unknown) => thrown)
      expect(refusal).toBeInstanceOf(InvalidDirectory)
      expect((refusal as InvalidDirectory).cause).toHaveProperty("name", error)
    }
  })

  const good = vectors.directories[0]?.documents[0] ?? ["", ""]

  it("is fetched once, and a search asks nobody", async () => {
    const asked = relayAnswers({ "/v1/directory": { statement: good[0], directory: good[1] } })
    const directory = await Directory.fetch(RELAY, organisation)
    expect(asked.toSorted()).toEqual(["https://relay.example/v1/directory", "https://relay.example/v1/revocations"])
    for (const need of ["emergency", "shelter"]) directory.search({ need, openNow: true })
    expect(asked).toHaveLength(2)
    expect(directory.version).toBe(vectors.now)
  })

  it.each([
    ["nothing", {}],
    ["no statement", { directory: good[1] }],
    ["no text", { statement: good[0], directory: { services: [] } }],
    ["too many bytes", { statement: good[0], directory: "x".repeat(1024 * 1024 + 1) }],
  ])("is none where the answer holds %s", async (_, answer) => {
    relayAnswers({ "/v1/directory": answer })
    await expect(Directory.fetch(RELAY, organisation)).rejects.toBeInstanceOf(InvalidDirectory)
  })

  it("is none where the relay cannot be reached", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")))
    await expect(Directory.fetch(RELAY, organisation)).rejects.toBeInstanceOf(InvalidDirectory)
  })
})

describe("a search by a clock that is years behind", () => {
  const file = new URL("../../../../tests/vectors/directory.json", import.meta.url)
  const { directory } = JSON.parse(readFileSync(file, "utf8")) as { readonly directory: string }

  it("takes the time of the newest list, so that what is too old is not shown", async () => {
    const root = await signerFromPrivateKey(new Uint8Array(32).fill(1))
    const digest = encodeBase64url(await sha256(utf8(directory)))
    const { now, authority, list } = vectors
    const claims = { exp: now + 3600, iat: now, iss: organisation.id, sha256: digest, version: now }
    const statement = await signToken("teduh-directory+jwt", claims, root)
    relayAnswers({ "/v1/directory": { statement, directory }, "/v1/revocations": { list, authority } })
    vi.setSystemTime(0)
    const found = (await Directory.fetch(RELAY, organisation)).search({ need: "counseling" })
    expect(found.map(({ service }) => service.name)).not.toContain("e")
    expect(found.map(({ service }) => service.name)).toContain("b")
  })
})
