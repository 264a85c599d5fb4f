/** What browsers keep of fields for restoring a session, and what they send to writing services: nothing. */

import { readdirSync, readFileSync } from "node:fs"

import { expect, it } from "vitest"

const APPS = new URL("../../../apps/", import.meta.url)

/** The beginning of each element of this name in all pages, as its source has it. */
function elements(name: string): readonly string[] {
  const sources = readdirSync(APPS, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".tsx"))
  return sources.flatMap((file) => {
    const source = readFileSync(new URL(file, APPS), "utf8")
    return [...source.matchAll(new RegExp(`<${name}\\b[\\s\\S]*?(?:/>|>\\n)`, "g"))].map(([found]) => `${file}: ${found}`)
  })
}

it.each(["input", "select", "textarea"])("keeps nothing of any %s", (name) => {
  const found = elements(name)
  expect(found).not.toEqual([])
  expect(found.filter((one) => !/autocomplete=|\.\.\.WRITING_SERVICES_OFF/.test(one))).toEqual([])
})

it("sends nothing that is written, in whichever field for words, to those who would correct or go on with it", () => {
  const forWords = [...elements("textarea"), ...elements("input").filter((one) => /type="(text|search)"/.test(one))]
  expect(forWords.length).toBeGreaterThan(3)
  expect(forWords.filter((one) => !one.includes("...WRITING_SERVICES_OFF"))).toEqual([])
})
