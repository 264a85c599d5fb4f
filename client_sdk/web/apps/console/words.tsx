/** The console's texts in the language that was chosen, for every component. */

import { createContext } from "preact"
import { useContext } from "preact/hooks"

import { translator, type Language, type Translate } from "../shared/i18n/catalogue.ts"
import { sharedTexts } from "../shared/i18n/sharedTexts.ts"
import { consoleTexts } from "./consoleTexts.ts"

const texts = {
  en: { ...sharedTexts.en, ...consoleTexts.en },
  id: { ...sharedTexts.id, ...consoleTexts.id },
}

export type Words = Translate<typeof texts.en>

export interface Wording {
  readonly language: Language
  readonly t: Words
}

/** The wording of one language. */
export function wordingOf(language: Language): Wording {
  return { language, t: translator(texts, language) }
}

export const WordingContext = createContext<Wording>(wordingOf("en"))

export function useWording(): Wording {
  return useContext(WordingContext)
}

const ROLES = ["counselor", "medic", "interpreter", "legal_aid", "shelter", "supervisor"] as const
const NEEDS = ["counseling", "medical", "legal", "shelter"] as const

/** What a staff statement's role is called. */
export function roleName(t: Words, role: string): string {
  return t(`role.${ROLES.find((known) => known === role) ?? "other"}`)
}

/** What a kind of help is called; the organisation's own kinds are called what it calls them. */
export function needName(t: Words, need: string): string {
  const known = NEEDS.find((one) => one === need)
  return known === undefined ? need : t(`need.${known}`)
}
