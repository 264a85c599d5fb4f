/** ts-mls is corrected wherever it is used, and used in one place alone. */

import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

import { build } from "vite"
import { describe, expect, it } from "vitest"

import { correctTsMls } from "../../build/correctTsMls.ts"
import { CORRECTED_FILES, corrected } from "../../build/tsMlsCorrections.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const installed = (file: string): string => readFileSync(`${root}/node_modules${file}`, "utf8")

describe("what is corrected in ts-mls", () => {
  it.each(CORRECTED_FILES)("is found in the installed version: %s", (file) => {
    const source = installed(file)
    expect(corrected(`/somewhere/node_modules${file}`, source)).not.toBe(source)
  })

  it.each(CORRECTED_FILES)("must be there exactly once: %s", (file) => {
    const source = installed(file)
    expect(() => corrected(file, "")).toThrow("has changed")
    expect(() => corrected(file, source + source)).toThrow("has changed")
    expect(() => corrected(file, corrected(file, source) ?? "")).toThrow("has changed")
  })

  it("is nothing in other modules", () => {
    expect(corrected("/ts-mls/dist/src/codec/number.js", "anything")).toBeUndefined()
  })

  it("must all be part of a build that has ts-mls in it", async () => {
    const entry = `${root}/node_modules/ts-mls/dist/src/wireformat.js`
    const building = build({
      root,
      configFile: false,
      logLevel: "silent",
      plugins: [correctTsMls()],
      build: { write: false, lib: { entry, formats: ["es"], fileName: "unused" } },
    })
    await expect(building).rejects.toThrow("without corrections")
  })
})

it("is imported by src/mls/group.ts alone", () => {
  const sources = ["src", "apps"].flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|tsx|mjs|js)$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
  const importing = sources.filter((name) => /["']ts-mls(\/[^"']*)?["']/.test(readFileSync(`${root}/${name}`, "utf8")))
  expect(importing).toEqual(["src/mls/group.ts"])
})
