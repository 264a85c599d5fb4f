/**
 * Says how often Shift is still to be pressed, to whoever does not see the dots: as GOV.UK's "Exit this page" does.
 *
 *     nothing said ── Shift let go ──> "2 more" ── Shift let go ──> "1 more" ── Shift ──> she has left
 *                                        └─ another key, or five seconds ─┴─> "stopped" ── a key ──> nothing said
 *
 * Only what is let go alone is told of, or each capital that she writes would be. Behind a cover nothing is said: it would tell
 * what the page is.
 */

import { useEffect, useState } from "preact/hooks"

import { SHIFT_MS, ThreeShifts } from "./quickExit.ts"
import { useWording } from "./words.tsx"

type Said = "exit.shift.2" | "exit.shift.1" | "exit.shift.stopped" | null

export function Presses() {
  const { t } = useWording()
  const [said, setSaid] = useState<Said>(null)
  useEffect(() => {
    const shifts = new ThreeShifts()
    let stopping: ReturnType<typeof setTimeout> | undefined
    const stop = (): void => {
      clearTimeout(stopping)
      setSaid((before) => (before === null || before === "exit.shift.stopped" ? null : "exit.shift.stopped"))
    }
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.repeat) return
      shifts.press(event.key, event.timeStamp)
      if (shifts.count === 0) stop()
    }
    const onKeyUp = ({ key }: KeyboardEvent): void => {
      if (key !== "Shift" || shifts.count === 0) return
      setSaid(shifts.count === 1 ? "exit.shift.2" : "exit.shift.1")
      clearTimeout(stopping)
      stopping = setTimeout(stop, SHIFT_MS)
    }
    window.addEventListener("keydown", onKeyDown, { capture: true })
    window.addEventListener("keyup", onKeyUp, { capture: true })
    return () => {
      clearTimeout(stopping)
      window.removeEventListener("keydown", onKeyDown, { capture: true })
      window.removeEventListener("keyup", onKeyUp, { capture: true })
    }
  }, [])
  return (
    <span class="spoken presses" role="status">
      {said !== null && t(said)}
    </span>
  )
}
