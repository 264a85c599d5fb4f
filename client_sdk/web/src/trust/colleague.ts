/** Other staff who are connected to the relay, as their statements prove them. */

import type { Availability } from "../relay/frames.ts"

/** A staff device whose statement was verified; invite her by it. */
export interface Colleague {
  readonly deviceId: Uint8Array
  readonly name: string
  readonly role: string
  readonly languages: readonly string[]
  readonly skills: readonly string[]
  readonly availability: Availability
  /** In how many conversations she is, by the relay's word. */
  readonly load: number
}
