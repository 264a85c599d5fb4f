import { readFileSync } from "node:fs"

import { describe, expect, it } from "vitest"

import { NotConfigured, ownTextIn } from "../../../apps/shared/block.ts"
import { readConfiguration, siteOf } from "../../../apps/survivor/configuration.ts"

const ORGANISATION = { format: 1, id: "demo", name: "Rumah Aman", root_public_key: "AA" }
const vectors = new URL("../../../../../tests/vectors/contact_links.json", import.meta.url)
const LINKS = JSON.parse(readFileSync(vectors, "utf-8")) as { taken: string[]; refused: string[] }
const read = (page?: unknown) => readConfiguration(JSON.stringify({ organisation: ORGANISATION, page }))

describe("the configuration", () => {
  it("has everything when the organisation says nothing", () => {
    const configuration = read()
    expect(configuration).toMatchObject({ organisationName: "Rumah Aman", typicalWaitMinutes: null, disguise: null })
    expect(configuration.emergencyNumbers.map(({ number }) => number)).toEqual(["129", "110", "119"])
    expect(configuration.cover).toEqual({ skin: "recipe", afterSeconds: 60 })
    expect(configuration.needs).toEqual(["counseling", "medical", "legal", "shelter", "interpreter"])
    expect(configuration.regions).toEqual([])
    expect(configuration.exitPlace).toBe("top")
  })

  it("knows where quick exit leads, and takes nothing for it that is no address of a site", () => {
    const exitUrl = (value: unknown) => readConfiguration(JSON.stringify({ organisation: ORGANISATION, exit_url: value })).exitUrl
    expect(exitUrl("https://weather.example/")).toBe("https://weather.example/")
    for (const wrong of [undefined, 7, "javascript:alert(1)", "/x"]) expect(exitUrl(wrong)).toBe("https://www.bmkg.go.id/")
  })

  it("offers who else can help only where the server says that it has a directory", () => {
    const offers = (directory: unknown) => readConfiguration(JSON.stringify({ organisation: ORGANISATION, directory })).hasDirectory
    expect([true, false, "true", 1, undefined].map(offers)).toEqual([true, false, false, false, false])
  })

  it("gives the organisation on to the SDK as it came", () => {
    expect(read().organisation).toEqual(ORGANISATION)
  })

  it("takes what the organisation says", () => {
    const configuration = read({
      languages: ["en"],
      needs: ["legal"],
      regions: ["Jakarta", 5, "Bogor"],
      typical_wait_minutes: 5,
      emergency_numbers: [{ number: "+44 999", name: "Police" }],
      disguise: { skin: "recipe", press: "footer" },
      exit_place: "bottom-left",
    })
    expect(configuration.exitPlace).toBe("bottom-left")
    expect(configuration).toMatchObject({ languages: ["en"], needs: ["legal"], typicalWaitMinutes: 5, regions: ["Jakarta", "Bogor"] })
    expect(configuration.emergencyNumbers).toEqual([{ number: "+44 999", link: null, name: { id: "Police", en: "Police" }, about: {} }])
    expect(configuration.disguise).toEqual({ skin: "recipe", press: "footer" })
  })

  it.each(LINKS.taken)("takes a contact that is a link: %s", (link) => {
    const contacts = read({ emergency_numbers: [{ link, name: "SAPA 129" }] }).emergencyNumbers
    expect(contacts).toEqual([{ number: null, link, name: { id: "SAPA 129", en: "SAPA 129" }, about: {} }])
  })

  it.each(LINKS.refused)("takes nothing for a link that may lead elsewhere: %j", (link) => {
    expect(read({ emergency_numbers: [{ link, name: "SAPA 129" }] }).emergencyNumbers).toEqual(read().emergencyNumbers)
    expect(read({ emergency_numbers: [{ number: "129", link }] }).emergencyNumbers).toMatchObject([{ number: "129", link: null }])
  })

  it("shows to which site a link leads", () => {
    expect(siteOf("https://wa.me/62811")).toBe("wa.me")
    expect(siteOf("https://chat.example:8443?x=https://wa.me")).toBe("chat.example:8443")
  })

  it("covers the page with the disguise where there is one", () => {
    expect(read({ disguise: { skin: "weather" } }).cover.skin).toBe("weather")
  })

  it("lets no mistake in a table close the door", () => {
    const configuration = read({
      languages: ["xx"],
      needs: "legal",
      emergency_numbers: [{ number: "javascript:x" }],
      cover: { skin: "bank", after_seconds: -1 },
      disguise: { skin: "bank" },
      confidentiality: { en: 5, xx: "?" },
      exit_place: "left",
    })
    expect(configuration).toEqual(read())
  })

  it.each(["null", "{", "[]", '{"organisation": null}'])("refuses a block without an organisation: %s", (text) => {
    expect(() => readConfiguration(text)).toThrow(NotConfigured)
  })
})

describe("a text of the organisation", () => {
  it("is in her language, or else in the one there is", () => {
    expect(ownTextIn({ id: "satu", en: "one" }, "en")).toBe("one")
    expect(ownTextIn({ id: "satu" }, "en")).toBe("satu")
    expect(ownTextIn({}, "en")).toBeUndefined()
  })
})
