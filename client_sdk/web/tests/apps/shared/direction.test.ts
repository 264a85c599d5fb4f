/** The pages stand in a right-to-left language, too: nothing in a style sheet is laid out by left and right. */

import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { expect, it } from "vitest"

const apps = fileURLToPath(new URL("../../../apps", import.meta.url))
const sheets = readdirSync(apps, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".css"))

const PHYSICAL = /(^|[\s;{])((margin|padding|border|inset)-(left|right)[\w-]*|left|right|float)\s*:|text-align:\s*(left|right)/

it.each(sheets)("%s speaks of start and end", (path) => {
  const lines = readFileSync(`${apps}/${path}`, "utf8").split("\n")
  expect(lines.filter((line) => PHYSICAL.test(line))).toEqual([])
})
