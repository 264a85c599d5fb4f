/** The time of day beside a message: as the browser writes it, and without the browser's formatter, which is slow to make. */

import { expect, it } from "vitest"

import { timeOfDay } from "../../../apps/shared/parts/Time.tsx"

const TIMES = [
  [0, 0],
  [8, 5],
  [12, 30],
  [23, 59],
] as const

it.each(["en", "id"] as const)("is written in %s as browsers write it", (language) => {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const
  for (const [hours, minutes] of TIMES) {
    const time = new Date(2026, 10, 27, hours, minutes)
    expect(timeOfDay(time, language)).toBe(time.toLocaleTimeString(language, options))
  }
})
