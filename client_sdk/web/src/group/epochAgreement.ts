/**
 * Do all members hold the same keys? After each commit everybody says what she sees of the new epoch.
 *
 *     digest = H(label || epoch_authenticator)        RFC 9420, 8.7; H is the hash of the cipher suite
 *
 * A member that was led into another epoch could not even read the message: to the others it is silent. So whoever has
 * not confirmed an epoch after a minute is named to people:
 *
 *     epoch begins ── all are awaited ── 60 s ──> late, until it confirms this epoch or a later one
 *                           └── confirms ──> no more awaited
 *
 * What counts is time in which we are connected and nothing says that the other is not. A relay could say that; people
 * are told so then, and that is no silence either.
 */

import { EpochAcknowledgement, type Beginning } from "../chat/messages.ts"
import { EpochsDiffer } from "../errors.ts"
import { areEqual, concatenate, utf8 } from "../hazmat/bytes.ts"
import type { MlsGroup } from "../mls/group.ts"
import { suiteOf } from "../mls/suites.ts"

const LABEL = "teduh epoch acknowledgement 1"
/** After so long somebody who has not confirmed an epoch is late. */
const CONFIRM_SECONDS = 60
/** Seconds from one look to the next that count at most: a device that slept in between was not connected. */
const LONGEST_STEP = 10

/** What we say of the present epoch, and of ourselves to whoever is in it. */
export async function acknowledgementOf(
  group: MlsGroup,
  beginnings: readonly Beginning[] = [],
  canCall = true,
): Promise<EpochAcknowledgement> {
  const { hash } = await suiteOf(group.suite)
  const digest = await hash.digest(concatenate(utf8(LABEL), group.epochAuthenticator))
  return EpochAcknowledgement({ epoch: group.epoch, digest, beginnings, cannotCall: !canCall })
}

/** Compare what a member says of our present epoch with ours; throws `EpochsDiffer`. */
export async function checkAcknowledgement(group: MlsGroup, said: EpochAcknowledgement): Promise<void> {
  const ours = await acknowledgementOf(group)
  if (said.epoch !== ours.epoch || !areEqual(said.digest, ours.digest)) {
    throw new EpochsDiffer("a member of the conversation does not hold the same keys")
  }
}

/** Which of the others, by device key in hex, have confirmed the present epoch, and who is late in doing so. */
export class EpochAgreement {
  confirmed: Set<string>
  /** Whom people are told of. */
  late = new Set<string>()
  #waited = new Map<string, number>()
  #looked: number | null = null

  constructor(confirmed: Iterable<string> = []) {
    this.confirmed = new Set(confirmed)
  }

  /** A new epoch begins, which nobody has confirmed. Who was awaited is awaited for as long as before. */
  enter(): void {
    this.confirmed.clear()
  }

  /** We are not connected; a new minute begins when we are. */
  disconnected(): void {
    this.#waited.clear()
    this.#looked = null
  }

  /**
   * Count the time up to `now` (seconds), and tell whether `late` has changed. `absent` are those of the others who are
   * said not to be connected. Called while we are connected, every few seconds at least.
   */
  look(others: readonly string[], absent: readonly string[], now: number): boolean {
    const step = this.#looked === null ? 0 : Math.min(Math.max(now - this.#looked, 0), LONGEST_STEP)
    this.#looked = now
    const awaited = others.filter((key) => !this.confirmed.has(key))
    const waited = awaited.filter((key) => !absent.includes(key)).map((key) => [key, this.#waitedFor(key, step)] as const)
    this.#waited = new Map(waited)
    const before = this.late
    this.late = new Set(awaited.filter((key) => before.has(key) || (this.#waited.get(key) ?? 0) >= CONFIRM_SECONDS))
    return this.late.size !== before.size || [...this.late].some((key) => !before.has(key))
  }

  #waitedFor(key: string, step: number): number {
    const before = this.#waited.get(key)
    return before === undefined ? 0 : before + step
  }
}
