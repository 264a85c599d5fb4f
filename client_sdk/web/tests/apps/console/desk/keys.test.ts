import { describe, expect, it } from "vitest"

import { titleFor } from "../../../../apps/console/desk/alerts.ts"
import { meaningOf } from "../../../../apps/console/desk/keys.ts"

const press = (code: string, changes = {}) =>
  meaningOf({ altKey: true, ctrlKey: false, metaKey: false, shiftKey: false, code, ...changes })

describe("a key of the desk", () => {
  it("is Alt and one more, by where that key is", () => {
    expect(press("KeyA")).toEqual({ key: "accept" })
    expect(press("ArrowDown")).toEqual({ key: "next" })
    expect(press("Digit3")).toEqual({ place: 3 })
  })

  it("leaves writing, and the keys of browsers and systems, alone", () => {
    expect(press("KeyA", { altKey: false })).toBeNull()
    expect(press("KeyA", { ctrlKey: true })).toBeNull()
    expect(press("KeyA", { metaKey: true })).toBeNull()
    expect(press("KeyQ")).toBeNull()
    expect(press("Digit0")).toBeNull()
  })
})

describe("the title", () => {
  it("counts what waits and says nothing else", () => {
    expect(titleFor(0)).toBe("Console")
    expect(titleFor(3)).toBe("(3) Console")
  })
})
