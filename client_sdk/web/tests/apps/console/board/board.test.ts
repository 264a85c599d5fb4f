/** The figures of the board that are reckoned or withheld in the console. */

import { describe, expect, it } from "vitest"

import { countText, loadOf } from "../../../../apps/console/board/boardFigures.ts"
import { wordingOf } from "../../../../apps/console/words.tsx"

describe("the board", () => {
  it("shows how many conversations there are for each available person", () => {
    expect(loadOf({ load: 7, available: 2 })).toBe("3.5")
    expect(loadOf({ load: 0, available: 3 })).toBe("0.0")
    expect(loadOf({ load: 2, available: 0 })).toBe("–")
  })

  it("says of a withheld count that it is small, and of none that there is none", () => {
    const { t } = wordingOf("en")
    expect([null, 0, 5].map((count) => countText(t, count))).toEqual(["fewer than 5", "0", "5"])
    expect(countText(wordingOf("id").t, null)).toBe("kurang dari 5")
  })
})
