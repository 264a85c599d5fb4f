/** What kinds of help and genders are called. */

import type { Translate } from "./catalogue.ts"
import type { requestTexts } from "./requestTexts.ts"

type RequestWords = Translate<typeof requestTexts.en>

export const NEEDS = ["counseling", "medical", "legal", "shelter", "interpreter", "dispatch"] as const
export const GENDERS = ["female", "male"] as const

/** What a gender that somebody prefers, or is of, is called; one of a program of somebody's own as it is. */
export function genderName(t: RequestWords, gender: string): string {
  const known = GENDERS.find((one) => one === gender)
  return known === undefined ? gender : t(`gender.${known}`)
}

/** What a kind of help is called; the organisation's own kinds are called what it calls them. */
export function needName(t: RequestWords, need: string): string {
  const known = NEEDS.find((one) => one === need)
  return known === undefined ? need : t(`need.${known}`)
}
