import { describe, expect, it } from "vitest"

import { catalogue, preferredLanguage, translator } from "../../../apps/shared/i18n/catalogue.ts"
import { pseudo, pseudoTexts } from "../../../apps/shared/i18n/pseudo.ts"

const texts = catalogue({ en: { hello: "Hello, {name}!" }, id: { hello: "Halo, {name}!" } })

describe("a translator", () => {
  it("fills the blanks of a text", () => {
    expect(translator(texts, "id")("hello", { name: "Sari" })).toBe("Halo, Sari!")
  })

  it("puts values in as they are, also when they look like blanks", () => {
    expect(translator(texts, "en")("hello", { name: "$& {name}" })).toBe("Hello, $& {name}!")
  })
})

describe("the preferred language", () => {
  it("is the first wanted one that is offered, whatever its region", () => {
    expect(preferredLanguage(["fr-FR", "en-GB", "id"], ["id", "en"])).toBe("en")
  })

  it("knows the old code of Indonesian", () => {
    expect(preferredLanguage(["in-ID"], ["en", "id"])).toBe("id")
  })

  it("is the first offered when none is wanted", () => {
    expect(preferredLanguage(["fr"], ["id", "en"])).toBe("id")
  })
})

describe("the pseudo-language", () => {
  it("turns every word and keeps the blanks", () => {
    const turned = pseudo("Hello, {name}!")
    expect(turned).toContain("{name}")
    expect(turned).not.toContain("Hello")
    expect(turned).toContain("\u202e")
  })

  it("has every key", () => {
    expect(Object.keys(pseudoTexts(texts.en))).toEqual(["hello"])
  })
})
