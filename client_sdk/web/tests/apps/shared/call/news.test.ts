/** What is said of devices that could not be opened. */

import { expect, it } from "vitest"

import { callWordingOf } from "../../../../apps/shared/call/callWords.tsx"
import { refusalText } from "../../../../apps/shared/call/News.tsx"
import type { OwnView } from "../../../../src/call/media/view.ts"

const WORDING = callWordingOf("en")

function own(refused: OwnView["refused"], microphone = false): OwnView {
  return { refused, microphone } as unknown as OwnView
}

it("says nothing where nothing was refused", () => {
  expect(refusalText(WORDING, own(null))).toBe("")
})

it("says that she is not heard where no microphone is on", () => {
  expect(refusalText(WORDING, own({ source: "microphone", why: "busy" }))).toContain("You are not heard.")
})

it("does not say so where she is heard by the one before: another could not be opened, in the call or in the try-out", () => {
  const said = refusalText(WORDING, own({ source: "microphone", why: "busy" }, true))
  expect(said).not.toContain("not heard")
  expect(said).toContain("still used")
})

it("says of cameras what it says whether or not she is heard", () => {
  const refused = { source: "camera", why: "busy" } as const
  expect(refusalText(WORDING, own(refused, true))).toBe(refusalText(WORDING, own(refused)))
})
