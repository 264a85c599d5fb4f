/** The end of a shift: a time of day, today or tomorrow. */

import { describe, expect, it } from "vitest"

import { nextTime, timeOf } from "../../../../apps/console/shift/shift.ts"

const NOON = new Date(2026, 2, 8, 12, 0)
const at = (day: number, hours: number, minutes: number): number => new Date(2026, 2, day, hours, minutes).getTime() / 1000

describe("the end of a shift", () => {
  it.each([
    ["17:30", at(8, 17, 30)],
    ["12:01", at(8, 12, 1)],
    // What is over for today is meant for tomorrow: a night shift.
    ["12:00", at(9, 12, 0)],
    ["06:00", at(9, 6, 0)],
    ["", 0],
    ["soon", 0],
  ])("is the next time that it is %j", (time, until) => {
    expect(nextTime(time, NOON)).toBe(until)
  })

  it("is shown as it was said", () => {
    for (const time of ["00:00", "06:05", "23:59"]) expect(timeOf(nextTime(time, NOON))).toBe(time)
    expect(timeOf(0)).toBe("")
  })
})
