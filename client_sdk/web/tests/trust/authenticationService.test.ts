/** A clock that is behind shows by what the organisation has signed, and keeps nobody away; one that is ahead cannot. */

import { describe, expect, it } from "vitest"

import { AuthenticationService } from "../../src/trust/authenticationService.ts"
import { RevocationListStale, UnknownRoot } from "../../src/credentials/exceptions.ts"
import { readOrganisation } from "../../src/trust/organisation.ts"
import { vectors } from "../credentials/vectors.ts"
import { NOW, TestOrganisation } from "../scriptedLog.ts"

const DAY = 24 * 3600
const { authority, list, now } = vectors
const service = (): AuthenticationService => AuthenticationService.of(readOrganisation(vectors.organisation))

describe("a list", () => {
  it("of tomorrow is believed, and says what time it is at least", async () => {
    const room = service()
    const { issued } = await room.adoptRevocations({ list, authority }, now - 3 * DAY)
    expect(room.time(now - 3 * DAY)).toBe(issued)
    expect(room.time(now + 60)).toBe(now + 60)
  })

  it("of the day before yesterday is not", async () => {
    const room = service()
    await expect(room.adoptRevocations({ list, authority }, now + 2 * DAY)).rejects.toThrow(RevocationListStale)
    expect(room.time(now)).toBe(now)
  })

  it("that the organisation has not signed says nothing", async () => {
    const room = service()
    const [header = "", claims = "", signature = ""] = list.split(".")
    const forged = [header, claims, signature.replace(/^./, (first) => (first === "A" ? "B" : "A"))].join(".")
    await expect(room.adoptRevocations({ list: forged, authority }, now - 3 * DAY)).rejects.toThrow(UnknownRoot)
    expect(room.time(0)).toBe(0)
  })
})

describe("whoever was appointed after the list was signed", () => {
  it("is believed by a clock that is behind it, too, as long as the list is good", async () => {
    const organisation = await TestOrganisation.make()
    const believed = async (nbf: number): Promise<string> => {
      const device = await organisation.staff("Sari", "counselor", { nbf, exp: nbf + DAY })
      const { credentialType, content } = device.identity.credential
      const member = { leafIndex: 1, credentialType, content, signatureKey: device.signer.publicKey }
      return (await organisation.service.verifyStaff(member, { now: NOW - 3 * DAY })).name
    }
    expect(await believed(NOW + 4 * 3600)).toBe("Sari")
    await expect(believed(NOW + DAY)).rejects.toThrow(RevocationListStale)
  })
})
