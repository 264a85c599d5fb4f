/** What roles are called. */

import type { Translate } from "./catalogue.ts"
import type { sharedTexts } from "./sharedTexts.ts"

type SharedWords = Translate<typeof sharedTexts.en>

export const ROLES = ["counselor", "medic", "interpreter", "legal_aid", "shelter", "supervisor"] as const

/** What a staff statement's role is called. */
export function roleName(t: SharedWords, role: string): string {
  return t(`role.${ROLES.find((known) => known === role) ?? "other"}`)
}
