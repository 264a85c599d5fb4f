/** Every text is there in every language, fills the same blanks, and is asked for somewhere. */

/// <reference types="vite/client" />

import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { describe, expect, it } from "vitest"

import { LANGUAGES } from "../../../apps/shared/i18n/catalogue.ts"

type Texts = Record<string, string>
interface Languages extends Record<string, Texts> {
  en: Texts
}
const modules = import.meta.glob<Record<string, Languages>>("../../../apps/**/*[tT]exts.ts", { eager: true })
const catalogues = Object.entries(modules).flatMap(([path, module]) =>
  Object.entries(module).map(([name, texts]) => [`${name} of ${path.replace("../../../", "")}`, texts] as const),
)
const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()

const apps = fileURLToPath(new URL("../../../apps", import.meta.url))
const sources = readdirSync(apps, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path) && !/[tT]exts\.ts$/.test(path))
  .map((path) => readFileSync(`${apps}/${path}`, "utf8"))
  .join("\n")

describe.each(catalogues)("%s", (_, texts) => {
  it("has the same keys in all languages", () => {
    const english = Object.keys(texts.en).sort()
    expect(Object.keys(texts).sort()).toEqual(Object.keys(LANGUAGES).sort())
    for (const ofOne of Object.values(texts)) expect(Object.keys(ofOne).sort()).toEqual(english)
  })

  it("leaves no text empty, and the same blanks in all languages", () => {
    for (const [language, ofOne] of Object.entries(texts))
      for (const [key, text] of Object.entries(ofOne)) {
        expect(text.trim(), `${language} ${key}`).not.toBe("")
        expect(blanks(text), `${language} ${key}`).toEqual(blanks(texts.en[key] ?? ""))
      }
  })

  it("has no text that nobody asks for", () => {
    // `role.${role}` asks for all the keys that begin with "role.".
    const families = new Set([...sources.matchAll(/`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix))
    const unused = Object.keys(texts.en).filter(
      (key) => !sources.includes(`"${key}"`) && !families.has(key.slice(0, key.lastIndexOf(".") + 1)),
    )
    expect(unused).toEqual([])
  })
})

it("finds catalogues at all", () => {
  expect(catalogues.length).toBeGreaterThan(0)
})
