import { describe, expect, it } from "vitest"

import { invitationFrom, invitationIn, readConfiguration } from "../../../apps/console/configuration.ts"
import { NotConfigured } from "../../../apps/shared/block.ts"
import { passphraseFailure } from "../../../apps/console/door.ts"
import { AT_THE_DOOR, reduceDoor, type DoorAction, type DoorState } from "../../../apps/console/doorState.ts"

const after = (...actions: DoorAction[]): DoorState => actions.reduce(reduceDoor, AT_THE_DOOR)

describe("the door", () => {
  it("keeps the invitation that came with the address until the device is in", () => {
    const invited = after({ type: "invited", invitation: "CODE" }, { type: "new" })
    expect(invited).toMatchObject({ place: "new", invitation: "CODE" })
    expect(reduceDoor(invited, { type: "inside" }).invitation).toBe("")
  })

  it("says what went wrong until something else is tried", () => {
    const failed = after({ type: "new" }, { type: "busy" }, { type: "failed", failure: "invitation" })
    expect(failed).toMatchObject({ place: "new", isBusy: false, failure: "invitation" })
    expect(reduceDoor(failed, { type: "busy" }).failure).toBeNull()
  })

  it("shows the words to compare only while they are waited for", () => {
    const waiting = after({ type: "words", words: { en: ["one", "two", "three", "four"], id: [] } })
    expect(waiting.words.en).toHaveLength(4)
    expect(reduceDoor(waiting, { type: "locked", ways: ["passphrase"], isIdle: true })).toMatchObject({
      place: "locked",
      isIdle: true,
      words: { en: [], id: [] },
    })
  })
})

describe("a new passphrase", () => {
  it("has 8 characters and is typed twice", () => {
    expect(passphraseFailure("short", "short")).toBe("passphraseShort")
    expect(passphraseFailure("long enough", "long enough!")).toBe("passphraseDiffers")
    expect(passphraseFailure("long enough", "long enough")).toBeNull()
  })
})

describe("an invitation", () => {
  it("is read from the fragment of the address", () => {
    expect(invitationIn("#invitation=abc-DEF_1")).toBe("abc-DEF_1")
    expect(invitationIn("")).toBe("")
  })

  it("may be pasted as a code or as the whole link", () => {
    expect(invitationFrom(" abc ")).toBe("abc")
    expect(invitationFrom("https://staff.example/console/#invitation=abc")).toBe("abc")
  })
})

describe("the configuration", () => {
  const organisation = { format: 1, id: "x", name: "Rumah Aman", root_public_key: "AA" }

  it("is the organisation's, with both languages if it says nothing", () => {
    const read = readConfiguration(JSON.stringify({ organisation }))
    expect(read).toMatchObject({ organisationName: "Rumah Aman", isDemonstration: false, languages: ["id", "en"] })
  })

  it("keeps the organisation's order of languages, and drops what there are no texts in", () => {
    const read = readConfiguration(JSON.stringify({ organisation, page: { languages: ["en", "xx", "id"] } }))
    expect(read.languages).toEqual(["en", "id"])
  })

  it("has the organisation's prepared replies, without what is not one", () => {
    const replies = ["Halo.", { id: "Ya.", en: "Yes." }, 7, { xx: "?" }]
    expect(readConfiguration(JSON.stringify({ organisation, page: { replies } })).replies).toEqual([
      { id: "Halo.", en: "Halo." },
      { id: "Ya.", en: "Yes." },
    ])
    expect(readConfiguration(JSON.stringify({ organisation })).replies).toEqual([])
  })

  it("says that it is a demonstration only when it is one", () => {
    expect(readConfiguration(JSON.stringify({ organisation, demonstration: true })).isDemonstration).toBe(true)
    expect(readConfiguration(JSON.stringify({ organisation, demonstration: "true" })).isDemonstration).toBe(false)
  })

  it("is refused when the server filled nothing in", () => {
    expect(() => readConfiguration("null")).toThrow(NotConfigured)
    expect(() => readConfiguration("{")).toThrow(NotConfigured)
  })
})
