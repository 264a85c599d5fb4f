/**
 * How long she may still wait, said only as far as it is known.
 *
 * Two things are known: how fast the queue has moved while she stood in it, and what the organisation says is usual.
 * Without either there is no number: a kind guess that turns out wrong is worse than none.
 */

import type { Sighting } from "./stateTypes.ts"

export type Estimate =
  | { readonly kind: "joining" }
  | { readonly kind: "minutes"; readonly minutes: number }
  | { readonly kind: "usual"; readonly minutes: number }
  | { readonly kind: "unknown" }
  | { readonly kind: "long" }

const MINUTE_MS = 60_000
/** What people say: nobody waits "17 minutes". Rounded up, so that the estimate is rather beaten than broken. */
const ROUND_MINUTES = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60]
/** Without a usual time, a queue that has not moved for so long may have nobody at its other end. */
const LONG_MS = 5 * MINUTE_MS

/** What can be said at `now` (milliseconds since 1970, as the sightings' times). */
export function estimate(sightings: readonly Sighting[], now: number, usualMinutes: number | null): Estimate {
  const [first, last] = [sightings[0], sightings.at(-1)]
  if (first === undefined || last === undefined) return { kind: "unknown" }
  if (last.position === 0) return { kind: "joining" }
  const unmoved = now - last.at
  const pace = first.position > last.position ? (last.at - first.at) / (first.position - last.position) : null
  if (pace !== null && unmoved < Math.max(2 * pace, MINUTE_MS))
    return { kind: "minutes", minutes: rounded((pace * last.position - unmoved) / MINUTE_MS) }
  if (unmoved >= (usualMinutes === null ? LONG_MS : 2 * usualMinutes * MINUTE_MS)) return { kind: "long" }
  return usualMinutes === null ? { kind: "unknown" } : { kind: "usual", minutes: usualMinutes }
}

/** Minutes as people say them. */
export function rounded(minutes: number): number {
  return ROUND_MINUTES.find((round) => minutes <= round) ?? 60 * Math.ceil(minutes / 60)
}
