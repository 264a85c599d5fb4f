/**
 * Which colleague is asked for, when any of a role will do: one after the other, until one is in.
 *
 *     available, of the role, not here ──> the least busy first ──> the survivor is asked about this one, by name
 *                 ^                                                     │ no: nobody else is asked for
 *                 └──────── the device has not come, or is gone <───────┘ yes
 */

import type { Proposed } from "../conversation/invite.ts"
import type { Colleague } from "../trust/colleague.ts"
import type { Conversation } from "../conversation/conversation.ts"
import { ColleagueAbsent, RelayRefused } from "../errors.ts"
import { areEqual, toHex } from "../hazmat/bytes.ts"
import { Availability, ErrorCode } from "../relay/frames.ts"
import type { Participant } from "../group/room.ts"

/** Whom, and how. `language` is compared by its first part; `within` is how many seconds a device may take to come. */
export interface InviteRole {
  readonly language?: string | null
  readonly reason?: string
  readonly within?: number
  readonly proposed?: Proposed
}

/** Those who are available, have this role and speak this language: the least busy first, then by name. */
export function suitable(colleagues: readonly Colleague[], role: string, language: string | null): readonly Colleague[] {
  return colleagues
    .filter((one) => one.availability === Availability.AVAILABLE && one.role === role && speaks(one, language))
    .sort((one, other) => one.load - other.load || (one.name < other.name ? -1 : Number(one.name > other.name)))
}

/** See `Staff.inviteRole`. */
export async function inviteOneOf(
  conversation: Conversation,
  candidates: () => Promise<readonly Colleague[]>,
  { reason = "", within = 120, proposed }: InviteRole,
): Promise<Participant> {
  const tried = new Set<string>()
  const isHere = ({ deviceId }: Colleague): boolean => conversation.participants.some((one) => areEqual(one.deviceId, deviceId))
  for (;;) {
    // Anew each time: she may have taken a while to answer.
    const next = (await candidates()).find((one) => !tried.has(toHex(one.deviceId)) && !isHere(one))
    if (next === undefined) throw new ColleagueAbsent("nobody suitable is available")
    tried.add(toHex(next.deviceId))
    proposed?.(next.name, next.role)
    try {
      return await conversation.invite(next, reason, within)
    } catch (error) {
      if (!isAbsence(error)) throw error
    }
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof ColleagueAbsent || (error instanceof RelayRefused && error.code === ErrorCode.NO_KEY_PACKAGE)
}

function speaks({ languages }: Colleague, wanted: string | null): boolean {
  return wanted === null || languages.some((language) => primary(language) === primary(wanted))
}

const primary = (language: string): string => (language.split("-")[0] ?? "").toLowerCase()
