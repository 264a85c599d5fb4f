/** Notices that nobody uses the console any more. */

const SIGNS_OF_LIFE = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"] as const
const LOOK_EVERY_MS = 10_000

/**
 * Calls `onIdle` once when nobody did anything for `afterMs`, and `isInUse` did not say otherwise; returns how to stop
 * watching. By the clock rather than by one long timer, for a computer that slept must be found locked when it wakes.
 */
export function watchIdle(afterMs: number, onIdle: () => void, isInUse: () => boolean, now: () => number = Date.now): () => void {
  let last = now()
  const isLate = (): boolean => {
    // A clock that was set back counts from there, or nobody would be missed for as long as it was set back.
    last = Math.min(last, now())
    return now() - last >= afterMs
  }
  const lateOr = (isThere: boolean): void => {
    if (isLate()) {
      stop()
      onIdle()
    } else if (isThere) last = now()
  }
  // Whoever wakes it must not be the one to see it for as long as the next look takes.
  const alive = (): void => {
    lateOr(true)
  }
  const look = (): void => {
    lateOr(isInUse())
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  const stop = (): void => {
    clearInterval(timer)
    for (const sign of SIGNS_OF_LIFE) globalThis.removeEventListener(sign, alive)
    document.removeEventListener("visibilitychange", look)
  }
  for (const sign of SIGNS_OF_LIFE) globalThis.addEventListener(sign, alive, { passive: true })
  document.addEventListener("visibilitychange", look)
  return stop
}
