/** WCAG 2.2, 1.4.3 and 1.4.11: text stands out 4.5 : 1 from what is behind it, edges of what can be used 3 : 1. */

import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { describe, expect, it } from "vitest"

const css = readFileSync(fileURLToPath(new URL("../../../apps/shared/styles/tokens.css", import.meta.url)), "utf8")
const ofConsole = readFileSync(fileURLToPath(new URL("../../../apps/console/console.css", import.meta.url)), "utf8")
const [lightMarks = "", darkMarks = ""] = ofConsole.split("@media (prefers-color-scheme: dark)")
const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)")

function colours(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name = "", value = ""]) => [name, value]))
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

const TEXT = [
  ["ink", "paper"],
  ["ink", "surface"],
  ["ink", "own"],
  ["ink", "accent-soft"],
  ["muted", "paper"],
  ["muted", "surface"],
  ["muted", "own"],
  ["muted", "accent-soft"],
  ["accent", "paper"],
  ["accent", "surface"],
  ["on-accent", "accent"],
  ["on-exit", "exit"],
  ["on-care", "care"],
] as const
const EDGES = [
  ["edge", "surface"],
  ["edge", "paper"],
  ["focus", "surface"],
  ["focus", "paper"],
  ["exit", "paper"],
] as const

describe.each([
  ["light", colours(light)],
  ["dark", colours(dark)],
])("in the %s scheme", (_, tokens) => {
  const of = (name: string): string => tokens.get(name) ?? ""

  it.each(TEXT)("the text colour %s is legible on %s", (text, behind) => {
    expect(contrast(of(text), of(behind))).toBeGreaterThanOrEqual(4.5)
  })

  it.each(EDGES)("the edge colour %s is visible on %s", (edge, behind) => {
    expect(contrast(of(edge), of(behind))).toBeGreaterThanOrEqual(3)
  })
})

describe.each([
  ["light", colours(lightMarks), colours(light)],
  ["dark", colours(darkMarks), colours(dark)],
])("by what people are told apart in the %s scheme", (_, marks, tokens) => {
  it.each(["blue", "orange", "green", "purple", "pink", "brown"])("the number is legible on %s, which stands out", (colour) => {
    const mark = marks.get(`mark-${colour}`) ?? ""
    expect(contrast(marks.get("on-mark") ?? "", mark)).toBeGreaterThanOrEqual(4.5)
    expect(contrast(mark, tokens.get("paper") ?? "")).toBeGreaterThanOrEqual(3)
  })
})
