/**
 * What a call gives up, and in which order, when the network is too weak: video goes first, speech last.
 *
 *     full ──weak──> low ──weak──> audio ──poor or silent──> text
 *      ^              ^              │
 *      └────good──────┘              └─ video comes back by a tap only: nobody's camera goes on by itself
 *
 * A pure function from what was and how the call fares now; the reason goes with every step, to be told.
 */

import type { Quality } from "./quality.ts"

/** What is sent: all, all at the low rates, speech alone, or nothing: people go on in writing. */
export const LEVELS = ["full", "low", "audio", "text"] as const
export type Level = (typeof LEVELS)[number]
export type Reason = "weak" | "poor" | "silent"

export interface Thrift {
  readonly level: Level
  /** Why the level is what it is; null on the level where the call began. */
  readonly reason: Reason | null
  /** Qualities in a row that speak for the level below, or above. */
  readonly bad: number
  readonly good: number
}

/** How many in a row it takes. One comes every two seconds. */
export const STEPS_DOWN: Readonly<Record<Exclude<Level, "text">, number>> = { full: 2, low: 3, audio: 8 }
export const STEPS_UP = 8
/**
 * What speech cannot bear. The rating alone would give it up far too early: a line that loses 15 % and takes 300 ms is rated
 * poor, for people dislike it, and yet with in-band FEC every word is understood. Who needs help would rather hear badly.
 */
export const SPEECHLESS_LOSS = 0.35

export function thriftFrom(level: Level): Thrift {
  return { level, reason: null, bad: 0, good: 0 }
}

/** The next state. `hasVideo`: whether any is sent, for where there is none, none can be given up. */
export function spared(thrift: Thrift, quality: Quality, hasVideo: boolean): Thrift {
  if (thrift.level === "text") return thrift
  const reason = reasonToSpare(thrift.level, quality)
  const bad = reason === null ? 0 : thrift.bad + 1
  const good = quality.grade === "good" ? thrift.good + 1 : 0
  if (reason !== null && bad >= STEPS_DOWN[thrift.level]) return { ...thriftFrom(below(thrift.level, hasVideo)), reason }
  if (thrift.level === "low" && good >= STEPS_UP) return thriftFrom("full")
  return { ...thrift, bad, good }
}

function reasonToSpare(level: Level, { grade, loss }: Quality): Reason | null {
  if (level === "audio") return grade === "silent" ? "silent" : loss > SPEECHLESS_LOSS ? "poor" : null
  // Where nothing comes at all, the path is broken: it is found anew, and no picture given up for it.
  return grade === "poor" || grade === "weak" ? grade : null
}

function below(level: Exclude<Level, "text">, hasVideo: boolean): Level {
  if (level === "audio") return "text"
  if (level === "low") return "audio"
  return hasVideo ? "low" : "audio"
}

/** She turned her camera on again: it is tried at the low rates. */
export function withVideoAgain(thrift: Thrift): Thrift {
  return thrift.level === "audio" ? thriftFrom("low") : thrift
}
