/** All the times of a call, in one place; in milliseconds. The same on all sides, or one gives up before the other. */

export interface Timing {
  /** How long it rings. */
  readonly ring: number
  /** From one heartbeat to the next; also how long to wait before something unanswered is said again. */
  readonly heartbeat: number
  /** After which somebody who is not heard of is gone: the dead man's switch. */
  readonly silence: number
  /** What was said longer ago than this no longer counts. */
  readonly old: number
  /** How long a connection may take to stand. */
  readonly connect: number
  /** How long candidates are collected before they are sent together. */
  readonly batch: number
  /** How many connections are tried in a row, each for `connect`. */
  readonly attempts: number
}

export const TIMING: Timing = {
  ring: 60_000,
  heartbeat: 5_000,
  silence: 20_000,
  old: 60_000,
  connect: 15_000,
  batch: 3,
  attempts: 3,
}
